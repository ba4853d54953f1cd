/* QEMU takes one client of its control socket at a time, so a connection is made for each request
 * and ends with it. hostfwd_add exists as a command for people only: it answers with text, which is
 * empty when all is well.
 *
 * Rejected: a conversation that is kept (a second gateway, or a person with a terminal, could never
 * get in), and forwards that are laid at the start for whatever may come (an open port that nobody
 * asked for). */
#include "gateway/qmp.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json_in.h"
#include "base/unix_socket.h"

enum {
    LINE_MAX_BYTES = 16384, /* the greeting has some 120 bytes, answers fewer */
    TIMEOUT_MS = 2000,
    TEXT_MAX = 200,
};

int sph_qmp_parse(const char *line, size_t len, char *ret_text, size_t size) {
    struct sph_json_value top, value;
    if (sph_json_check(line, len, &top, NULL) < 0 || sph_json_get(&top, "error", &value))
        return -EPROTO;
    if (!sph_json_get(&top, "return", &value))
        return 0;
    ret_text[0] = '\0';
    if (value.type == SPH_JSON_STRING && sph_json_to_text(&value, ret_text, size) < 0)
        return -EPROTO;
    return 1;
}

/* A connection, and what of a line has come. */
struct talk {
    int fd;
    uint64_t end_ms;
    char line[LINE_MAX_BYTES];
    size_t len;
};

/* Reads until there is a line more; its length without the end, which is kept in front. */
static int read_line(struct talk *talk, size_t *ret_len) {
    char *end;
    while (!(end = memchr(talk->line, '\n', talk->len))) {
        uint64_t now = sph_clock_monotonic_ms();
        struct pollfd ready = {.fd = talk->fd, .events = POLLIN};
        if (now >= talk->end_ms)
            return -ETIMEDOUT;
        if (talk->len == sizeof(talk->line))
            return -EPROTO;
        if (poll(&ready, 1, (int)(talk->end_ms - now)) <= 0)
            continue;
        ssize_t got = recv(talk->fd, talk->line + talk->len, sizeof(talk->line) - talk->len, 0);
        if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN))
            return got == 0 ? -ECONNRESET : -errno;
        talk->len += got > 0 ? (size_t)got : 0;
    }
    *ret_len = (size_t)(end - talk->line);
    return 0;
}

/* Until the answer of the command that was sent last; greetings and events pass by. */
static int await_answer(struct talk *talk, char *ret_text, size_t size) {
    for (;;) {
        size_t len = 0;
        int rc = read_line(talk, &len);
        if (rc < 0)
            return rc;
        rc = sph_qmp_parse(talk->line, len, ret_text, size);
        memmove(talk->line, talk->line + len + 1, talk->len - len - 1);
        talk->len -= len + 1;
        if (rc != 0)
            return rc < 0 ? rc : 0;
    }
}

static int say(struct talk *talk, const char *text, char *ret_text, size_t size) {
    if (send(talk->fd, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text))
        return -EIO;
    return await_answer(talk, ret_text, size);
}

int sph_qmp_forward(int dir_fd, uint16_t host, uint16_t device, struct sph_err *err) {
    struct talk talk = {.end_ms = sph_clock_monotonic_ms() + TIMEOUT_MS};
    char command[200], text[TEXT_MAX] = "";
    sph_autoclose int fd =
        sph_unix_connect(dir_fd, "machine.sock", SOCK_STREAM | SOCK_NONBLOCK, err);
    if (fd < 0)
        return fd;
    talk.fd = fd;
    (void)snprintf(command, sizeof(command),
                   "{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":"
                   "\"hostfwd_add net tcp:127.0.0.1:%u-:%u\"}}\n",
                   host, device);
    int rc = say(&talk, "{\"execute\":\"qmp_capabilities\"}\n", text, sizeof(text));
    if (rc == 0)
        rc = say(&talk, command, text, sizeof(text));
    if (rc < 0)
        return SPH_FAIL_ERRNO(err, rc, "the virtual machine does not take a forward");
    if (text[0])
        return SPH_FAIL(err, -EADDRINUSE, "port %u of 127.0.0.1 cannot be forwarded: %.*s", host,
                        (int)strcspn(text, "\r\n"), text);
    return 0;
}
