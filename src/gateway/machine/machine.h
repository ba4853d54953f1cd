/* machine: what a virtual device's QEMU is started with, from its device.json. Pure. */
#ifndef SPH_GATEWAY_MACHINE_MACHINE_H
#define SPH_GATEWAY_MACHINE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    SPH_MACHINE_FORWARDS = 16,
    SPH_MACHINE_WORDS = 64,   /* of QEMU's command line, with the NULL */
    SPH_MACHINE_TEXT = 4096,  /* bytes of all words that are not constants */
    SPH_MACHINE_JSON = 16384, /* bytes of device.json, as for the agent */
};

#define SPH_MACHINE_PROGRAM "qemu-system-arm"

/* A port of 127.0.0.1 that leads to one of the device; both TCP. */
struct sph_machine_forward {
    uint16_t host, device;
};

struct sph_machine_config {
    bool is_virtual;
    bool network; /* apps may reach the outside */
    uint64_t flash_bytes, storage_bytes;
    struct sph_machine_forward forwards[SPH_MACHINE_FORWARDS];
    unsigned forward_count;
};

/* The members that the gateway needs; the rest is the agent's to judge. Of a device that is not
 * virtual only is_virtual is set. -EBADMSG with "device.json: …". */
int sph_machine_parse(const char *text, size_t len, struct sph_machine_config *ret_config,
                      struct sph_err *err);

/* Bytes of the state disk, a whole number of MiB: the packages, their staged copies and both
 * unpacked trees, 32 apps' storage, the journal and the file system's own. */
uint64_t sph_machine_disk_bytes(const struct sph_machine_config *config);

/* QEMU's command line; the words point into it or to constants, so it must stay where it is. */
struct sph_machine_words {
    const char *words[SPH_MACHINE_WORDS]; /* NULL-terminated */
    unsigned count;
    char text[SPH_MACHINE_TEXT];
    size_t used;
};

/* kernel and initramfs: what QEMU opens them by. time_ms: the host's clock, Unix time. 0 or
 * -ENOSPC, which no config that was parsed can cause. */
int sph_machine_compose(const struct sph_machine_config *config, const char *kernel,
                        const char *initramfs, uint64_t time_ms,
                        struct sph_machine_words *ret_words, struct sph_err *err);

#endif
