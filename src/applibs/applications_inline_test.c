/* The inline functions as exports, which a program gets that does not include their header. */
#include <stddef.h>

#include "fake_agent.h"

size_t Applications_GetTotalMemoryUsageInKB(void);
size_t Applications_GetUserModeMemoryUsageInKB(void);
size_t Applications_GetPeakUserModeMemoryUsageInKB(void);
int Applications_GetOsVersion(void *outVersion);

static void test_figures(void) {
    static size_t (*const figures[])(void) = {Applications_GetTotalMemoryUsageInKB,
                                              Applications_GetUserModeMemoryUsageInKB,
                                              Applications_GetPeakUserModeMemoryUsageInKB};
    for (uint32_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
        struct fake_agent agent = FAKE_AGENT_OK;
        agent.reply.number = 36864;
        fake_agent_start(&agent);
        CHECK(figures[i]() == 36);
        struct sph_app_request request = fake_agent_finish(&agent);
        CHECK(request.op == SPH_APP_MEMORY_INFO && request.args[0] == i);
        CHECK_FAILS(figures[i](), 0, EAGAIN);
    }
}

static void test_os_version(void) {
    struct fake_agent agent = FAKE_AGENT_OK;
    char version[16] = "untouched";
    CHECK_FAILS(Applications_GetOsVersion(version), -1, EAGAIN);
    CHECK(strcmp(version, "untouched") == 0);
    strcpy(agent.reply.text, "22.11");
    fake_agent_start(&agent);
    CHECK(Applications_GetOsVersion(version) == 0);
    CHECK(fake_agent_finish(&agent).op == SPH_APP_OS_VERSION);
    CHECK(strcmp(version, "22.11") == 0);
}

int main(void) {
    char scratch[32];
    check_enter_scratch(scratch);
    test_figures();
    test_os_version();
    CHECK(rmdir(scratch) == 0);
    return check_done();
}
