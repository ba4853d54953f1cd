/* fake_gateway: one device in a scratch home, and a thread that answers for it from a table.
 *
 * The commands under test run whole, in this process: they find the device by $SPHERULE_HOME,
 * connect to its rest.sock and get what the table says, so that a test is a command line, the
 * answers, and what is printed. A mock of the client's functions was rejected: it would leave out
 * the very lines between a command and its gateway. */
#ifndef SPH_CLI_DEVICE_FAKE_GATEWAY_TEST_H
#define SPH_CLI_DEVICE_FAKE_GATEWAY_TEST_H

#include "base/testing.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/cleanup.h"
#include "base/unix_socket.h"
#include "cli/frame/cli.h"

/* One answer. The first row that fits is taken; a request that none fits gets 404. */
struct fake_route {
    const char
        *request; /* "GET /path", compared whole; "" fits every request; NULL ends the table */
    int status;   /* 0: 200 */
    const char *body;
    const char *later; /* not NULL: a stream; this follows once a row that releases was asked */
    bool releases;
};

struct fake_gateway {
    char home[64];
    int home_fd;
    int device_fd;
    int listen_fd;
    int stop[2]; /* a pipe: its end of file ends the thread */
    int held_fd; /* the stream that waits, or -1 */
    const struct fake_route *routes;
    const char *later;
    char seen[8192]; /* requests, one line each: "METHOD /path body" */
    pthread_t thread;
};

/* Head and body of one request, each as far as it came. */
static inline void fake_read(int fd, char *text, size_t size) {
    size_t len = 0, want = size - 1;
    while (len < want) {
        ssize_t n = recv(fd, text + len, want - len, 0);
        if (n <= 0)
            break;
        len += (size_t)n;
        text[len] = '\0';
        const char *end = strstr(text, "\r\n\r\n");
        const char *length = strstr(text, "Content-Length: ");
        if (!end)
            continue;
        size_t body = length && length < end ? strtoul(length + 16, NULL, 10) : 0;
        want = (size_t)(end - text) + 4 + body;
        if (want > size - 1)
            want = size - 1;
    }
    text[len] = '\0';
}

static inline const struct fake_route *fake_find(const struct fake_gateway *fake,
                                                 const char *request) {
    for (const struct fake_route *row = fake->routes; row && row->request; row++)
        if (*row->request == '\0' || strcmp(row->request, request) == 0)
            return row;
    return NULL;
}

static inline void fake_release(struct fake_gateway *fake) {
    if (fake->held_fd < 0)
        return;
    (void)sph_fd_write_full(fake->held_fd, fake->later, strlen(fake->later));
    (void)close(fake->held_fd);
    fake->held_fd = -1;
}

/* Answers one request; closes the connection unless it becomes the stream. */
static inline void fake_answer(struct fake_gateway *fake, int fd, char *text) {
    char head[256];
    const char *body = strstr(text, "\r\n\r\n");
    size_t used = strlen(fake->seen);
    char *stop = strstr(text, " HTTP/");
    if (stop)
        *stop = '\0';
    (void)snprintf(fake->seen + used, sizeof(fake->seen) - used, "%s%s%.400s\n", text,
                   body && body[4] ? " " : "", body ? body + 4 : "");
    const struct fake_route *row = fake_find(fake, text);
    const char *answer = row && row->body ? row->body : "";
    (void)snprintf(head, sizeof(head), "HTTP/1.1 %d X\r\n%s%zu\r\n\r\n",
                   row ? row->status ? row->status : 200 : 404,
                   row && row->later ? "X-Bytes-So-Far: " : "Content-Length: ", strlen(answer));
    (void)sph_fd_write_full(fd, head, strlen(head));
    (void)sph_fd_write_full(fd, answer, strlen(answer));
    if (row && row->later) {
        fake->held_fd = fd;
        fake->later = row->later;
    } else {
        (void)close(fd);
    }
    if (row && row->releases)
        fake_release(fake);
}

static inline void *fake_serve(void *context) {
    struct fake_gateway *fake = context;
    static char text[64 << 10];
    struct pollfd polls[] = {{.fd = fake->listen_fd, .events = POLLIN},
                             {.fd = fake->stop[0], .events = POLLIN}};
    while (poll(polls, 2, -1) > 0 && !polls[1].revents) {
        struct sph_unix_peer peer;
        int fd = sph_unix_accept(fake->listen_fd, &peer);
        if (fd < 0)
            continue;
        (void)fcntl(fd, F_SETFL, 0); /* blocking: a test has one client at a time */
        fake_read(fd, text, sizeof(text));
        fake_answer(fake, fd, text);
    }
    fake_release(fake);
    return NULL;
}

/* A home with the one device "d", whose gateway is not asked yet. */
static inline int fake_set_up(void **state) {
    static struct fake_gateway fake;
    memset(&fake, 0, sizeof(fake));
    (void)signal(SIGPIPE, SIG_IGN); /* of the thread: a client may have had enough */
    fake.held_fd = fake.listen_fd = -1;
    (void)snprintf(fake.home, sizeof(fake.home), "%s", "/tmp/spherule-cli-XXXXXX");
    if (!mkdtemp(fake.home) || setenv("SPHERULE_HOME", fake.home, 1) < 0)
        return -1;
    (void)unsetenv("SPHERULE_DEVICE");
    (void)unsetenv("SUDO_UID");
    fake.home_fd = sph_dir_open(AT_FDCWD, fake.home, NULL);
    if (sph_dir_make(fake.home_fd, "devices/d", 0755, NULL) < 0)
        return -1;
    fake.device_fd = sph_dir_open(fake.home_fd, "devices/d", NULL);
    *state = &fake;
    return sph_file_replace(fake.device_fd, "device.json", "{}", 2, 0644, NULL);
}

static inline int fake_tear_down(void **state) {
    struct fake_gateway *fake = *state;
    (void)close(fake->device_fd);
    (void)close(fake->home_fd);
    return sph_tree_remove(AT_FDCWD, fake->home, NULL);
}

static inline void fake_start(struct fake_gateway *fake, const struct fake_route *routes) {
    fake->routes = routes;
    fake->seen[0] = '\0';
    fake->listen_fd = sph_unix_listen(fake->device_fd, "rest.sock", SOCK_STREAM, 0600, NULL);
    assert_true(fake->listen_fd >= 0);
    assert_int_equal(pipe2(fake->stop, O_CLOEXEC), 0); /* stand-ins must not hold it open */
    assert_int_equal(pthread_create(&fake->thread, NULL, fake_serve, fake), 0);
}

static inline void fake_stop(struct fake_gateway *fake) {
    (void)close(fake->stop[1]);
    assert_int_equal(pthread_join(fake->thread, NULL), 0);
    (void)close(fake->stop[0]);
    (void)close(fake->listen_fd);
    (void)unlinkat(fake->device_fd, "rest.sock", 0);
}

/* What a command printed and how it ended. */
struct spoken {
    int status;
    char out[32768];
    char err[8192];
};

/* A file without a name in place of descriptor `fd`; *ret_saved is the old one. */
static inline int capture_begin(int fd, int *ret_saved) {
    char path[] = "/tmp/spherule-out-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    (void)unlink(path);
    (void)fflush(fd == STDOUT_FILENO ? stdout : stderr);
    *ret_saved = dup(fd);
    (void)dup2(file, fd);
    return file;
}

static inline void capture_end(int fd, int saved, int file, char *text, size_t size) {
    (void)fflush(fd == STDOUT_FILENO ? stdout : stderr);
    (void)dup2(saved, fd);
    (void)close(saved);
    ssize_t len = pread(file, text, size - 1, 0);
    text[len > 0 ? len : 0] = '\0';
    (void)close(file);
}

/* Runs a command line, cut at blanks ("%" is an empty word), in this process. */
static inline void speak(const char *line, struct spoken *ret_spoken) {
    char text[1024];
    char *argv[32] = {NULL};
    char empty[] = "";
    int argc = 0, saved_out, saved_err;
    char *save = NULL;
    (void)snprintf(text, sizeof(text), "spherule %s", line);
    for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save))
        argv[argc++] = strcmp(word, "%") == 0 ? empty : word;
    int out = capture_begin(STDOUT_FILENO, &saved_out);
    int err = capture_begin(STDERR_FILENO, &saved_err);
    ret_spoken->status = sph_cli_main(argc, argv);
    capture_end(STDERR_FILENO, saved_err, err, ret_spoken->err, sizeof(ret_spoken->err));
    capture_end(STDOUT_FILENO, saved_out, out, ret_spoken->out, sizeof(ret_spoken->out));
}

static inline void fake_put(const struct fake_gateway *fake, const char *name, const void *data,
                            size_t len) {
    assert_int_equal(sph_file_replace(fake->home_fd, name, data, len, 0644, NULL), 0);
}

/* Set-up with HOME/app.imagepackage, made by the very command that makes them. */
static inline int fake_set_up_package(void **state, const char *manifest) {
    static const char elf[64] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
    static struct spoken spoken;
    char line[256];
    if (fake_set_up(state) < 0)
        return -1;
    struct fake_gateway *fake = *state;
    assert_int_equal(sph_dir_make(fake->home_fd, "tree/bin", 0755, NULL), 0);
    fake_put(fake, "tree/app_manifest.json", manifest, strlen(manifest));
    fake_put(fake, "tree/bin/app", elf, sizeof(elf));
    (void)snprintf(line, sizeof(line),
                   "image-package pack-application --package-directory %s/tree --destination "
                   "%s/app.imagepackage",
                   fake->home, fake->home);
    speak(line, &spoken);
    if (spoken.status != 0)
        print_error("%s", spoken.err);
    return spoken.status;
}

/* One row of a table of conversations. */
struct talk {
    const char *line;
    const struct fake_route *routes; /* NULL: no gateway listens */
    int status;
    const char *out, *err;
};

static inline void check_talk(struct fake_gateway *fake, const struct talk *talk) {
    static struct spoken spoken;
    if (talk->routes)
        fake_start(fake, talk->routes);
    speak(talk->line, &spoken);
    if (talk->routes)
        fake_stop(fake);
    if (spoken.status != talk->status || strcmp(spoken.out, talk->out) != 0 ||
        strcmp(spoken.err, talk->err) != 0)
        print_error("spherule %s: status %d\n%s--\n%s--\n", talk->line, spoken.status, spoken.out,
                    spoken.err);
    assert_string_equal(spoken.err, talk->err);
    assert_string_equal(spoken.out, talk->out);
    assert_int_equal(spoken.status, talk->status);
}

static inline void check_talks(void **state, const struct talk *talks, size_t count) {
    for (size_t i = 0; i < count; i++)
        check_talk(*state, &talks[i]);
}

#define WITH_DEVICE(test) cmocka_unit_test_setup_teardown(test, fake_set_up, fake_tear_down)

#endif
