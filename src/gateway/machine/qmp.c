/* QEMU takes one client of its control socket at a time, so a connection is made for each command
 * and ends with it. Forwards are laid by a command for people only: it answers with text, which is
 * empty when all is well.
 *
 * Rejected: a conversation that is kept (a second gateway, or a person with a terminal, could never
 * get in), and waiting for the answer (a QEMU that is stopped would stop every client). */
#include "gateway/machine/qmp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json_in.h"

enum {
    LINE_MAX_BYTES = 8192, /* the greeting has some 120 bytes, answers fewer */
    COMMAND_MAX = 256,
};

struct sph_qmp {
    int fd;
    struct sph_watch *watch, *timer;
    sph_qmp_fn *fn;
    void *context;
    bool is_greeted; /* the command is sent */
    char command[COMMAND_MAX];
    char line[LINE_MAX_BYTES];
    size_t len;
};

int sph_qmp_parse(const char *line, size_t len, char ret_text[SPH_QMP_TEXT]) {
    struct sph_json_value top, value;
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(LINE_MAX_BYTES);
    if (sph_json_check(line, len, &top, NULL) < 0 || top.type != SPH_JSON_OBJECT ||
        sph_json_get(&top, "error", &value))
        return -EPROTO;
    if (!sph_json_get(&top, "return", &value))
        return 0;
    if (value.type == SPH_JSON_STRING && sph_json_to_buf(&value, &text) < 0)
        return -EPROTO;
    (void)snprintf(ret_text, SPH_QMP_TEXT, "%s", text.data ? text.data : "");
    return 1;
}

struct sph_qmp *sph_qmp_cancel(struct sph_qmp *qmp) {
    if (!qmp)
        return NULL;
    sph_loop_remove(qmp->watch);
    sph_loop_remove(qmp->timer);
    (void)close(qmp->fd);
    free(qmp);
    return NULL;
}

/* Freed first: whoever is called may ask again at once. */
static void finish(struct sph_qmp *qmp, int rc, const char *text) {
    struct sph_err err = SPH_ERR_NULL;
    sph_qmp_fn *fn = qmp->fn;
    void *context = qmp->context;
    if (rc < 0)
        (void)SPH_FAIL_ERRNO(&err, rc, "the virtual machine does not take commands");
    (void)sph_qmp_cancel(qmp);
    fn(context, rc, rc < 0 ? err.text : text);
}

/* A command is far shorter than what a fresh socket takes at once. */
static int say(int fd, const char *text) {
    ssize_t sent = send(fd, text, strlen(text), MSG_NOSIGNAL);
    return sent == (ssize_t)strlen(text) ? 0 : sent < 0 ? -errno : -EIO;
}

/* True while there is more to wait for; else the command is over. */
static bool take_line(struct sph_qmp *qmp, size_t len) {
    char text[SPH_QMP_TEXT] = "";
    int rc = sph_qmp_parse(qmp->line, len, text);
    memmove(qmp->line, qmp->line + len + 1, qmp->len - len - 1);
    qmp->len -= len + 1;
    if (rc == 0)
        return true;
    if (rc == 1 && !qmp->is_greeted) {
        qmp->is_greeted = true;
        rc = say(qmp->fd, qmp->command);
        if (rc == 0)
            return true;
    }
    finish(qmp, rc < 0 ? rc : 0, text);
    return false;
}

static void on_fd(void *context, int fd, uint32_t epoll_events) {
    (void)epoll_events;
    struct sph_qmp *qmp = context;
    ssize_t got = recv(fd, qmp->line + qmp->len, sizeof(qmp->line) - qmp->len, 0);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (got <= 0) {
        finish(qmp, got == 0 ? -ECONNRESET : -errno, "");
        return;
    }
    qmp->len += (size_t)got;
    const char *end;
    while ((end = memchr(qmp->line, '\n', qmp->len))) {
        if (!take_line(qmp, (size_t)(end - qmp->line)))
            return;
    }
    if (qmp->len == sizeof(qmp->line))
        finish(qmp, -EPROTO, "");
}

static void on_late(void *context) {
    finish(context, -ETIMEDOUT, "");
}

static int begin(struct sph_loop *loop, struct sph_qmp *qmp, struct sph_err *err) {
    int rc = sph_loop_add_fd(loop, qmp->fd, EPOLLIN, on_fd, qmp, &qmp->watch, err);
    if (rc == 0)
        rc = sph_loop_add_timer(loop, SPH_QMP_TIMEOUT_MS, 0, on_late, qmp, &qmp->timer, err);
    if (rc < 0)
        return rc;
    rc = say(qmp->fd, "{\"execute\":\"qmp_capabilities\"}\n");
    return rc < 0 ? SPH_FAIL_ERRNO(err, rc, "the virtual machine does not take commands") : 0;
}

int sph_qmp_ask(struct sph_loop *loop, int fd, const char *command, sph_qmp_fn *fn, void *context,
                struct sph_qmp **ret_qmp, struct sph_err *err) {
    struct sph_qmp *qmp = calloc(1, sizeof(*qmp));
    if (!qmp) {
        (void)close(fd);
        return SPH_FAIL(err, -ENOMEM, "out of memory for a command to the virtual machine");
    }
    qmp->fd = fd;
    qmp->fn = fn;
    qmp->context = context;
    int len = snprintf(qmp->command, sizeof(qmp->command),
                       "{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":"
                       "\"%s\"}}\n",
                       command);
    int rc = len >= COMMAND_MAX
                 ? SPH_FAIL(err, -EMSGSIZE, "the command to the virtual machine is too long")
                 : begin(loop, qmp, err);
    if (rc < 0) {
        (void)sph_qmp_cancel(qmp);
        return rc;
    }
    *ret_qmp = qmp;
    return 0;
}
