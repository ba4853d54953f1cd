/* What commands say of an application that has ended: with its state, and right after its start. */
#include "cli/device/fake_gateway_test.h"

#define ID_A "2f074b0f-d99d-4692-82d9-ef93a7d6463c"
#define ID_B "00000000-0000-4000-8000-00000000000b"

/* One waits after its end, the other runs again after a crash. */
#define ENDED                                                                                      \
    "{\"apps\":[{\"componentId\":\"" ID_A "\",\"state\":\"stopped\",\"lastReportId\":7,"           \
    "\"lastWhy\":\"exit\",\"lastExitCode\":3,\"lastSignal\":0,\"lastSignalName\":\"\","            \
    "\"nextStartMs\":3200},{\"componentId\":\"" ID_B "\",\"state\":\"running\","                   \
    "\"restarts\":1,\"lastReportId\":8,\"lastWhy\":\"crash\",\"lastExitCode\":0,"                  \
    "\"lastSignal\":11,\"lastSignalName\":\"SIGSEGV\"}]}"
static const struct fake_route ended[] = {
    {.request = "GET /spherule/v1/apps", .body = ENDED},
    {.request = "PATCH /app/status/" ID_A, .body = "{\"state\":\"running\"}"},
    {.request = "PATCH /app/status/" ID_B, .body = "{\"state\":\"running\"}"},
    {.request = NULL},
};

static const struct talk talks[] = {
    {"device app show-status", ended, 0,
     ID_A ": App state: stopped\n  Last end: exit, exit code 3 (report 7)\n"
          "  Starts again in 3200 ms\n" ID_B
          ": App state: running\n  Last end: crash, SIGSEGV (report 8)\n",
     ""},
    {"device app show-status -o tsv", ended, 0,
     ID_A "\tstopped\texit\t3\t0\t3200\n" ID_B "\trunning\tcrash\t0\t11\t\n", ""},
    {"device app show-status -o json -i " ID_B, ended, 0,
     "[\n  {\n    \"componentId\": \"" ID_B "\",\n    \"state\": \"running\",\n"
     "    \"lastWhy\": \"crash\",\n    \"lastExitCode\": 0,\n    \"lastSignal\": 11,\n"
     "    \"nextStartMs\": null\n  }\n]\n",
     ""},
    /* one that ran before is not told of: its restarts are older */
    {"device app start", ended, 0, ID_A ": App state: running\n" ID_B ": App state: running\n",
     "warn: application " ID_A " ended right after its start: exit, exit code 3 (report 7); "
     "'device app show-kills 7' has the story\n"},
};

static void test_ended(void **state) {
    check_talks(state, talks, SPH_ARRAY_SIZE(talks));
}

int main(void) {
    const struct CMUnitTest tests[] = {WITH_DEVICE(test_ended)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
