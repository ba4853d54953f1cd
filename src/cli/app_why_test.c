/* Why applications run or do not, for every kind of answer. */
#include "cli/device/fake_gateway_test.h"

#include "cli/app_why.h"

#define ID_A "2f074b0f-d99d-4692-82d9-ef93a7d6463c"
#define ID_B "00000000-0000-4000-8000-00000000000b"

static void test_sentences(void **state) {
    (void)state;
    static const struct {
        const char *app, *why;
    } rows[] = {
        {"\"state\":\"running\",\"mayNotStart\":\"No.\"", "It runs."},
        {"\"state\":\"debugging\"", "A debugger holds it."},
        {"\"state\":\"stopped\",\"mayNotStart\":\"No.\",\"startsByItself\":true", "No."},
        {"\"state\":\"stopped\",\"isDebugger\":true",
         "The debugger runs while it holds an application."},
        {"\"state\":\"stopped\",\"startsByItself\":false,\"lastReportId\":3,\"lastWhy\":"
         "\"stopped\"",
         "It was stopped or installed by hand: 'spherule device app start' starts it."},
        {"\"state\":\"stopped\",\"startsByItself\":true,\"lastReportId\":3,\"lastWhy\":\"ration\"",
         "It ended (ration): 'spherule device app show-kills 3' tells how."},
        {"\"state\":\"stopped\",\"lastReportId\":3,\"lastWhy\":\"exit\",\"nextStartMs\":4000",
         "It ended (exit) and is started again in 4000 ms: 'spherule device app show-kills 3' "
         "tells "
         "how."},
        {"\"state\":\"stopped\",\"startsByItself\":true",
         "It did not start with the device: 'spherule device log' may tell why."},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        char text[256], why[SPH_APP_WHY_MAX];
        struct sph_json_value app;
        (void)snprintf(text, sizeof(text), "{%s}", rows[i].app);
        assert_int_equal(sph_json_check(text, strlen(text), &app, NULL), 0);
        sph_app_why_format(&app, why);
        assert_string_equal(why, rows[i].why);
    }
}

static const struct fake_route apps[] = {
    {.request = "GET /spherule/v1/apps",
     .body = "{\"apps\":[{\"componentId\":\"" ID_A
             "\",\"state\":\"stopped\",\"mayNotStart\":\"Because.\\u001b\"}]}"},
    {.request = NULL},
};
static const struct fake_route no_apps[] = {
    {.request = "GET /spherule/v1/apps", .body = "{\"apps\":[]}"}, {.request = NULL}};
static const struct fake_route nothing_sensible[] = {{.request = "", .body = "{}"}};
static const struct fake_route away[] = {{.request = "", .status = 503}};

static const struct talk talks[] = {
    {"device app show-status --why", apps, 0, ID_A ": Because.?\n", ""},
    {"device app show-status --why -i " ID_A " -o tsv", apps, 0, ID_A "\tstopped\tBecause.?\n", ""},
    {"device app show-status --why -i " ID_B " -o json", apps, 0,
     "[\n  {\n    \"componentId\": \"" ID_B "\",\n    \"state\": \"notPresent\",\n"
     "    \"why\": \"It is not installed.\"\n  }\n]\n",
     ""},
    {"device app show-status --why", no_apps, 0, "",
     "No application is installed on device 'd'.\n"},
    {"device app show-status --why", nothing_sensible, 1, "",
     "error: device 'd' answered without its applications\n"},
    {"device app show-status --why -i 7", apps, 2, "",
     "error: '7' is no component id: it looks like 2f074b0f-d99d-4692-82d9-ef93a7d6463c\n"},
    {"device app show-status --why", away, 3, "",
     "error: the agent of device 'd' is away; 'spherule device start d' brings it back\n"},
};

static void test_show_status_why(void **state) {
    check_talks(state, talks, SPH_ARRAY_SIZE(talks));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sentences),
        WITH_DEVICE(test_show_status_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
