/* app_channel: what an application's device library asks of the agent, one fixed-size packet each
 * way.
 *
 * Not the protocol of wire/frame.h: the library runs inside the app and its ration, so it gets
 * neither a codec nor a buffer, and a packet socket keeps the borders of messages.
 *
 * The library connects to SPH_APP_CHANNEL_PATH (SOCK_SEQPACKET), sends one request, receives one
 * reply (with one descriptor attached where an operation opens something), closes. Plain C99 and
 * fixed-width integers in host order: both ends are on one machine. The agent knows the app by its
 * credentials. */
#ifndef SPH_WIRE_APP_CHANNEL_H
#define SPH_WIRE_APP_CHANNEL_H

#include <stdint.h>

/* As the app sees it in its sandbox. */
#define SPH_APP_CHANNEL_PATH "/run/spherule/agent"
/* The library may be of another release than the agent. A request of another version fails with
 * EPROTONOSUPPORT; the reply is of the agent's. */
#define SPH_APP_CHANNEL_VERSION 1u

enum sph_app_op {
    SPH_APP_MEMORY_INFO = 1,          /* args[0] = enum sph_app_memory; -> number = bytes */
    SPH_APP_OS_VERSION = 2,           /* -> text, at most 15 bytes and a NUL */
    SPH_APP_GPIO_OPEN_INPUT = 3,      /* args[0] = pin; -> descriptor */
    SPH_APP_GPIO_OPEN_OUTPUT = 4,     /* args = pin, mode, initial value; -> descriptor */
    SPH_APP_STORAGE_OPEN_MUTABLE = 5, /* -> descriptor, number = limit in bytes */
    SPH_APP_STORAGE_DELETE_MUTABLE = 6,
    SPH_APP_PACKAGE_PATH = 7, /* -> text: absolute path of the package's root */
    SPH_APP_MEMORY_WATCH = 8, /* args[0] = percent of the ration, 1 to 99; -> descriptor */
};

/* The three figures of Applications_Get…UsageInKB, here in bytes. */
enum sph_app_memory {
    SPH_APP_MEMORY_TOTAL = 0,
    SPH_APP_MEMORY_USER = 1,
    SPH_APP_MEMORY_PEAK_USER = 2,
};

enum { SPH_APP_TEXT = 256 }; /* bytes with the NUL: a package's path is far shorter */

/* 24 bytes, no padding. */
struct sph_app_request {
    uint32_t version; /* SPH_APP_CHANNEL_VERSION */
    uint32_t op;      /* enum sph_app_op */
    uint32_t args[4]; /* unused ones are 0 */
};

/* 272 bytes, no padding. With an error the rest is zero and no descriptor comes. */
struct sph_app_reply {
    uint32_t version;
    int32_t error; /* 0, or the positive errno that the app's call fails with */
    uint64_t number;
    char text[SPH_APP_TEXT]; /* NUL-terminated */
};

/* A GPIO descriptor is the pin's file: one byte at offset 0, 0 or 1, read by pread, written by
 * pwrite. The agent holds the pin for as long as the app holds the descriptor (flock).
 *
 * The descriptor of a memory watch is an eventfd that does not block: the agent adds 1 to it each
 * time that what counts against the ration rises above the share, and at once when it is above. */

#endif
