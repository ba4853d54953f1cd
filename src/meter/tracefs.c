/* tracefs: a detached mount gives the files without a mount point; a host's own mount of tracefs is
 * not looked for, as it may be hidden from this mount namespace or be readable by root alone. */
#include "meter/tracefs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#define EVENT "events/kmem/rss_stat"

enum { FORMAT_MAX = 8192 /* bytes; this event's description has under 1 KiB */ };

/* "field:unsigned int mm_id;	offset:8;	size:4;	signed:0;": finds the one called `name`. */
static const char *find_field(const char *line, size_t len, const char *name) {
    size_t name_len = strlen(name);
    const char *end = memchr(line, ';', len);
    if (!memmem(line, len, "field:", 6) || !end || (size_t)(end - line) <= name_len)
        return NULL;
    const char *start = end - name_len;
    return start[-1] == ' ' && memcmp(start, name, name_len) == 0 ? end : NULL;
}

/* Up to six digits: an event is smaller than a page, and an id than the number of events. */
static int read_number(const char *text, size_t len, const char *label, uint32_t *ret_number) {
    const char *found = memmem(text, len, label, strlen(label));
    if (!found)
        return -EBADMSG;
    uint32_t number = 0;
    unsigned digits = 0;
    for (const char *c = found + strlen(label); c < text + len && *c >= '0' && *c <= '9'; c++) {
        if (++digits > 6)
            return -EBADMSG;
        number = number * 10 + (uint32_t)(*c - '0');
    }
    /* A number at the very end of the text may be cut. */
    if (digits == 0 || found + strlen(label) + digits >= text + len)
        return -EBADMSG;
    *ret_number = number;
    return 0;
}

/* Fields come one per line, in no promised order. */
static int parse_field(const char *text, size_t len, const char *name,
                       struct sph_tracefs_field *ret_field) {
    const char *end = text + len;
    for (const char *line = text; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *stop = newline ? newline : end;
        const char *rest = find_field(line, (size_t)(stop - line), name);
        if (rest) {
            struct sph_tracefs_field field = {.offset = 0};
            if (read_number(rest, (size_t)(stop - rest), "offset:", &field.offset) != 0 ||
                read_number(rest, (size_t)(stop - rest), "size:", &field.bytes) != 0)
                return -EBADMSG;
            *ret_field = field;
            return 0;
        }
        line = newline ? newline + 1 : end;
    }
    return -EBADMSG;
}

/* The id stands on a line of its own, the fields below it. */
int sph_tracefs_parse_rss_stat(const char *text, size_t len,
                               struct sph_tracefs_rss_stat *ret_layout) {
    struct sph_tracefs_rss_stat layout = {.id = 0};
    uint32_t id = 0;
    if (read_number(text, len, "\nID: ", &id) != 0 ||
        parse_field(text, len, "mm_id", &layout.mm_id) != 0 ||
        parse_field(text, len, "curr", &layout.curr) != 0 ||
        parse_field(text, len, "member", &layout.member) != 0 ||
        parse_field(text, len, "size", &layout.size) != 0)
        return -EBADMSG;
    layout.id = id;
    *ret_layout = layout;
    return 0;
}

/* The sentence gives both places, as it is what a report about an unknown kernel will quote. */
static int check_field(const char *name, struct sph_tracefs_field field, uint32_t offset,
                       uint32_t bytes, struct sph_err *err) {
    if (field.offset == offset && field.bytes == bytes)
        return 0;
    return SPH_FAIL(err, -EPROTO,
                    "this kernel's event kmem:rss_stat has %s at byte %u (%u bytes) and not at %u "
                    "(%u): cannot meter natively here, use a virtual device",
                    name, field.offset, field.bytes, offset, bytes);
}

/* The program has the places compiled in: reading them from a map at each event was rejected, as it
 * would cost more than the rest of the program. */
int sph_tracefs_check_rss_stat(const struct sph_tracefs_rss_stat *layout, struct sph_err *err) {
    uint32_t width = layout->size.bytes == 4 ? 4 : 8;
    if (check_field("mm_id", layout->mm_id, 8, 4, err) != 0 ||
        check_field("curr", layout->curr, 12, 4, err) != 0 ||
        check_field("member", layout->member, 16, 4, err) != 0 ||
        check_field("size", layout->size, width == 4 ? 20 : 24, width, err) != 0)
        return -EPROTO;
    return width == 4 ? 32 : 64;
}

/* Three steps of the mount interface of 5.2; the fourth, move_mount, is left out on purpose. */
static int open_detached(struct sph_err *err) {
    sph_autoclose int context = (int)syscall(SYS_fsopen, "tracefs", FSOPEN_CLOEXEC);
    if (context < 0)
        return SPH_FAIL_ERRNO(err, -errno,
                              "no kernel events (tracefs) here: cannot meter natively, use a "
                              "virtual device");
    if (syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0)
        return SPH_FAIL_ERRNO(err, -errno,
                              "cannot open the kernel's events (tracefs): cannot meter natively, "
                              "use a virtual device");
    int root = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);
    if (root < 0)
        return SPH_FAIL_ERRNO(err, -errno,
                              "cannot look into the kernel's events (tracefs): cannot meter "
                              "natively, use a virtual device");
    return root;
}

int sph_tracefs_read_rss_stat(struct sph_tracefs_rss_stat *ret_layout, struct sph_err *err) {
    sph_autoclose int root = open_detached(err);
    if (root < 0)
        return root;
    sph_autoclose int format = openat(root, EVENT "/format", O_RDONLY | O_CLOEXEC);
    if (format < 0)
        return SPH_FAIL_ERRNO(err, -errno,
                              "this kernel has no event kmem:rss_stat: cannot meter natively, use "
                              "a virtual device");
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(FORMAT_MAX);
    int error = sph_fd_read_to_end(format, &text, err);
    if (error)
        return error;
    error = sph_tracefs_parse_rss_stat(text.data ? text.data : "", text.len, ret_layout);
    if (error)
        return SPH_FAIL(err, -EPROTO,
                        "this kernel describes its event kmem:rss_stat in an unknown form: cannot "
                        "meter natively, use a virtual device");
    return 0;
}
