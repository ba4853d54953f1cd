/* One connection for each question. A connection that is kept would have to be locked between
 * threads and mended after fork and after a restart of the agent, and would hold kernel memory that
 * counts into the application's Total; a question is asked seldom enough to connect for it.
 *
 * The reply is checked as if the agent were a stranger: a library of another version may have been
 * left beside it. Whatever does not fit counts as no agent, which each call documents. */
#include "channel.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* Only the library that the tests load is built with another path. */
#ifndef SPH_CHANNEL_PATH
#define SPH_CHANNEL_PATH SPH_APP_CHANNEL_PATH
#endif

/* The agent answers at once, but it may be installing an image meanwhile. An application must not
 * hang for ever in a call that is documented to fail with EAGAIN. */
enum { SPH_CHANNEL_TIMEOUT_S = 5 };

/* A full backlog makes connect() wait, for which the send timeout holds. */
static int channel_connect(void) {
    static const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = SPH_CHANNEL_PATH};
    const struct timeval timeout = {.tv_sec = SPH_CHANNEL_TIMEOUT_S};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;

    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    int status;
    do
        status = connect(fd, (const struct sockaddr *)&address, sizeof(address));
    while (status < 0 && errno == EINTR);
    if (status == 0)
        return fd;
    (void)close(fd);
    return -1;
}

/* SOCK_SEQPACKET sends all or nothing. */
static bool channel_send(int fd, const struct sph_app_request *request) {
    ssize_t sent;
    do
        sent = send(fd, request, sizeof(*request), MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)sizeof(*request);
}

/* The descriptor attached to a message, or -1. */
static int attached_fd(struct msghdr *message) {
    int fd = -1;
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
        header->cmsg_len == CMSG_LEN(sizeof(fd)))
        memcpy(&fd, CMSG_DATA(header), sizeof(fd));
    return fd;
}

/* Receives the reply; *ret_fd is the descriptor with it, or -1. */
static bool channel_receive(int fd, struct sph_app_reply *ret_reply, int *ret_fd) {
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {.iov_base = ret_reply, .iov_len = sizeof(*ret_reply)};
    struct msghdr message = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        /* Not the size of the buffer: padding makes that large enough for a second descriptor,
         * which nobody would close. */
        .msg_controllen = CMSG_LEN(sizeof(int)),
    };
    ssize_t got;
    do
        got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);

    *ret_fd = got < 0 ? -1 : attached_fd(&message);
    return got == (ssize_t)sizeof(*ret_reply) && ret_reply->version == SPH_APP_CHANNEL_VERSION &&
           ret_reply->error >= 0 && memchr(ret_reply->text, '\0', SPH_APP_TEXT) != NULL;
}

/* 0, -errno of the agent, or SPH_CHANNEL_E_UNREACHABLE; *ret_fd is open only after 0. */
static int channel_exchange(const struct sph_app_request *request, struct sph_app_reply *ret_reply,
                            int *ret_fd) {
    int fd = channel_connect();
    if (fd < 0)
        return SPH_CHANNEL_E_UNREACHABLE;
    *ret_fd = -1;
    bool is_answered = channel_send(fd, request) && channel_receive(fd, ret_reply, ret_fd);
    (void)close(fd);
    if (is_answered && ret_reply->error == 0)
        return 0;
    if (*ret_fd >= 0)
        (void)close(*ret_fd);
    return is_answered ? -ret_reply->error : SPH_CHANNEL_E_UNREACHABLE;
}

int sph_channel_ask(const struct sph_app_request *request, struct sph_app_reply *ret_reply) {
    int fd = -1;
    int status = channel_exchange(request, ret_reply, &fd);
    if (status == 0 && fd >= 0)
        (void)close(fd);
    return status;
}

/* Success without a descriptor is an agent that does not keep the protocol. */
int sph_channel_open(const struct sph_app_request *request, int *ret_fd) {
    struct sph_app_reply reply;
    int fd = -1;
    int status = channel_exchange(request, &reply, &fd);
    if (status != 0)
        return status;
    if (fd < 0)
        return SPH_CHANNEL_E_UNREACHABLE;
    *ret_fd = fd;
    return 0;
}

int sph_channel_result(int status, int unreachable_errno) {
    if (status == 0)
        return 0;
    errno = status < 0 ? -status : unreachable_errno;
    return -1;
}
