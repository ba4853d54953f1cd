/* Disks and the port are known by what the host calls them, never by their order: that is the
 * kernel's, and changes with it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/machine/machine_parse.h"
#include "agent/machine/machine_private.h"
#include "agent/machine/options.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"

enum {
    LINE_MAX_BYTES = 4096,        /* of a sysfs file */
    CONFIG_MAX = 16 * 1024 + 512, /* bytes of device.json with its padding */
};

static const char state_place[] = SPH_OPTIONS_MACHINE_DIR "/state";
/* What is acknowledged has been fsynced by then: the disk has to obey (barrier), and file data goes
 * before the names that tell of it (ordered, which a file system without a journal refuses). After
 * an error nothing more is changed. */
static const char state_options[] = "data=ordered,barrier=1,errors=remount-ro";

/* Entries that have no such file, or whose file says something else, are passed over. */
int sph_machine_find(const char *folder, const char *file, const char *word,
                     char ret_node[SPH_MACHINE_NODE]) {
    sph_autoclosedir DIR *list = opendir(folder);
    if (!list)
        return -errno;
    for (struct dirent *entry = readdir(list); entry; entry = readdir(list)) {
        sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(LINE_MAX_BYTES);
        char path[sizeof(entry->d_name) + 32];
        if (entry->d_name[0] == '.' || strlen(entry->d_name) >= SPH_MACHINE_NODE - sizeof("/dev/"))
            continue;
        (void)snprintf(path, sizeof(path), "%s/%s", entry->d_name, file);
        if (sph_file_read(dirfd(list), path, &text, NULL) < 0 ||
            !sph_machine_line_is(text.data ? text.data : "", text.len, word))
            continue;
        (void)snprintf(ret_node, SPH_MACHINE_NODE, "/dev/%.*s",
                       (int)(SPH_MACHINE_NODE - sizeof("/dev/")), entry->d_name);
        return 0;
    }
    return -ENOENT;
}

static int find_disk(const char *serial, char ret_node[SPH_MACHINE_NODE], struct sph_err *err) {
    int code = sph_machine_find("/sys/block", "serial", serial, ret_node);
    if (code < 0)
        return SPH_FAIL(err, code,
                        "the machine has no disk %s: its kernel, images and gateway have to be of "
                        "one release",
                        serial);
    return 0;
}

int sph_machine_copy_config(struct sph_err *err) {
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(CONFIG_MAX);
    char node[SPH_MACHINE_NODE];
    int code = find_disk("spherule-config", node, err);
    if (code == 0)
        code = sph_file_read(AT_FDCWD, node, &text, err);
    if (code == 0)
        code = sph_dir_make(AT_FDCWD, SPH_OPTIONS_MACHINE_DIR, 0755, err);
    if (code < 0)
        return code;
    size_t len = sph_machine_unpadded(text.data, text.len);
    return sph_file_replace(AT_FDCWD, SPH_OPTIONS_MACHINE_DIR "/device.json", text.data, len, 0644,
                            err);
}

/* The top folder of a new file system is open to all; the agent wants its state to itself. */
int sph_machine_mount_state(struct sph_err *err) {
    char node[SPH_MACHINE_NODE];
    int code = find_disk("spherule-state", node, err);
    if (code == 0)
        code = sph_dir_make(AT_FDCWD, state_place, 0700, err);
    if (code < 0)
        return code;
    if (mount(node, state_place, "ext4", MS_NOATIME | MS_NOSUID | MS_NODEV, state_options) < 0)
        return SPH_FAIL(err, -errno,
                        "state.img is not the ext4 disk of a device, or is damaged (%s): run "
                        "e2fsck -f on it, or remove it to begin with an empty device",
                        strerror(errno));
    if (chmod(state_place, 0700) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot write to state.img (run e2fsck -f on it)");
    return 0;
}
