/* One table, so that the same cause ends with the same status in every command. A code that is
 * not in it is the operation's own refusal (1): that is the status that promises least. A switch
 * was rejected, since the table can be compared with the document row by row. */
#include "cli/syntax/exit.h"

#include <errno.h>
#include <stddef.h>

#include "base/attr.h"

/* Many causes, eight statuses. EFBIG is of the device or the disk; a file of the user's that is too
 * large is EBADMSG by then (package_file.c). */
static const struct {
    int code;
    enum sph_exit status;
} statuses[] = {
    {-ENOTCONN, SPH_EXIT_UNREACHABLE},
    {-ECONNREFUSED, SPH_EXIT_UNREACHABLE},
    {-EHOSTDOWN, SPH_EXIT_UNREACHABLE},
    {-ETIMEDOUT, SPH_EXIT_UNREACHABLE},
    {-ECONNRESET, SPH_EXIT_UNREACHABLE},
    {-EBADMSG, SPH_EXIT_INPUT},
    {-ENOEXEC, SPH_EXIT_INPUT},
    {-EACCES, SPH_EXIT_DENIED},
    {-EPERM, SPH_EXIT_DENIED},
    {-EOPNOTSUPP, SPH_EXIT_DENIED},
    {-ENOENT, SPH_EXIT_NOT_FOUND},
    {-ESRCH, SPH_EXIT_NOT_FOUND},
    {-ENODEV, SPH_EXIT_NOT_FOUND},
    {-EINVAL, SPH_EXIT_USAGE},
    {-ENOSPC, SPH_EXIT_IO},
    {-EDQUOT, SPH_EXIT_IO},
    {-EFBIG, SPH_EXIT_IO},
    {-EIO, SPH_EXIT_IO},
    {-EROFS, SPH_EXIT_IO},
    {-ENOTDIR, SPH_EXIT_IO},
    {-ENOMEM, SPH_EXIT_IO},
    {-EMFILE, SPH_EXIT_IO},
    {-ENFILE, SPH_EXIT_IO},
    {-EPIPE, SPH_EXIT_IO},
};

/* Positive codes have no business here and end as a refusal, too. */
enum sph_exit sph_exit_of(int code) {
    for (size_t i = 0; i < SPH_ARRAY_SIZE(statuses); i++)
        if (statuses[i].code == code)
            return statuses[i].status;
    return code == 0 ? SPH_EXIT_OK : SPH_EXIT_FAILED;
}
