/* fake_agent: the other end of the app's channel for a test: one canned answer to one question. */
#ifndef SPH_APPLIBS_FAKE_AGENT_H
#define SPH_APPLIBS_FAKE_AGENT_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "check.h"
#include "wire/app_channel.h"

/* The path that the library under test was built with. */
#define FAKE_AGENT_PATH "agent.sock"

/* A process of its own for each question, as the library waits for the answer in this one. */
struct fake_agent {
    struct sph_app_reply reply;
    size_t reply_bytes; /* how much of it is sent; 0: the connection is closed unanswered */
    const char *file;   /* opened for reading and writing, and attached */
    bool extra_fd;      /* a second descriptor is attached: more than any operation gives */

    pid_t pid;
    int requests; /* read end: what the library asked */
};

#define FAKE_AGENT_OK                                                                              \
    { .reply = {.version = 1}, .reply_bytes = sizeof(struct sph_app_reply) }

static inline void fake_agent_answer(const struct fake_agent *agent, int fd) {
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control = {0};
    struct iovec part = {.iov_base = (void *)(uintptr_t)&agent->reply,
                         .iov_len = agent->reply_bytes};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    int fds[2] = {-1, STDOUT_FILENO};
    if (agent->file != NULL) {
        unsigned bytes = (agent->extra_fd ? 2u : 1u) * (unsigned)sizeof(int);
        fds[0] = open(agent->file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        message.msg_control = control.bytes;
        message.msg_controllen = (socklen_t)CMSG_SPACE(bytes);
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = (socklen_t)CMSG_LEN(bytes);
        memcpy(CMSG_DATA(&control.header), fds, bytes);
    }
    (void)sendmsg(fd, &message, MSG_NOSIGNAL);
}

static inline void fake_agent_serve(const struct fake_agent *agent, int listener, int requests) {
    struct sph_app_request request;
    int fd = accept(listener, NULL, NULL);
    ssize_t got = recv(fd, &request, sizeof(request), 0);
    if (got == (ssize_t)sizeof(request))
        (void)!write(requests, &request, sizeof(request));
    if (agent->reply_bytes > 0)
        fake_agent_answer(agent, fd);
    _exit(0);
}

/* Listens first and forks then, so that the library's connect cannot come too early. */
static inline void fake_agent_start(struct fake_agent *agent) {
    const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = FAKE_AGENT_PATH};
    int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    int ends[2];
    CHECK(bind(listener, (const struct sockaddr *)&address, sizeof(address)) == 0);
    CHECK(listen(listener, 1) == 0);
    CHECK(pipe(ends) == 0);
    fflush(stdout);
    agent->pid = fork();
    if (agent->pid == 0)
        fake_agent_serve(agent, listener, ends[1]);
    (void)close(listener);
    (void)close(ends[1]);
    agent->requests = ends[0];
}

/* Gives what was asked: all zero when nothing was. */
static inline struct sph_app_request fake_agent_finish(struct fake_agent *agent) {
    struct sph_app_request request = {0};
    (void)!read(agent->requests, &request, sizeof(request));
    (void)close(agent->requests);
    (void)waitpid(agent->pid, NULL, 0);
    (void)unlink(FAKE_AGENT_PATH);
    return request;
}

#endif
