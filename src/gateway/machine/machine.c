/* Names of files are relative: QEMU runs in the device's folder, so that no path is too long for a
 * socket and none has to be quoted for QEMU's option syntax. What comes from device.json reaches
 * the command line as numbers only. The device side is docs/spec/machine.md, section 2.
 *
 * Rejected: QEMU's own configuration files (deprecated), and -daemonize (it hides why a start fails
 * and changes the pid that was locked). */
#include "gateway/machine/machine.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json_in.h"
#include "base/text.h"

#define MIB (UINT64_C(1) << 20)

enum {
    OVERHEAD_MIB = 8, /* the journal (4), inode tables and bitmaps, folders and reports */
    COPIES = 4,       /* of the flash: package, staged package, and both unpacked */
    APPS = 32,        /* that may have storage, as many as can run */
};

/* ---- device.json ---- */

/* "8080:80"; both from 1 to 65535, nothing around them. */
static int parse_forward(const struct sph_json_value *value, struct sph_machine_forward *ret) {
    char text[16];
    uint64_t host, device;
    if (sph_json_to_text(value, text, sizeof(text)) < 0)
        return -EBADMSG;
    char *colon = strchr(text, ':');
    if (!colon)
        return -EBADMSG;
    *colon = '\0';
    if (sph_text_to_u64(text, UINT16_MAX, &host) < 0 ||
        sph_text_to_u64(colon + 1, UINT16_MAX, &device) < 0 || host == 0 || device == 0)
        return -EBADMSG;
    *ret = (struct sph_machine_forward){.host = (uint16_t)host, .device = (uint16_t)device};
    return 0;
}

/* Whether the host port after the last one counted is among them. */
static bool has_twice(const struct sph_machine_config *config) {
    for (unsigned i = 0; i < config->forward_count; i++) {
        if (config->forwards[i].host == config->forwards[config->forward_count].host)
            return true;
    }
    return false;
}

static int parse_forwards(const struct sph_json_value *list, struct sph_machine_config *config,
                          struct sph_err *err) {
    struct sph_json_iter iter;
    struct sph_json_value value;
    if (list->type != SPH_JSON_ARRAY)
        return SPH_FAIL(err, -EBADMSG, "device.json: forwards is not an array");
    sph_json_iter_init(&iter, list);
    while (sph_json_next(&iter, NULL, &value)) {
        if (config->forward_count == SPH_MACHINE_FORWARDS)
            return SPH_FAIL(err, -EBADMSG, "device.json: there are more than %d forwards",
                            SPH_MACHINE_FORWARDS);
        if (parse_forward(&value, &config->forwards[config->forward_count]) < 0)
            return SPH_FAIL(err, -EBADMSG,
                            "device.json: forwards holds something that is no \"8080:80\" (host "
                            "port, device port)");
        if (has_twice(config))
            return SPH_FAIL(err, -EBADMSG, "device.json: forwards has the host port %u twice",
                            config->forwards[config->forward_count].host);
        config->forward_count++;
    }
    return 0;
}

static int parse_size(const struct sph_json_value *profile, const char *key, uint64_t *ret_bytes,
                      struct sph_err *err) {
    struct sph_json_value value;
    if (sph_json_get(profile, key, &value) &&
        sph_json_to_u64(&value, UINT64_C(1) << 30, ret_bytes) == 0)
        return 0;
    return SPH_FAIL(err, -EBADMSG, "device.json: profile.%s is not a number up to 1073741824", key);
}

static int parse_virtual(const struct sph_json_value *top, struct sph_machine_config *config,
                         struct sph_err *err) {
    struct sph_json_value value;
    if (sph_json_get(top, "network", &value) && sph_json_to_bool(&value, &config->network) < 0)
        return SPH_FAIL(err, -EBADMSG, "device.json: network is not true or false");
    int rc = sph_json_get(top, "forwards", &value) ? parse_forwards(&value, config, err) : 0;
    if (rc < 0)
        return rc;
    if (!sph_json_get(top, "profile", &value))
        return SPH_FAIL(err, -EBADMSG, "device.json: profile is missing");
    rc = parse_size(&value, "flashBytes", &config->flash_bytes, err);
    return rc < 0 ? rc : parse_size(&value, "storageBytes", &config->storage_bytes, err);
}

int sph_machine_parse(const char *text, size_t len, struct sph_machine_config *ret_config,
                      struct sph_err *err) {
    struct sph_machine_config config = {.is_virtual = false};
    struct sph_json_value top, value;
    int rc = sph_json_check(text, len, &top, err);
    if (rc < 0) {
        sph_err_prefix(err, "device.json");
        return rc;
    }
    if (!sph_json_get(&top, "backend", &value))
        return SPH_FAIL(err, -EBADMSG, "device.json: backend is missing");
    config.is_virtual = sph_json_is(&value, "virtual");
    if (!config.is_virtual && !sph_json_is(&value, "native"))
        return SPH_FAIL(err, -EBADMSG,
                        "device.json: backend is neither \"native\" nor \"virtual\"");
    rc = config.is_virtual ? parse_virtual(&top, &config, err) : 0;
    if (rc == 0)
        *ret_config = config;
    return rc;
}

uint64_t sph_machine_disk_bytes(const struct sph_machine_config *config) {
    uint64_t bytes =
        OVERHEAD_MIB * MIB + COPIES * config->flash_bytes + APPS * config->storage_bytes;
    return (bytes + MIB - 1) / MIB * MIB;
}

/* ---- the command line ---- */

/* What does not fit makes the count go beyond its end: looked at once, when all words are there. */
static void add(struct sph_machine_words *words, const char *word) {
    if (words->count < SPH_MACHINE_WORDS - 1)
        words->words[words->count] = word;
    words->count++;
}

static void SPH_PRINTF(2, 3) add_text(struct sph_machine_words *words, const char *format, ...) {
    va_list args;
    size_t room = sizeof(words->text) - words->used;
    va_start(args, format);
    int len = vsnprintf(words->text + words->used, room, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= room) {
        words->count = SPH_MACHINE_WORDS;
        return;
    }
    add(words, words->text + words->used);
    words->used += (size_t)len + 1;
}

/* What every machine has. `spawn` and the rest of the sandbox: a guest that breaks out of the
 * emulator finds a process that can start nothing. */
static void add_board(struct sph_machine_words *words) {
    static const char *const constants[] = {
        "-M",
        "virt,highmem=off",
        "-cpu",
        "cortex-a7",
        /* 1 GiB by default, of which a busy guest fills some tens of MiB with translated code that
         * it hardly uses again */
        "-accel",
        "tcg,tb-size=16",
        "-m",
        "64",
        "-no-user-config",
        "-nodefaults",
        "-display",
        "none",
        "-no-reboot",
        "-rtc",
        "base=utc",
        "-sandbox",
        "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
        "-chardev",
        "file,id=console,path=console.log",
        "-serial",
        "chardev:console",
        "-chardev",
        "socket,id=agent,path=agent.sock,server=on,wait=off",
        "-device",
        "virtio-serial-device",
        "-device",
        "virtserialport,chardev=agent,name=spherule.agent",
        "-qmp",
        "unix:machine.sock,server=on,wait=off",
        "-drive",
        "if=none,id=config,file=device.json,format=raw,readonly=on",
        "-device",
        "virtio-blk-device,drive=config,serial=spherule-config",
        "-drive",
        "if=none,id=state,file=state.img,format=raw,cache=writeback",
        "-device",
        "virtio-blk-device,drive=state,serial=spherule-state",
        "-device",
        "virtio-rng-device",
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(constants); i++)
        add(words, constants[i]);
}

/* One word holds all forwards: some 45 bytes each. */
static void add_network(struct sph_machine_words *words, const struct sph_machine_config *config) {
    char text[64 + SPH_MACHINE_FORWARDS * 64];
    int len =
        snprintf(text, sizeof(text), "user,id=net,restrict=%s", config->network ? "off" : "on");
    for (unsigned i = 0; i < config->forward_count; i++)
        len += snprintf(text + len, sizeof(text) - (size_t)len, ",hostfwd=tcp:127.0.0.1:%u-:%u",
                        config->forwards[i].host, config->forwards[i].device);
    add(words, "-netdev");
    add_text(words, "%s", text);
    add(words, "-device");
    add(words, "virtio-net-device,netdev=net");
}

int sph_machine_compose(const struct sph_machine_config *config, const char *kernel,
                        const char *initramfs, uint64_t time_ms,
                        struct sph_machine_words *ret_words, struct sph_err *err) {
    ret_words->count = 0;
    ret_words->used = 0;
    add(ret_words, SPH_MACHINE_PROGRAM);
    add_board(ret_words);
    add_network(ret_words, config);
    add(ret_words, "-kernel");
    add_text(ret_words, "%s", kernel);
    add(ret_words, "-initrd");
    add_text(ret_words, "%s", initramfs);
    add(ret_words, "-append");
    add_text(ret_words,
             "console=ttyAMA0 quiet panic=-1 rootfstype=ramfs rdinit=/bin/spherule-agent "
             "spherule.time_ms=%" PRIu64 " -- --machine",
             time_ms);
    if (ret_words->count >= SPH_MACHINE_WORDS)
        return SPH_FAIL(err, -ENOSPC, "the virtual machine's command line is too long");
    ret_words->words[ret_words->count] = NULL;
    return 0;
}
