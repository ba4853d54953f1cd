/* The memory figures and the version; and, since they have the simplest answers, how the channel
 * takes an agent that is away or answers wrongly. */
#include <applibs/applications.h>

#include "fake_agent.h"

typedef size_t get_figure(void);

static void test_figures(void) {
    static const struct {
        get_figure *get;
        uint32_t attribute;
        uint64_t bytes;
        size_t kib;
    } rows[] = {
        {Applications_GetTotalMemoryUsageInKB, 0, 69632, 68},
        {Applications_GetUserModeMemoryUsageInKB, 1, 36864, 36},
        {Applications_GetPeakUserModeMemoryUsageInKB, 2, 262144, 256},
        {Applications_GetTotalMemoryUsageInKB, 0, 69633, 69},
        {Applications_GetTotalMemoryUsageInKB, 0, 1, 1},
        {Applications_GetUserModeMemoryUsageInKB, 1, UINT64_C(1) << 31, 1u << 21},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fake_agent agent = FAKE_AGENT_OK;
        agent.reply.number = rows[i].bytes;
        fake_agent_start(&agent);
        CHECK(rows[i].get() == rows[i].kib);
        struct sph_app_request request = fake_agent_finish(&agent);
        CHECK(request.version == SPH_APP_CHANNEL_VERSION);
        CHECK(request.op == SPH_APP_MEMORY_INFO && request.args[0] == rows[i].attribute);
        CHECK(request.args[1] == 0 && request.args[2] == 0 && request.args[3] == 0);
    }
}

/* Every way of not getting an answer: 0, EAGAIN, and no descriptor left open. */
static void test_wrong_agents(void) {
    static const struct {
        const char *name;
        uint32_t version;
        int32_t error;
        size_t bytes;
        int expected;
        bool attach;
        bool attach_two;
        bool unclosed_text;
    } rows[] = {
        {"closes unanswered", 1, 0, 0, EAGAIN, false, false, false},
        {"cut short", 1, 0, sizeof(struct sph_app_reply) - 1, EAGAIN, false, false, false},
        {"one byte", 1, 0, 1, EAGAIN, true, false, false},
        {"another version", 2, 0, sizeof(struct sph_app_reply), EAGAIN, true, false, false},
        {"negative error", 1, -5, sizeof(struct sph_app_reply), EAGAIN, false, false, false},
        {"text without end", 1, 0, sizeof(struct sph_app_reply), EAGAIN, true, false, true},
        {"refuses", 1, EAGAIN, sizeof(struct sph_app_reply), EAGAIN, false, false, false},
        {"refuses otherwise", 1, EPERM, sizeof(struct sph_app_reply), EPERM, true, false, false},
        {"unasked descriptor", 1, 0, sizeof(struct sph_app_reply), 0, true, false, false},
        {"two descriptors", 1, 0, sizeof(struct sph_app_reply), 0, true, true, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fake_agent agent = {.reply = {.version = rows[i].version, .error = rows[i].error}};
        agent.reply_bytes = rows[i].bytes;
        agent.reply.number = 4096;
        agent.file = rows[i].attach ? "attached" : NULL;
        agent.extra_fd = rows[i].attach_two;
        if (rows[i].unclosed_text)
            memset(agent.reply.text, 'x', sizeof(agent.reply.text));
        int before = check_open_fds();
        fake_agent_start(&agent);
        errno = 0;
        size_t kib = Applications_GetUserModeMemoryUsageInKB();
        int error = errno;
        (void)fake_agent_finish(&agent);
        if (kib != (rows[i].expected == 0 ? 4 : 0) || (kib == 0 && error != rows[i].expected))
            printf("%s: %zu KiB, errno %d\n", rows[i].name, kib, error);
        CHECK(kib == (rows[i].expected == 0 ? 4 : 0));
        CHECK(kib != 0 || error == rows[i].expected);
        CHECK(check_open_fds() == before);
    }
}

static void test_no_agent(void) {
    size_t kib = 77;
    Applications_OsVersion version = {"untouched"};
    CHECK_FAILS(Applications_GetTotalMemoryUsageInKB(), 0, EAGAIN);
    CHECK_FAILS(z__Applications_GetMemoryInfo(1, &kib, sizeof(kib)), -1, EAGAIN);
    CHECK_FAILS(Applications_GetOsVersion(&version), -1, EAGAIN);
    CHECK(kib == 77 && strcmp(version.version, "untouched") == 0);
}

static void test_arguments(void) {
    size_t kib = 77;
    CHECK_FAILS(z__Applications_GetMemoryInfo(0, NULL, sizeof(kib)), -1, EFAULT);
    CHECK_FAILS(z__Applications_GetMemoryInfo(3, &kib, sizeof(kib)), -1, EINVAL);
    CHECK_FAILS(z__Applications_GetMemoryInfo(0, &kib, sizeof(kib) - 1), -1, EINVAL);
    CHECK_FAILS(z__Applications_GetMemoryInfo(0, &kib, 0), -1, EINVAL);
    CHECK_FAILS(Applications_GetOsVersion(NULL), -1, EFAULT);
    CHECK(kib == 77);
}

static void test_os_version(void) {
    static const struct {
        const char *text;
        int expected; /* errno, or 0 */
    } rows[] = {{"22.11", 0}, {"123456789012345", 0}, {"1234567890123456", EINVAL}, {"", 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fake_agent agent = FAKE_AGENT_OK;
        Applications_OsVersion version = {"untouched"};
        strcpy(agent.reply.text, rows[i].text);
        fake_agent_start(&agent);
        errno = 0;
        CHECK(Applications_GetOsVersion(&version) == (rows[i].expected == 0 ? 0 : -1));
        CHECK(rows[i].expected == 0 || errno == rows[i].expected);
        CHECK(fake_agent_finish(&agent).op == SPH_APP_OS_VERSION);
        CHECK(strcmp(version.version, rows[i].expected == 0 ? rows[i].text : "untouched") == 0);
    }
}

int main(void) {
    char scratch[32];
    check_enter_scratch(scratch);
    test_figures();
    test_wrong_agents();
    test_no_agent();
    test_arguments();
    test_os_version();
    (void)unlink("attached");
    CHECK(rmdir(scratch) == 0);
    return check_done();
}
