/* The agent knows where the package is mounted and holds the mutable file. The file's own quota is
 * enforced on whatever is done with the descriptor, not here. */
#include <applibs/storage.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "channel.h"

/* The documented rule, which also refuses names such as "a..b" that could not climb. */
static bool is_inside_package(const char *path) {
    return path[0] != '\0' && path[0] != '/' && path[0] != '.' && strstr(path, "..") == NULL;
}

/* Asks for the package's root on behalf of a path in it. */
static int ask_root(const char *relative_path, struct sph_app_reply *ret_reply) {
    if (relative_path == NULL) {
        errno = EFAULT;
        return -1;
    }
    if (!is_inside_package(relative_path)) {
        errno = EINVAL;
        return -1;
    }
    const struct sph_app_request request = {.version = SPH_APP_CHANNEL_VERSION,
                                            .op = SPH_APP_PACKAGE_PATH};
    return sph_channel_result(sph_channel_ask(&request, ret_reply), EIO);
}

/* The documented interface hands out a string for free(), so this one is the heap's. */
char *Storage_GetAbsolutePathInImagePackage(const char *relativePath) {
    struct sph_app_reply reply;
    if (ask_root(relativePath, &reply) < 0)
        return NULL;
    size_t root_length = strlen(reply.text);
    size_t relative_size = strlen(relativePath) + 1;
    char *path = malloc(root_length + 1 + relative_size);
    if (path == NULL)
        return NULL;
    memcpy(path, reply.text, root_length);
    path[root_length] = '/';
    memcpy(path + root_length + 1, relativePath, relative_size);
    return path;
}

/* A folder opens for reading too, but is no file. */
static int require_regular_file(int fd) {
    struct stat info;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode))
        return fd;
    (void)close(fd);
    errno = EINVAL;
    return -1;
}

/* Opened below the package's root and not by the absolute path put together: no allocation. Links
 * are followed, as a package holds none. */
int Storage_OpenFileInImagePackage(const char *relativePath) {
    struct sph_app_reply reply;
    if (ask_root(relativePath, &reply) < 0)
        return -1;
    int root = open(reply.text, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return -1;
    int fd = openat(root, relativePath, O_RDONLY | O_CLOEXEC);
    int error = errno;
    (void)close(root);
    errno = error;
    return fd < 0 ? -1 : require_regular_file(fd);
}

/* The agent makes the file where there is none, as the user id that the application runs under. */
int Storage_OpenMutableFile(void) {
    const struct sph_app_request request = {.version = SPH_APP_CHANNEL_VERSION,
                                            .op = SPH_APP_STORAGE_OPEN_MUTABLE};
    int fd = -1;
    return sph_channel_result(sph_channel_open(&request, &fd), EIO) < 0 ? -1 : fd;
}

int Storage_DeleteMutableFile(void) {
    const struct sph_app_request request = {.version = SPH_APP_CHANNEL_VERSION,
                                            .op = SPH_APP_STORAGE_DELETE_MUTABLE};
    struct sph_app_reply reply;
    return sph_channel_result(sph_channel_ask(&request, &reply), EIO);
}
