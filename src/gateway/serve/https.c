/* A second front of the library with TLS, for guests; what they ask goes the way of all requests.
 *
 * The key is made here, or read from the device's folder, and is never in a place that others can
 * read. A trusted listener, which asks for no token, is bound to the loopback interface and not
 * only to its address: a packet for 127.0.0.1, or for any other address of this machine, that comes
 * in by another interface finds nobody.
 *
 * Rejected: client certificates (a second thing to hand out that says the same as a token), and TLS
 * for the user's own socket (the kernel says who is there). */
#include "gateway/serve/https.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "gateway/access/authority.h"
#include "gateway/access/front.h"
#include "gateway/serve/server.h"

#define FOLDER "https"
#define LISTEN_FILE "listen.json"

/* What a scanner of today finds nothing to say about; both sides of every connection are new. */
#define PRIORITIES                                                                                 \
    "NONE:+VERS-TLS1.3:+VERS-TLS1.2:+ECDHE-ECDSA:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:"    \
    "+AEAD:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:+SIGN-ECDSA-SHA256:"                    \
    "+SIGN-ECDSA-SECP256R1-SHA256:+COMP-NULL:+CTYPE-SRV-X509:%SERVER_PRECEDENCE"

enum {
    BACKLOG = 512, /* connections that wait for a place */
    /* While somebody has not ended his greeting the library wants to run at once, though there is
     * nothing to do before his next bytes, which wake it. */
    GREETING_REST_MS = 20,
    UNHEARD_MS = 60 * 1000, /* bytes that nobody has confirmed for that long end a connection */
};

struct sph_https {
    struct sph_exchange_pool *pool;
    struct sph_watch *timer; /* of the guests */
    void (*on_due)(void *context);
    void *context;
    int dir_fd;     /* of our folder; -1 until there is one */
    int device_fd;  /* the caller's */
    bool is_wanted; /* listen says what is wanted; else nothing is */
    bool is_on;
    struct sph_listen listen;
    struct sph_authority authority; /* while it is on */
    struct sph_front front;
    struct sph_guests guests;
    struct sph_err trouble; /* why it is off though wanted */
};

/* ---- the library's calls ---- */

/* The library notices the end that this makes, and closes. */
static void drop(int fd) {
    (void)shutdown(fd, SHUT_RDWR);
}

static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code) {
    struct sph_https *https = context;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        sph_guests_remove(&https->guests, *socket_context);
        *socket_context = NULL;
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (!info)
        return;
    unsigned unheard_ms = UNHEARD_MS;
    (void)setsockopt(info->connect_fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unheard_ms,
                     sizeof(unheard_ms));
    *socket_context = sph_guests_add(&https->guests, info->connect_fd, sph_clock_monotonic_ms());
    if (!*socket_context)
        drop(info->connect_fd);
}

/* A guest that is not in the list would be the user himself to everything behind this. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *upload, size_t *upload_len, void **request) {
    (void)version;
    struct sph_https *https = context;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    if (!info || !info->socket_context)
        return MHD_NO;
    sph_guest_asks(&https->guests, info->socket_context);
    return sph_exchange_handle(https->pool, connection, info->socket_context, path, method, upload,
                               upload_len, (struct sph_exchange **)request);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **request,
                         enum MHD_RequestTerminationCode code) {
    struct sph_https *https = context;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    sph_exchange_completed(https->pool, connection, request, code);
    if (info)
        sph_guest_waits(info->socket_context, sph_clock_monotonic_ms());
}

static void on_due(void *context) {
    struct sph_https *https = context;
    https->on_due(https->context);
}

/* ---- the socket ---- */

static int bind_to_loopback(int fd) {
    static const char name[] = "lo";
    return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, sizeof(name)) < 0 ? -errno : 0;
}

static int prepare(int fd, const struct sph_listen *place) {
    const int yes = 1;
    bool is_v6 = place->address.socket.any.sa_family == AF_INET6;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
        (is_v6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes)) < 0))
        return -errno;
    return place->access.is_trusted ? bind_to_loopback(fd) : 0;
}

static int refuse_bind(int number, const char *shown, struct sph_err *err) {
    switch (number) {
    case EADDRINUSE:
        return SPH_FAIL(err, -number, "%s is in use by another program; choose another port",
                        shown);
    case EADDRNOTAVAIL:
        return SPH_FAIL(err, -number, "%s is no address of this computer", shown);
    case EACCES:
        return SPH_FAIL(err, -number, "%s is not for ordinary users; choose a port of 1024 or more",
                        shown);
    default:
        return SPH_FAIL_ERRNO(err, -number, "cannot listen on %s", shown);
    }
}

/* The address gets the port that was found, where any would do. */
static int open_socket(struct sph_listen *place, struct sph_err *err) {
    struct sph_address *address = &place->address;
    char shown[SPH_ADDRESS_TEXT];
    socklen_t size = sph_address_size(address);
    (void)sph_address_format(address, shown);
    sph_autoclose int fd = socket(address->socket.any.sa_family,
                                  SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
    int rc = fd < 0 ? -errno : prepare(fd, place);
    if (rc < 0)
        return SPH_FAIL_ERRNO(err, rc, "cannot make a socket for %s", shown);
    if (bind(fd, &address->socket.any, size) < 0 || listen(fd, BACKLOG) < 0 ||
        getsockname(fd, &address->socket.any, &size) < 0)
        return refuse_bind(errno, shown, err);
    return SPH_STEAL_FD(fd);
}

/* ---- on and off ---- */

static int open_folder(struct sph_https *https, struct sph_err *err) {
    if (https->dir_fd >= 0)
        return 0;
    int rc = sph_dir_make(https->device_fd, FOLDER, 0700, err);
    if (rc == 0)
        rc = sph_dir_open(https->device_fd, FOLDER, err);
    if (rc < 0)
        return rc;
    https->dir_fd = rc;
    return fchmod(rc, 0700) < 0 ? SPH_FAIL_ERRNO(err, -errno, "cannot close the folder %s", FOLDER)
                                : 0;
}

static int open_front(struct sph_https *https, int listen_fd, struct sph_err *err) {
    const struct MHD_OptionItem options[] = {
        {MHD_OPTION_CONNECTION_LIMIT, SPH_GUESTS_MAX, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, SPH_SERVER_CONNECTION_BYTES, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, SPH_SERVER_IDLE_S, NULL},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, https},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, https},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)PRIORITIES},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, https->authority.key.data},
        {MHD_OPTION_HTTPS_MEM_CERT, 0, https->authority.certificate.data},
        {MHD_OPTION_END, 0, NULL},
    };
    const struct sph_front_config config = {.loop = https->pool->loop,
                                            .listen_fd = listen_fd,
                                            .more_flags = MHD_USE_TLS,
                                            .handler = on_request,
                                            .options = options,
                                            .on_due = on_due,
                                            .context = https};
    return sph_front_open(&https->front, &config, err);
}

static bool stop_guests(void *context) {
    return sph_exchange_stop(context, true);
}

static void switch_off(struct sph_https *https) {
    sph_front_close(&https->front, stop_guests, https->pool);
    (void)sph_loop_arm_timer(https->timer, 0, 0);
    sph_authority_done(&https->authority);
    https->is_on = false;
}

static int check_place(const struct sph_listen *listen, struct sph_err *err) {
    char shown[SPH_ADDRESS_TEXT];
    if (!listen->access.is_trusted || sph_address_is_on_loopback(&listen->address))
        return 0;
    return SPH_FAIL(err, -EPERM,
                    "other machines may reach %s, so it needs a token; trusted is for addresses of "
                    "the loopback interface, such as 127.0.0.1",
                    sph_address_format(&listen->address, shown));
}

/* Afterwards it is on, or off with nothing left. The listen's port may have been any. */
static int switch_on(struct sph_https *https, struct sph_listen *listen, struct sph_err *err) {
    int rc = check_place(listen, err);
    if (rc == 0)
        rc = open_folder(https, err);
    if (rc == 0)
        rc =
            sph_authority_open(https->dir_fd, &listen->address, time(NULL), &https->authority, err);
    int listen_fd = rc < 0 ? rc : open_socket(listen, err);
    rc = listen_fd < 0 ? listen_fd : open_front(https, listen_fd, err);
    if (rc < 0) {
        switch_off(https);
        return rc;
    }
    https->listen = *listen;
    https->is_on = true;
    https->trouble = (struct sph_err)SPH_ERR_NULL;
    char shown[SPH_ADDRESS_TEXT];
    sph_log(SPH_LOG_NOTICE, "listening address=%s trusted=%d",
            sph_address_format(&listen->address, shown), listen->access.is_trusted);
    return 0;
}

static int keep(struct sph_https *https, struct sph_err *err) {
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(SPH_LISTEN_TEXT);
    sph_listen_format(&https->listen, &text);
    int rc = text.error
                 ? SPH_FAIL(err, text.error, "out of memory for %s", LISTEN_FILE)
                 : sph_file_replace(https->dir_fd, LISTEN_FILE, text.data, text.len, 0600, err);
    if (text.data)
        explicit_bzero(text.data, text.cap);
    return rc;
}

/* The token goes on serving wherever it is listened, until it is forgotten or replaced. */
static int choose_token(const struct sph_https *https, struct sph_listen *listen,
                        struct sph_err *err) {
    bool has_one = sph_token_is_valid(https->listen.access.token) && !listen->wants_new_token;
    listen->wants_new_token = false;
    if (!has_one)
        return sph_token_draw(listen->access.token, err);
    memcpy(listen->access.token, https->listen.access.token, SPH_TOKEN_TEXT);
    return 0;
}

static bool is_same_place(const struct sph_listen *a, const struct sph_listen *b) {
    char a_text[SPH_ADDRESS_TEXT], b_text[SPH_ADDRESS_TEXT];
    return a->access.is_trusted == b->access.is_trusted &&
           strcmp(sph_address_format(&a->address, a_text),
                  sph_address_format(&b->address, b_text)) == 0;
}

/* Of those who are connected, whoever has the old token is asked for the new one. */
static int change_token(struct sph_https *https, const struct sph_listen *listen,
                        struct sph_err *err) {
    struct sph_listen before = https->listen;
    if (strcmp(before.access.token, listen->access.token) == 0)
        return 0;
    https->listen = *listen;
    int rc = keep(https, err);
    if (rc < 0)
        https->listen = before;
    return rc;
}

/* The old one goes first: the new one may want its port. Where it listens already nothing happens:
 * that is how the token is asked for again. */
int sph_https_listen(struct sph_https *https, const struct sph_listen *wish, struct sph_err *err) {
    if (!https)
        return SPH_FAIL(err, -ENOTSUP, "this gateway has no HTTPS");
    struct sph_listen listen = *wish, before = https->listen;
    bool was_wanted = https->is_wanted, was_on = https->is_on;
    int rc = choose_token(https, &listen, err);
    if (rc == 0)
        rc = check_place(&listen, err);
    if (rc < 0)
        return rc;
    if (was_on && is_same_place(&listen, &before))
        return change_token(https, &listen, err);
    switch_off(https);
    rc = switch_on(https, &listen, err);
    if (rc == 0)
        rc = keep(https, err);
    https->is_wanted = rc == 0 || was_wanted;
    if (rc == 0)
        return 0;
    switch_off(https);
    https->listen = before;
    if (was_on)
        (void)switch_on(https, &before, &https->trouble);
    return rc;
}

/* The file goes first: what was told to be off must not come back. There is a folder, since a file
 * in it, or a request that made it, is why it is wanted. */
int sph_https_stop(struct sph_https *https, struct sph_err *err) {
    if (!https || !https->is_wanted)
        return 0;
    if (unlinkat(https->dir_fd, LISTEN_FILE, 0) < 0 && errno != ENOENT)
        return SPH_FAIL_ERRNO(err, -errno, "cannot remove %s", LISTEN_FILE);
    (void)fsync(https->dir_fd); /* without which a power cut could bring it back */
    if (https->is_on)
        sph_log(SPH_LOG_NOTICE, "listening no more");
    switch_off(https);
    explicit_bzero(&https->listen, sizeof(https->listen));
    https->trouble = (struct sph_err)SPH_ERR_NULL;
    https->is_wanted = false;
    return 0;
}

/* ---- what is told of it ---- */

void sph_https_describe(const struct sph_https *https, bool with_token, struct sph_json_out *out) {
    char address[SPH_ADDRESS_TEXT];
    sph_json_key_bool(out, "listening", https && https->is_on);
    if (!https || !https->is_wanted)
        return;
    if (https->listen.access.token[0]) { /* the file could be read */
        sph_json_key_string(out, "address", sph_address_format(&https->listen.address, address));
        sph_json_key_bool(out, "trusted", https->listen.access.is_trusted);
    }
    if (https->is_on)
        sph_json_key_string(out, "fingerprint", https->authority.fingerprint);
    else
        sph_json_key_string(out, "message", https->trouble.text);
    if (with_token)
        sph_json_key_string(out, "token", https->listen.access.token);
}

int sph_https_read_ca(const struct sph_https *https, struct sph_buf *text, struct sph_err *err) {
    if (!https || https->dir_fd < 0 || faccessat(https->dir_fd, "ca.pem", F_OK, 0) < 0)
        return SPH_FAIL(err, -ENOENT, "there is no certificate before HTTPS was switched on once");
    return sph_file_read(https->dir_fd, "ca.pem", text, err);
}

const struct sph_access *sph_https_access(const struct sph_https *https) {
    return &https->listen.access;
}

/* ---- life ---- */

void sph_https_run(struct sph_https *https) {
    if (!https || !https->is_on)
        return;
    sph_front_run(&https->front, https->guests.newcomers ? GREETING_REST_MS : 1);
    (void)sph_loop_arm_timer(https->timer,
                             sph_guests_hurry(&https->guests, sph_clock_monotonic_ms()), 0);
}

/* Without a word in the log: the first time was told, and whoever asks is told why it is off. */
void sph_https_try_again(struct sph_https *https) {
    if (!https || !https->is_wanted || https->is_on || !https->listen.access.token[0])
        return;
    struct sph_listen listen = https->listen;
    (void)switch_on(https, &listen, &https->trouble);
}

/* A file that cannot be read stays as it is: somebody may want to look at it, and the next request
 * to listen replaces it. */
static int read_kept(struct sph_https *https, struct sph_err *err) {
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(SPH_LISTEN_TEXT);
    int rc = sph_file_read(https->dir_fd, LISTEN_FILE, &text, err);
    if (rc == 0)
        rc = sph_listen_parse(text.data ? text.data : "", text.len, &https->listen, err);
    if (rc == 0 && !https->listen.access.token[0])
        rc = SPH_FAIL(err, -EBADMSG, "there is no token in it");
    if (rc < 0)
        (void)sph_err_prefix(err, "%s/%s", FOLDER, LISTEN_FILE);
    if (text.data)
        explicit_bzero(text.data, text.cap);
    return rc;
}

static void resume(struct sph_https *https) {
    int fd = openat(https->device_fd, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    https->dir_fd = fd;
    if (faccessat(fd, LISTEN_FILE, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    struct sph_listen listen;
    https->is_wanted = true;
    int rc = read_kept(https, &https->trouble);
    listen = https->listen;
    if (rc == 0)
        rc = switch_on(https, &listen, &https->trouble);
    if (rc < 0)
        sph_log(SPH_LOG_WARNING, "HTTPS stays off: %s", https->trouble.text);
}

int sph_https_new(struct sph_exchange_pool *pool, int dir_fd, void (*due)(void *context),
                  void *context, struct sph_https **ret_https, struct sph_err *err) {
    struct sph_https *https = calloc(1, sizeof(*https));
    if (!https)
        return SPH_FAIL(err, -ENOMEM, "out of memory for HTTPS");
    *https = (struct sph_https){.pool = pool,
                                .on_due = due,
                                .context = context,
                                .dir_fd = -1,
                                .device_fd = dir_fd,
                                .authority = SPH_AUTHORITY_NULL,
                                .guests = {.drop = drop},
                                .trouble = SPH_ERR_NULL};
    int rc = sph_loop_add_timer(pool->loop, 0, 0, on_due, https, &https->timer, err);
    if (rc < 0) {
        free(https);
        return rc;
    }
    resume(https);
    *ret_https = https;
    return 0;
}

struct sph_https *sph_https_free(struct sph_https *https) {
    if (!https)
        return NULL;
    switch_off(https);
    sph_loop_remove(https->timer);
    if (https->dir_fd >= 0)
        (void)close(https->dir_fd);
    explicit_bzero(https, sizeof(*https));
    free(https);
    return NULL;
}
