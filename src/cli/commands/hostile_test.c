/* Every command that reads an answer against every kind of nonsense. */
#include "cli/device/fake_gateway_test.h"

#define ID_A "2f074b0f-d99d-4692-82d9-ef93a7d6463c"

/* Each command against each kind of nonsense: a sentence and a status that is no success, or the
 * little that could be read; never a crash, and never data without a status. */
static void test_every_reader_against_every_nonsense(void **state) {
    static const char *const lines[] = {
        "device app show-status",
        "device app start",
        "device app show-quota",
        "device app show-memory-stats",
        "device app show-heap",
        "device app show-kills",
        "device app show-kills 1",
        "device app show-kills last",
        "device image list-installed",
        "device sideload delete",
        "device gpio list",
        "device gpio get 3",
        "trust list",
        ("device app show-status -i " ID_A),
        "device capability show-attached",
        "device certificate list",
        "device enable-cloud-test",
        "device list-attached",
        "device network list-firewall-rules",
        "device network list-interfaces",
        "device network proxy enable",
        "device network show-status",
        "device rest",
        "device rest --token",
        "device show-os-version",
        "device wifi list",
        "device wifi show -i 0",
    };
    static const char *const bodies[] = {
        "",
        "{",
        "[]",
        "null",
        "{\"apps\":{}}",
        "{\"apps\":[null,7,\"x\",[],{}]}",
        "{\"reports\":[null,7,\"x\",[],{}]}",
        "{\"pins\":[null,7,\"x\",[],{}]}",
        "{\"entries\":[null,7,\"x\",[],{}]}",
        "{\"values\":[null,7,\"x\",[],{}],\"interfaces\":[[{}]],\"identifiers\":[[],{},null]}",
        "{\"rulesets\":[null,7,{\"rules\":7},{\"rules\":[null,7,[],{\"hook\":{}}]}]}",
        "{\"device_capabilities\":[null],\"address\":{},\"listening\":7,\"osversion\":[]}",
        "{\"memoryStats\":7,\"apps\":[[[[]]]]}",
        "{\"state\":{\"state\":1},\"value\":-1,\"pin\":1e9}",
        "{\"apps\":[{\"componentId\":\"\\u0000\",\"name\":\"\\ud83d\\ude00\"}]}",
    };
    static struct spoken spoken;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(bodies); i++) {
        const struct fake_route routes[] = {{.request = "", .body = bodies[i]}};
        fake_start(*state, routes);
        for (size_t k = 0; k < SPH_ARRAY_SIZE(lines); k++) {
            speak(lines[k], &spoken);
            if (spoken.status == 0)
                assert_null(strstr(spoken.err, "error: "));
            else
                assert_memory_equal(spoken.err, "error: ", 7);
        }
        fake_stop(*state);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_DEVICE(test_every_reader_against_every_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
