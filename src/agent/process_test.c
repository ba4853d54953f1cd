/* The real agent as a process, in a scratch folder: its start and end, one instance at a time, and
 * SIGKILL at random moments of an installation. The apps are installed to be started by hand, so
 * none runs. */
#include "agent/device/device_fixture_test.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "agent/device/footprint.h"
#include "base/clock.h"
#include "base/unix_socket.h"
#include "wire/message.h"
#include "wire/telemetry.h"

enum { KILLS = 50, SEED = 20261122, ANSWER_MS = 20000, NOT_METERED = 5 };

struct process {
    struct sph_scratch *scratch;
    pid_t pid;
    int fd; /* connection */
    struct sph_frame_reader reader;
    char ready[400]; /* what it told at its start */
    uint32_t last_id;
};

static const char device_json[] =
    "{\"name\":\"crash\",\"backend\":\"native\",\"profile\":{\"name\":\"mt3620\",\"ramBytes\":"
    "262144,"
    "\"flashBytes\":1048576,\"storageBytes\":65536,\"pageBytes\":4096}}";

static void write_device(const struct process *process, const char *text) {
    assert_int_equal(
        sph_file_replace(process->scratch->fd, "device.json", text, strlen(text), 0644, NULL), 0);
}

/* The first line from the descriptor, without its newline; it ends when the agent closes it. */
static void read_ready(int fd, char *ret_line, size_t size) {
    size_t len = 0;
    for (ssize_t got = 1; got > 0 && len + 1 < size; len += (size_t)(got > 0 ? got : 0))
        got = read(fd, ret_line + len, size - 1 - len);
    ret_line[len] = '\0';
    ret_line[strcspn(ret_line, "\n")] = '\0';
}

static pid_t spawn_agent(const struct process *process, char *ret_ready, size_t size) {
    int pipe_fds[2];
    char number[16];
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
        (void)dup2(quiet, STDERR_FILENO);
        int ready = dup(pipe_fds[1]);
        (void)snprintf(number, sizeof(number), "%d", ready);
        (void)execl(SPH_TEST_AGENT, SPH_TEST_AGENT, "--device", process->scratch->path,
                    "--ready-fd", number, NULL);
        _exit(127);
    }
    assert_true(pid > 0);
    (void)close(pipe_fds[1]);
    read_ready(pipe_fds[0], ret_ready, size);
    (void)close(pipe_fds[0]);
    return pid;
}

static int wait_for(pid_t pid) {
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* Starts the agent and connects to it; skips the test where it cannot meter. */
static void start(struct process *process) {
    process->pid = spawn_agent(process, process->ready, sizeof(process->ready));
    if (strcmp(process->ready, "ok") != 0) {
        int status = wait_for(process->pid);
        process->pid = 0;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != NOT_METERED)
            fail_msg("the agent did not start: %s", process->ready);
        print_message("skipped: %s\n", process->ready);
        (void)sph_scratch_remove((void **)&process->scratch);
        exit(77);
    }
    process->fd = sph_unix_connect(process->scratch->fd, "agent.sock", SOCK_STREAM, NULL);
    assert_true(process->fd >= 0);
    sph_frame_reader_init(&process->reader);
}

static void disconnect(struct process *process) {
    if (process->fd >= 0) {
        (void)close(process->fd);
        sph_frame_reader_done(&process->reader);
    }
    process->fd = -1;
}

static int end(struct process *process, int signal_number) {
    disconnect(process);
    assert_int_equal(kill(process->pid, signal_number), 0);
    int status = wait_for(process->pid);
    process->pid = 0;
    return status;
}

static int make(void **state) {
    struct process *process = calloc(1, sizeof(*process));
    assert_non_null(process);
    sph_scratch_make((void **)&process->scratch);
    process->fd = -1;
    write_device(process, device_json);
    *state = process;
    return 0;
}

static int clean(void **state) {
    struct process *process = *state;
    if (process->pid > 0) /* after a failure: an orderly end takes its control groups along */
        (void)end(process, SIGTERM);
    int result = sph_scratch_remove((void **)&process->scratch);
    free(process);
    return result;
}

static void put(struct sph_buf *out, struct process *process, uint16_t op, const void *message) {
    assert_int_equal(sph_op_put_request(out, op, ++process->last_id, message, NULL), 0);
}

/* False when the connection ends or nothing comes in time. */
static bool receive(struct process *process, struct sph_frame *ret_frame) {
    uint8_t chunk[8192];
    uint64_t until = sph_clock_monotonic_ms() + ANSWER_MS;
    while (sph_frame_reader_next(&process->reader, ret_frame) != 0) {
        struct pollfd ready = {.fd = process->fd, .events = POLLIN};
        uint64_t now = sph_clock_monotonic_ms();
        if (now >= until || poll(&ready, 1, (int)(until - now)) <= 0)
            return false;
        ssize_t got = recv(process->fd, chunk, sizeof(chunk), 0);
        if (got <= 0)
            return false;
        assert_int_equal(sph_frame_reader_push(&process->reader, chunk, (size_t)got), 0);
    }
    return true;
}

static void call(struct process *process, uint16_t op, const void *message, void *ret_reply) {
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    struct sph_frame frame;
    put(&out, process, op, message);
    assert_int_equal(send(process->fd, out.data, out.len, MSG_NOSIGNAL), out.len);
    if (!receive(process, &frame))
        fail_msg("no answer to op %u", op);
    if (frame.type != SPH_FRAME_REPLY)
        fail_msg("op %u was refused: %.*s", op, (int)frame.payload_len,
                 (const char *)frame.payload);
    if (ret_reply)
        assert_int_equal(sph_codec_decode(sph_op_find(op)->reply, frame.payload, frame.payload_len,
                                          ret_reply, NULL),
                         0);
}

static void trust_test_key(struct process *process) {
    uint8_t point[SPH_SIGN_POINT_BYTES];
    assert_int_equal(sph_sign_public(sph_test_scalar, point), 0);
    struct sph_msg_trust add = {.thumbprint = sph_slice(sph_test_thumbprint, 20),
                                .point = sph_slice(point, sizeof(point)),
                                .name = sph_slice_text("CN=Test")};
    call(process, SPH_OP_TRUST_ADD, &add, NULL);
}

/* All requests of an installation in one go. */
static void put_installation(struct sph_buf *out, struct process *process,
                             const struct fixture_package *package) {
    sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
    fixture_build(package, &bytes);
    out->limit = (size_t)4 << 20;
    put(out, process, SPH_OP_STAGE_BEGIN, NULL);
    for (size_t at = 0; at < bytes.len; at += SPH_FRAME_CHUNK) {
        size_t len = bytes.len - at < SPH_FRAME_CHUNK ? bytes.len - at : SPH_FRAME_CHUNK;
        struct sph_msg_stage_data data = {.data = sph_slice(bytes.data + at, len)};
        put(out, process, SPH_OP_STAGE_DATA, &data);
    }
    put(out, process, SPH_OP_STAGE_END, NULL);
    put(out, process, SPH_OP_INSTALL, &(struct sph_msg_install){.manual = !package->program});
}

/* Installs and waits; microseconds that it took. */
static uint64_t install(struct process *process, const struct fixture_package *package) {
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    struct sph_frame frame = {.op = 0};
    put_installation(&out, process, package);
    uint64_t begun = sph_clock_monotonic_ns();
    assert_int_equal(send(process->fd, out.data, out.len, MSG_NOSIGNAL), out.len);
    while (frame.op != SPH_OP_INSTALL) {
        assert_true(receive(process, &frame));
        assert_int_equal(frame.type, SPH_FRAME_REPLY);
    }
    return (sph_clock_monotonic_ns() - begun) / 1000;
}

/* The version that is installed, by the device's state on disk; every part of it must agree. */
static unsigned version_on_disk(const struct process *process, unsigned number) {
    struct sph_guid component = fixture_component(number);
    char path[128], guid[SPH_GUID_TEXT];
    uint8_t version[3];
    sph_autobuf struct sph_buf file = {.limit = (size_t)4 << 20};
    struct sph_package package;
    struct stat info;
    sph_guid_format(&component, guid);
    (void)snprintf(path, sizeof(path), "state/packages/%s/image.imagepackage", guid);
    assert_int_equal(sph_file_read(process->scratch->fd, path, &file, NULL), 0);
    assert_int_equal(sph_package_parse(file.data, file.len, NULL, &package, NULL, NULL), 0);
    (void)snprintf(path, sizeof(path), "state/packages/%s/root/data/version", guid);
    sph_autoclose int fd = openat(process->scratch->fd, path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(fd, version, sizeof(version)), sizeof(version));
    assert_int_equal(package.image.image_id.bytes[0], version[0]);
    (void)snprintf(path, sizeof(path), "state/packages/%s/root/data/padding", guid);
    assert_int_equal(fstatat(process->scratch->fd, path, &info, 0), 0);
    assert_int_equal(info.st_size, 60000);
    return version[0];
}

static void assert_no_leftovers(const struct process *process) {
    static const char *const folders[] = {"state/packages", "state/staged", "state"};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(folders); i++) {
        sph_autoclosedir DIR *dir =
            fdopendir(openat(process->scratch->fd, folders[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        assert_non_null(dir);
        for (struct dirent *item; (item = readdir(dir)) != NULL;)
            if (item->d_name[0] == '.' && strspn(item->d_name, ".") < strlen(item->d_name))
                fail_msg("%s/%s is left over", folders[i], item->d_name);
    }
}

static unsigned next_random(unsigned *random) {
    *random = *random * 1103515245u + 12345u;
    return *random >> 8;
}

static void test_killed_while_installing(void **state) {
    struct process *process = *state;
    struct fixture_package package = {.component = 1, .version = 1, .padding = 60000};
    struct fixture_package bystander = {.component = 2, .version = 77, .padding = 60000};
    unsigned random = SEED, old = 0, updated = 0, staged = 0, current = 1;
    start(process);
    trust_test_key(process);
    (void)install(process, &bystander);
    (void)install(process, &package);
    package.version = 2;
    uint64_t took_us = install(process, &package);
    current = 2;
    for (int i = 0; i < KILLS; i++) {
        sph_autobuf struct sph_buf out = SPH_BUF_NULL;
        struct sph_msg_app_list_reply list;
        package.version = current % 200 + 1;
        put_installation(&out, process, &package);
        assert_int_equal(send(process->fd, out.data, out.len, MSG_NOSIGNAL), out.len);
        uint64_t wait_us = next_random(&random) % (took_us + took_us / 8 + 1);
        struct timespec pause = {.tv_nsec = (long)(wait_us % 1000000) * 1000,
                                 .tv_sec = (time_t)(wait_us / 1000000)};
        (void)nanosleep(&pause, NULL);
        int status = end(process, SIGKILL);
        assert_true(WIFSIGNALED(status));
        start(process);
        assert_no_leftovers(process);
        unsigned found = version_on_disk(process, 1);
        if (found != current && found != package.version)
            fail_msg("kill %d: version %u, neither %u nor %u", i, found, current, package.version);
        assert_int_equal(version_on_disk(process, 2), 77);
        call(process, SPH_OP_APP_LIST, NULL, &list);
        assert_int_equal(list.apps.count, 2);
        old += found == current;
        updated += found == package.version;
        staged += list.has_staged;
        if (list.has_staged) { /* a staged package survives until it is installed */
            call(process, SPH_OP_INSTALL, &(struct sph_msg_install){.manual = true}, NULL);
            assert_int_equal(version_on_disk(process, 1), package.version);
            found = package.version;
        }
        current = found;
    }
    print_message("seed %d: %d kills within %llu us: old version %u times, new %u, staged %u\n",
                  SEED, KILLS, (unsigned long long)took_us, old, updated, staged);
    int status = end(process, SIGTERM);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* State and pid of the only app. */
static enum sph_app_state app_state(struct process *process) {
    struct sph_msg_app_list_reply list;
    struct sph_msg_app app;
    call(process, SPH_OP_APP_LIST, NULL, &list);
    struct sph_list_iter iter = sph_list_iter(&list.apps);
    assert_true(sph_list_next(&iter, &app));
    return app.state;
}

static pid_t app_pid(struct process *process) {
    struct sph_msg_memory_reply memory;
    struct sph_msg_app_memory app;
    call(process, SPH_OP_MEMORY, NULL, &memory);
    struct sph_list_iter iter = sph_list_iter(&memory.apps);
    assert_true(sph_list_next(&iter, &app));
    return (pid_t)sph_slice_u32(app.pids, 0);
}

/* Gone, or a zombie that does nothing any more; within two seconds. */
static void assert_ends(pid_t pid) {
    char path[32], text[512] = "";
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    for (int i = 0; i < 200; i++) {
        sph_autobuf struct sph_buf stat = SPH_BUF_NULL;
        if (sph_file_read(AT_FDCWD, path, &stat, NULL) < 0 || strstr(stat.data, ") Z "))
            return;
        (void)snprintf(text, sizeof(text), "%s", stat.data);
        (void)poll(NULL, 0, 10);
    }
    fail_msg("process still there: %s", text);
}

/* Ends that the device remembers; the newest was a stop. */
static size_t count_stops(struct process *process) {
    struct sph_msg_telemetry_reply reply;
    struct sph_telemetry telemetry;
    struct sph_telemetry_record record;
    call(process, SPH_OP_TELEMETRY_GET, NULL, &reply);
    assert_int_equal(sph_telemetry_parse(reply.data.data, reply.data.len, &telemetry, NULL), 0);
    if (telemetry.count > 0) {
        sph_telemetry_get(&telemetry, telemetry.count - 1, &record);
        assert_int_equal(record.why, SPH_END_STOPPED);
        assert_int_equal(record.number, telemetry.count);
    }
    return telemetry.count;
}

/* An app that runs: over the agent's death, a stop by hand, a start by hand and the agent's orderly
 * end. Each end is remembered, but those that nobody was there to see. */
static void test_running_app(void **state) {
    struct process *process = *state;
    struct fixture_package package = {.component = 1,
                                      .version = 1,
                                      .program = getenv("SPHERULE_TEST_APP"),
                                      .arguments = "\"x\", \"wait\""};
    struct sph_msg_app_control control = {.component = fixture_component(1)};
    if (!package.program) {
        print_message("skipped: no program to run (set SPHERULE_TEST_APP)\n");
        skip();
    }
    start(process);
    trust_test_key(process);
    (void)install(process, &package);
    assert_int_equal(app_state(process), SPH_APP_RUNNING);
    pid_t first = app_pid(process);
    assert_true(WIFSIGNALED(end(process, SIGKILL)));
    assert_ends(first);
    start(process);
    assert_int_equal(app_state(process), SPH_APP_RUNNING); /* it starts with the agent */
    assert_int_equal(count_stops(process), 0);
    pid_t second = app_pid(process);
    assert_int_not_equal(first, second);
    control.trigger = SPH_TRIGGER_STOP;
    call(process, SPH_OP_APP_CONTROL, &control, NULL);
    assert_ends(second);
    assert_int_equal(end(process, SIGTERM), 0);
    start(process);
    assert_int_equal(app_state(process), SPH_APP_STOPPED); /* as it was left */
    assert_int_equal(count_stops(process), 1);
    control.trigger = SPH_TRIGGER_START;
    call(process, SPH_OP_APP_CONTROL, &control, NULL);
    pid_t third = app_pid(process);
    package.version = 2; /* an update stops the old version and starts the new one */
    (void)install(process, &package);
    assert_ends(third);
    assert_int_equal(app_state(process), SPH_APP_RUNNING);
    pid_t last = app_pid(process);
    assert_int_equal(count_stops(process), 2);
    assert_int_equal(end(process, SIGTERM), 0);
    assert_ends(last);
    start(process);
    assert_int_equal(count_stops(process), 3);
    assert_int_equal(end(process, SIGTERM), 0);
}

static void test_one_instance(void **state) {
    struct process *process = *state;
    char ready[400];
    struct sph_msg_hello hello = {.version_min = 1, .version_max = 1};
    struct sph_msg_hello_reply reply;
    start(process);
    pid_t second = spawn_agent(process, ready, sizeof(ready));
    assert_string_equal(ready, "an agent runs for this device already");
    assert_int_equal(WEXITSTATUS(wait_for(second)), 1);
    call(process, SPH_OP_HELLO, &hello, &reply); /* the first one is not disturbed */
    assert_true(sph_slice_is(reply.device, "crash"));
    assert_int_equal(end(process, SIGTERM), 0);
    assert_int_equal(faccessat(process->scratch->fd, "agent.sock", F_OK, 0), -1);
}

static void test_restart(void **state) {
    struct process *process = *state;
    struct sph_msg_hello hello = {.version_min = 1, .version_max = 1};
    struct sph_msg_hello_reply before, after;
    struct sph_frame frame;
    start(process);
    call(process, SPH_OP_HELLO, &hello, &before);
    call(process, SPH_OP_RESTART, NULL, NULL);
    assert_false(receive(process, &frame)); /* the connection ends */
    disconnect(process);
    for (int i = 0; i < 500 && process->fd < 0; i++) {
        (void)poll(NULL, 0, 10);
        process->fd = sph_unix_connect(process->scratch->fd, "agent.sock", SOCK_STREAM, NULL);
    }
    assert_true(process->fd >= 0);
    sph_frame_reader_init(&process->reader);
    call(process, SPH_OP_HELLO, &hello, &after);
    assert_false(sph_guid_equal(&before.boot_id, &after.boot_id));
    assert_true(after.uptime_ms < 10000);
    call(process, SPH_OP_SHUTDOWN, NULL, NULL);
    assert_int_equal(wait_for(process->pid), 0); /* still the same process */
    process->pid = 0;
    disconnect(process);
}

/* Resident memory of the agent in KiB. */
static unsigned long resident_kib(const struct process *process) {
    char path[32];
    sph_autobuf struct sph_buf status = SPH_BUF_NULL;
    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)process->pid);
    assert_int_equal(sph_file_read(AT_FDCWD, path, &status, NULL), 0);
    const char *line = strstr(status.data, "VmRSS:");
    assert_non_null(line);
    return strtoul(line + strlen("VmRSS:"), NULL, 10);
}

/* Half a second after it was busy the agent is back below its 1 MiB. */
static void test_footprint(void **state) {
    struct process *process = *state;
    struct fixture_package package = {.component = 1, .version = 1, .padding = 500000};
    start(process);
    trust_test_key(process);
    (void)install(process, &package);
    for (int i = 0; i < 200; i++)
        call(process, SPH_OP_MEMORY, NULL, NULL);
    unsigned long busy = resident_kib(process);
    (void)poll(NULL, 0, 2 * SPH_FOOTPRINT_REST_MS);
    unsigned long rests = resident_kib(process);
    print_message("resident: %lu KiB right after 200 requests, %lu KiB at rest\n", busy, rests);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    assert_true(rests < 1024);
#endif
    assert_int_equal(end(process, SIGTERM), 0);
}

static void test_refused_starts(void **state) {
    struct process *process = *state;
    char ready[400];
    static const struct {
        const char *json, *sentence;
        int status;
    } rows[] = {
        {"{", "device.json: line 1, column ", 1},
        {"{\"name\":\"d\",\"backend\":\"native\",\"profile\":{\"name\":\"p\",\"ramBytes\":262145,"
         "\"flashBytes\":1048576,\"storageBytes\":65536,\"pageBytes\":65536}}",
         "device.json: profile.ramBytes is not a multiple of pageBytes", 1},
        {"{\"name\":\"d\",\"backend\":\"native\",\"profile\":{\"name\":\"p\",\"ramBytes\":65536,"
         "\"flashBytes\":1048576,\"storageBytes\":65536,\"pageBytes\":65536}}",
         "the device has pages of 65536 bytes, this computer of 4096: only a virtual device can be "
         "exact there",
         5},
        {"{\"name\":\"d\",\"backend\":\"virtual\",\"profile\":{\"name\":\"p\",\"ramBytes\":65536,"
         "\"flashBytes\":1048576,\"storageBytes\":65536,\"pageBytes\":4096}}",
         "device.json: backend is \"virtual\": such a device runs in a machine of its own, which "
         "spheruled starts",
         1},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        if (sysconf(_SC_PAGESIZE) != 4096 && rows[i].status == 5)
            continue;
        write_device(process, rows[i].json);
        pid_t pid = spawn_agent(process, ready, sizeof(ready));
        assert_memory_equal(ready, rows[i].sentence, strlen(rows[i].sentence));
        assert_int_equal(WEXITSTATUS(wait_for(pid)), rows[i].status);
    }
    write_device(process, device_json);
    assert_int_equal(mkdirat(process->scratch->fd, "state", 0777), 0);
    assert_int_equal(fchmodat(process->scratch->fd, "state", 0777, 0), 0);
    pid_t pid = spawn_agent(process, ready, sizeof(ready));
    assert_string_equal(ready,
                        "the device's state folder is not root's alone: it cannot be relied on");
    assert_int_equal(WEXITSTATUS(wait_for(pid)), 5);
    assert_int_equal(sph_tree_remove(process->scratch->fd, "state", NULL), 0);
    assert_int_equal(symlinkat("/tmp", process->scratch->fd, "state"), 0);
    pid = spawn_agent(process, ready, sizeof(ready));
    assert_memory_equal(ready, "cannot open the folder state: ", 30);
    assert_int_equal(WEXITSTATUS(wait_for(pid)), 1);
}

/* The folder is the user's: what lies under our names there may be anything. */
static void test_hostile_folder(void **state) {
    struct process *process = *state;
    int folder = process->scratch->fd;
    char ready[400];
    sph_autobuf struct sph_buf kept = SPH_BUF_NULL;
    static const char sentence[] = "agent.pid is not a plain file of its own: remove it";
    assert_int_equal(sph_file_replace(folder, "precious", "content", 7, 0600, NULL), 0);
    assert_int_equal(linkat(folder, "precious", folder, "agent.pid", 0), 0);
    pid_t pid = spawn_agent(process, ready, sizeof(ready));
    assert_string_equal(ready, sentence);
    assert_int_equal(WEXITSTATUS(wait_for(pid)), 1);
    assert_int_equal(sph_file_read(folder, "precious", &kept, NULL), 0);
    assert_string_equal(kept.data, "content");
    assert_int_equal(unlinkat(folder, "agent.pid", 0), 0);
    assert_int_equal(mkfifoat(folder, "agent.pid", 0600), 0); /* and does not wait for a writer */
    pid = spawn_agent(process, ready, sizeof(ready));
    assert_string_equal(ready, sentence);
    assert_int_equal(WEXITSTATUS(wait_for(pid)), 1);
    assert_int_equal(unlinkat(folder, "agent.pid", 0), 0);
    assert_int_equal(symlinkat("precious", folder, "agent.pid"), 0);
    pid = spawn_agent(process, ready, sizeof(ready));
    assert_string_equal(ready, "cannot open agent.pid: Too many levels of symbolic links");
    assert_int_equal(WEXITSTATUS(wait_for(pid)), 1);
    assert_int_equal(unlinkat(folder, "agent.pid", 0), 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, clean)
    const struct CMUnitTest tests[] = {
        TEST(test_one_instance),
        TEST(test_restart),
        TEST(test_footprint),
        TEST(test_hostile_folder),
        TEST(test_refused_starts),
        TEST(test_running_app),
        TEST(test_killed_while_installing),
    };
    if (geteuid() != 0) {
        print_message("skipped: the agent needs root\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
