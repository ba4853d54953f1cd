/* The order of setting up is one of need: names of disks are in /sys, the clock's start is in
 * /proc. Nothing here is undone on failure: a machine that is not set up ends. */
#include "agent/machine/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <time.h>
#include <unistd.h>

#include "agent/machine/machine_parse.h"
#include "agent/machine/machine_private.h"
#include "agent/machine/options.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "wire/device_error.h"
#include "wire/op.h"

enum {
    PORT_WAIT_MS = 5000, /* the kernel hears of its ports from QEMU, after it has begun init */
    PORT_STEP_MS = 2,
    HELLO_WAIT_MS = 2000, /* for a host to ask a machine that will not come up */
    CMDLINE_MAX = 4096,
    LEAVE_TRIES = 100, /* of 10 ms: mounts go with the last process of a killed app */
};

static void pause_ms(long ms) {
    struct timespec wait = {.tv_nsec = ms * 1000000L};
    (void)nanosleep(&wait, NULL);
}

static uint64_t boottime_ms(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Without the word the clock stays in 1970 until somebody says hello. */
static int start_clock(struct sph_err *err) {
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(CMDLINE_MAX);
    uint64_t start_ms;
    struct timespec now;
    int code = sph_file_read(AT_FDCWD, "/proc/cmdline", &text, err);
    if (code < 0)
        return code;
    code = sph_machine_parse_time(text.data ? text.data : "", text.len, &start_ms);
    if (code == -ENOENT)
        return 0;
    if (code == 0)
        code = sph_machine_time_at(start_ms, boottime_ms(), &now);
    if (code < 0)
        return SPH_FAIL(err, code,
                        "spherule.time_ms on the kernel's command line is not a Unix time in "
                        "milliseconds");
    if (clock_settime(CLOCK_REALTIME, &now) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "cannot set the machine's clock");
    return 0;
}

void sph_machine_set_clock(uint64_t time_ms) {
    struct timespec now;
    if (!sph_machine_clock_is_off(sph_clock_wall_ms(), time_ms))
        return;
    int code = sph_machine_time_at(time_ms, 0, &now);
    if (code == 0 && clock_settime(CLOCK_REALTIME, &now) < 0)
        code = -errno;
    if (code < 0)
        sph_log(SPH_LOG_WARNING, "cannot set the clock to the host's time_ms=%llu",
                (unsigned long long)time_ms);
}

/* Where the archive has no /dev/console the kernel starts init with nothing open, and the next
 * files opened would get the lines of the log. */
static void open_console(void) {
    int fd = open("/dev/console", O_RDWR);
    for (int i = 0; fd >= 0 && i <= STDERR_FILENO; i++)
        if (fd != i)
            (void)dup2(fd, i);
    if (fd > STDERR_FILENO)
        (void)close(fd);
}

int sph_machine_set_up(struct sph_err *err) {
    int code = sph_machine_mount_all(err);
    open_console();
    if (code == 0)
        code = start_clock(err);
    if (code == 0)
        code = sph_machine_join_network(err);
    if (code == 0)
        code = sph_machine_copy_config(err);
    return code < 0 ? code : sph_machine_mount_state(err);
}

int sph_machine_open_port(struct sph_err *err) {
    char node[SPH_MACHINE_NODE];
    uint64_t end = sph_clock_monotonic_ms() + PORT_WAIT_MS;
    int code;
    while ((code = sph_machine_find("/sys/class/virtio-ports", "name", "spherule.agent", node)) <
               0 &&
           sph_clock_monotonic_ms() < end)
        pause_ms(PORT_STEP_MS);
    if (code < 0)
        return SPH_FAIL(err, code,
                        "the machine has no serial port spherule.agent: its kernel, images and "
                        "gateway have to be of one release");
    int fd = open(node, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    return fd < 0 ? SPH_FAIL_ERRNO(err, -errno, "cannot open the serial port %s", node) : fd;
}

/* True when a hello was read, whose id is *ret_id. */
static bool read_hello(int fd, struct sph_frame_reader *reader, uint32_t *ret_id) {
    uint8_t chunk[1024];
    struct sph_frame frame;
    ssize_t got = read(fd, chunk, sizeof(chunk));
    if (got <= 0 || sph_frame_reader_push(reader, chunk, (size_t)got) < 0)
        return false;
    while (sph_frame_reader_next(reader, &frame) == 0) {
        *ret_id = frame.id;
        if (frame.type == SPH_FRAME_REQUEST && frame.op == SPH_OP_HELLO)
            return true;
    }
    return false;
}

/* What a person sees is the gateway's answer, not the console. A host that is not there, or says
 * something else, is not waited for. */
static void tell_host(const struct sph_err *failure) {
    struct sph_frame_reader reader SPH_CLEANUP(sph_frame_reader_done) = {.handled = 0};
    sph_autobuf struct sph_buf frame = SPH_BUF_NULL;
    sph_autoclose int fd = sph_machine_open_port(NULL);
    uint64_t end = sph_clock_monotonic_ms() + HELLO_WAIT_MS;
    uint32_t id;
    sph_frame_reader_init(&reader);
    while (fd >= 0 && sph_clock_monotonic_ms() < end) {
        if (!read_hello(fd, &reader, &id)) {
            pause_ms(PORT_STEP_MS);
            continue;
        }
        uint32_t number = SPH_DEVICE_ERROR(SPH_CATEGORY_LINUX, (uint32_t)-failure->code);
        if (sph_op_put_error(&frame, SPH_OP_HELLO, id, number, failure->text) == 0)
            (void)sph_fd_write_full(fd, frame.data, frame.len);
        pause_ms(100); /* QEMU passes it on by itself, but not after its end */
        return;
    }
}

/* Unmounting is what leaves nothing to be replayed; sync alone would do. */
static void leave_state(void) {
    (void)close_range(STDERR_FILENO + 1, ~0u, 0); /* our own files in there are of no use now */
    sync();
    for (int i = 0; i < LEAVE_TRIES; i++) {
        if (umount2(SPH_OPTIONS_MACHINE_DIR "/state", 0) == 0 || errno != EBUSY)
            return;
        pause_ms(10);
    }
    sync();
}

void sph_machine_end(const struct sph_err *failure) {
    if (failure)
        tell_host(failure);
    leave_state();
    (void)reboot(RB_POWER_OFF);
    /* A kernel that cannot power off: its panic at the end of init ends QEMU as well. */
    _exit(failure ? 1 : 0);
}
