/* store: an application that treats its mutable storage badly; it tells what came of it, and stays.
 * The device's channel is spoken by hand, as probe.c does without the device's libraries. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

enum { VERSION = 1, OPEN_MUTABLE = 5, DELETE_MUTABLE = 6, BLOCK = 1024 };

struct request {
    uint32_t version, op, args[4];
};
struct reply {
    uint32_t version, error;
    uint64_t number;
    char text[256];
};

/* The descriptor that comes with the answer; -1 when none does. */
static int ask(uint32_t op) {
    const struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "/run/spherule/agent"};
    struct request request = {.version = VERSION, .op = op};
    struct reply reply = {.error = EIO};
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {.space = {0}};
    struct iovec part = {&reply, sizeof(reply)};
    struct msghdr packet = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = &control,
                            .msg_controllen = sizeof(control)};
    int fd = -1, agent = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    if (connect(agent, (const struct sockaddr *)&name, sizeof(name)) < 0 ||
        send(agent, &request, sizeof(request), 0) < 0 || recvmsg(agent, &packet, 0) < 0)
        return -1;
    if (packet.msg_controllen >= CMSG_LEN(sizeof(int)))
        memcpy(&fd, CMSG_DATA(&control.head), sizeof(fd));
    (void)close(agent);
    errno = (int)reply.error;
    return fd;
}

static void show(const char *what, long count) {
    printf("%s: %ld errno %d\n", what, count, errno);
    fflush(stdout);
    errno = 0;
}

/* To the last byte, in small pieces. */
static long fill(int fd) {
    static const char block[BLOCK];
    long total = 0, len;
    while ((len = write(fd, block, sizeof(block))) > 0)
        total += len;
    return total;
}

int main(void) {
    int fd = ask(OPEN_MUTABLE);
    for (int i = 0; i < 10; i++)
        (void)!pwrite(fd, "state", 5, 0);
    show("full", fill(fd));
    show("far away", pwrite(fd, "x", 1, 1 << 20));
    show("deleted", ask(DELETE_MUTABLE));
    show("beside it", fill(ask(OPEN_MUTABLE)));
    (void)close(fd);
    fd = ask(OPEN_MUTABLE);
    (void)lseek(fd, 0, SEEK_END);
    show("after it", fill(fd));
    while (pause() < 0)
        continue;
    return 0;
}
