/* Commands about applications: what each says and ends with, for good, odd and hostile answers. */
#include "cli/device/fake_gateway_test.h"

#define ID_A "2f074b0f-d99d-4692-82d9-ef93a7d6463c"
#define ID_B "00000000-0000-4000-8000-00000000000b"
#define ID_DEBUGGER "8548b129-b16f-4f84-8dbe-d2c847862e78"
#define APP(id, name, state)                                                                       \
    "{\"componentId\":\"" id                                                                       \
    "\",\"imageId\":\"11111111-0000-4000-8000-000000000001\",\"name\":\"" name                     \
    "\",\"state\":\"" state "\",\"packageBytes\":16384}"
#define DEBUGGER                                                                                   \
    "{\"componentId\":\"" ID_DEBUGGER "\",\"name\":\"gdbserver\",\"state\":\"stopped\","           \
    "\"isDebugger\":true}"
#define TWO_APPS                                                                                   \
    "{\"apps\":[" APP(ID_A, "a", "running") "," APP(ID_B, "b", "stopped") "," DEBUGGER "]}"

static const struct fake_route two_apps[] = {
    {.request = "GET /spherule/v1/apps", .body = TWO_APPS},
    {.request = "GET /app/status/" ID_A, .body = "{\"state\":\"running\"}"},
    {.request = "PATCH /app/status/" ID_A, .body = "{\"state\":\"running\"}"},
    {.request = "PATCH /app/status/" ID_B, .body = "{\"state\":\"stopped\"}"},
    {.request = "PATCH /app/status/" ID_DEBUGGER, .body = "{\"state\":\"never asked\"}"},
    {.request = "DELETE /app/image/" ID_A, .body = "{}"},
    {.request = "DELETE /app/image/" ID_B, .body = "{}"},
    {.request = "DELETE /app/image/" ID_DEBUGGER, .body = "{}"},
    {.request = NULL},
};
static const struct fake_route no_apps[] = {
    {.request = "GET /spherule/v1/apps", .body = "{\"apps\":[]}"},
    {.request = "GET /app/status/" ID_A, .body = "{\"state\":\"notPresent\"}"},
    {.request = NULL},
};
static const struct fake_route debugging[] = {
    {.request = "GET /spherule/v1/apps", .body = "{\"apps\":[" APP(ID_A, "a", "stopped") "]}"},
    {.request = "PATCH /app/status/" ID_A,
     .body = "{\"state\":\"debugging\",\"gdbPort\":2345,\"outPort\":2342}"},
    {.request = NULL},
};
static const struct fake_route refusing[] = {
    {.request = "GET /spherule/v1/apps", .body = TWO_APPS},
    {.request = "PATCH /app/status/" ID_A, .body = "{\"state\":\"running\"}"},
    {.request = "", .status = 404, .body = "{\"error\":14680076}"},
};
static const struct fake_route nothing_sensible[] = {{.request = "", .body = "{}"}};
static const struct fake_route no_json[] = {{.request = "", .body = "<html>"}};
static const struct fake_route an_array[] = {{.request = "", .body = "[]"}};
static const struct fake_route empty_body[] = {{.request = "", .body = ""}};
static const struct fake_route away[] = {{.request = "", .status = 503}};

#define NOT_RUNNING "error: device 'd' is not running; start it with 'spherule device start d'\n"
#define AWAY "error: the agent of device 'd' is away; 'spherule device start d' brings it back\n"
#define NO_ID "is no component id: it looks like 2f074b0f-d99d-4692-82d9-ef93a7d6463c\n"

static const struct talk statuses[] = {
    {"device app show-status", two_apps, 0,
     ID_A ": App state: running\n" ID_B ": App state: stopped\n" ID_DEBUGGER
          ": App state: stopped\n",
     ""},
    {"device app show-status -i " ID_A, two_apps, 0, ID_A ": App state: running\n", ""},
    {"device app show-status -i {2F074B0F-D99D-4692-82D9-EF93A7D6463C}", two_apps, 0,
     ID_A ": App state: running\n", ""},
    {"device app show-status -i " ID_A " -o tsv", no_apps, 0, ID_A "\tnotPresent\t\t\t\t\n", ""},
    {"device app show-status", no_apps, 0, "", "No application is installed on device 'd'.\n"},
    {"device app show-status -o none", no_apps, 0, "", ""},
    {"device app show-status -o json", no_apps, 0, "[]\n",
     "No application is installed on device 'd'.\n"},
    {"device app show-status -i 7", two_apps, 2, "", "error: '7' " NO_ID},
    {"device app show-status -i " ID_A, no_json, 1, "",
     "error: device 'd' gave an answer that is not JSON: line 1, column 1: expected a value, but "
     "found '<'\n"},
    {"device app show-status", an_array, 1, "",
     "error: device 'd' gave an answer that is no JSON object\n"},
    {"device app show-status", nothing_sensible, 1, "",
     "error: device 'd' answered without its applications\n"},
    {"device app show-status", away, 3, "", AWAY},
    {"device app show-status", NULL, 3, "", NOT_RUNNING},
};

static void test_show_status(void **state) {
    check_talks(state, statuses, SPH_ARRAY_SIZE(statuses));
}

static const struct talk controls[] = {
    {"device app start", two_apps, 0, ID_A ": App state: running\n" ID_B ": App state: stopped\n",
     ""},
    {"device app stop -i " ID_B, two_apps, 0, ID_B ": App state: stopped\n", ""},
    {"device app start -o json -i " ID_A, two_apps, 0,
     "[\n  {\n    \"componentId\": \"" ID_A "\",\n    \"state\": \"running\"\n  }\n]\n", ""},
    {"device app start --debug-mode", debugging, 0,
     ID_A ": App state: debugging\nGDB port: 2345, output port: 2342\n"
          "Connect with: gdb-multiarch -ex 'target remote 127.0.0.1:2345' PROGRAM\n",
     ""},
    {"device app start --debug-mode -o json -i " ID_A, debugging, 0,
     "[\n  {\n    \"componentId\": \"" ID_A "\",\n    \"state\": \"debugging\",\n"
     "    \"gdbPort\": 2345\n  }\n]\n",
     ""},
    /* what was done before the refusal is shown, and the refusal decides the status */
    {"device app start", refusing, 6, ID_A ": App state: running\n",
     "error: Application is not present\n"},
    {"device app start", no_apps, 6, "", "error: no application is installed on device 'd'\n"},
    {"device app stop -i " ID_A, no_apps, 6, "",
     "error: Application is not present (no application " ID_A " on device 'd')\n"},
    {"device app stop", away, 3, "", AWAY},
    {"device app stop", NULL, 3, "", NOT_RUNNING},
    {"device app start --heap -i " ID_B, two_apps, 0, ID_B ": App state: stopped\n", ""},
    {"device app start --heap", two_apps, 0,
     ID_A ": App state: running\n" ID_B ": App state: stopped\n",
     "warn: a runs already, as it was started: stop it first to have its heap tracked from its "
     "start\n"},
    {"device app start --debug-mode --heap-stacks", debugging, 2, "",
     "error: no heap is tracked under a debugger: give --debug-mode or --heap\n"},
    {"device app stop -i %", two_apps, 2, "", "error: '' " NO_ID},
};

static void test_start_and_stop(void **state) {
    check_talks(state, controls, SPH_ARRAY_SIZE(controls));
}

#define LOOKS /* whether they still run */                                                         \
    "GET /spherule/v1/apps\nGET /spherule/v1/apps\nGET /spherule/v1/apps\nGET /spherule/v1/apps\n"

/* The words of each trigger, and that the debugger itself is never started by "all". */
static void test_what_start_asks(void **state) {
    static const struct {
        const char *line, *asked;
    } rows[] = {
        {"device app start", "PATCH /app/status/" ID_A " {\"trigger\":\"start\"}\n"
                             "PATCH /app/status/" ID_B " {\"trigger\":\"start\"}\n" LOOKS},
        {"device app stop -i " ID_B, "PATCH /app/status/" ID_B " {\"trigger\":\"stop\"}\n"},
        {"device app start --debug-mode -i " ID_A,
         "PATCH /app/status/" ID_A " {\"trigger\":\"startDebug\"}\n"},
        {"device app start --heap -i " ID_B,
         "PATCH /app/status/" ID_B " {\"trigger\":\"start\",\"heap\":true}\n" LOOKS},
        {"device app start --heap-stacks -i " ID_B,
         "PATCH /app/status/" ID_B
         " {\"trigger\":\"start\",\"heap\":true,\"heapStacks\":true}\n" LOOKS},
    };
    static struct spoken spoken;
    struct fake_gateway *fake = *state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        fake_start(fake, two_apps);
        speak(rows[i].line, &spoken);
        fake_stop(fake);
        const char *after_list = strchr(fake->seen, '\n');
        assert_non_null(after_list);
        assert_string_equal(after_list + 1, rows[i].asked);
    }
}

/* ---- the debugging server ---- */

static const struct fake_route undebugged[] = {
    {.request = "GET /spherule/v1/apps", .body = "{\"apps\":[" APP(ID_A, "a", "stopped") "]}"},
    {.request = "PUT /update/stage", .body = "{}"},
    {.request = "POST /update/install", .body = "{}"},
    {.request = "PATCH /app/status/" ID_A, .body = "{\"state\":\"debugging\",\"gdbPort\":40001}"},
    {.request = NULL},
};
static const struct fake_route debugged[] = {
    {.request = "GET /spherule/v1/apps",
     .body = "{\"apps\":[" APP(ID_A, "a", "stopped") "," DEBUGGER "]}"},
    {.request = "PATCH /app/status/" ID_A, .body = "{\"state\":\"debugging\",\"gdbPort\":40001}"},
    {.request = NULL},
};
static const struct fake_route no_room[] = {
    {.request = "GET /spherule/v1/apps", .body = "{\"apps\":[" APP(ID_A, "a", "stopped") "]}"},
    {.request = "", .status = 507, .body = "{\"error\":7340034}"},
};
static const struct fake_route undebuggable[] = {
    {.request = "GET /spherule/v1/apps",
     .body = "{\"apps\":[" APP(ID_A, "a", "stopped") "," DEBUGGER "]}"},
    {.request = "", .status = 409, .body = "{\"error\":3145738,\"message\":\"Not here.\"}"},
};

#define CONNECT                                                                                    \
    ID_A ": App state: debugging\nGDB port: 40001\n"                                               \
         "Connect with: gdb-multiarch -ex 'target remote 127.0.0.1:40001' PROGRAM\n"
#define INSTALLING "Installing the debugging server on device 'd'.\n"

static const struct talk debugs[] = {
    {"device app start --debug-mode -i " ID_A, undebugged, 0, CONNECT, INSTALLING},
    {"device app start --debug-mode -i " ID_A, debugged, 0, CONNECT, ""},
    {"device app start --debug-mode -i " ID_A, no_room, 7, "",
     INSTALLING "error: Insufficient free space on the device\n"},
    {"device app start --debug-mode -o none -i " ID_A, undebuggable, 1, "",
     "error: Cannot start application in debug mode; Debugging server is not present on device; "
     "try running 'azsphere device enable-development'. (Not here.)\n"},
    /* what is not there is not debugged, and nothing is installed for it */
    {"device app start --debug-mode -i " ID_B, undebugged, 6, "",
     "error: Application is not present (no application " ID_B " on device 'd')\n"},
};

/* A virtual device, and the images' folder with a debugger in it. */
static void make_virtual(const struct fake_gateway *fake) {
    static const char manifest[] =
        "{\"SchemaVersion\":1,\"Name\":\"gdbserver\",\"ComponentId\":\"" ID_DEBUGGER
        "\",\"EntryPoint\":\"/bin/gdbserver\",\"CmdArgs\":[],\"Capabilities\":{},"
        "\"ApplicationType\":\"Debugger\"}";
    static const char json[] = "{\"backend\":\"virtual\"}";
    assert_int_equal(
        sph_file_replace(fake->device_fd, "device.json", json, strlen(json), 0644, NULL), 0);
    assert_int_equal(sph_dir_make(fake->home_fd, "images/debugger/bin", 0755, NULL), 0);
    assert_int_equal(
        sph_file_replace(fake->home_fd, "images/debugger/bin/gdbserver", "\177ELF", 4, 0755, NULL),
        0);
    assert_int_equal(sph_file_replace(fake->home_fd, "images/debugger/app_manifest.json", manifest,
                                      strlen(manifest), 0644, NULL),
                     0);
}

static void test_the_debugger_is_installed_first(void **state) {
    char images[96];
    struct fake_gateway *fake = *state;
    make_virtual(fake);
    (void)snprintf(images, sizeof(images), "%s/images", fake->home);
    assert_int_equal(setenv("SPHERULE_DEVICE_IMAGES", images, 1), 0);
    check_talks(state, debugs, SPH_ARRAY_SIZE(debugs));
    /* in this order, and not started by itself */
    check_talk(fake, &debugs[0]);
    const char *install =
        strstr(fake->seen, "POST /update/install {\"appControlMode\":\"Manual\"}\n");
    assert_non_null(install);
    assert_non_null(strstr(install, "PATCH /app/status/" ID_A " {\"trigger\":\"startDebug\"}\n"));
    assert_int_equal(unsetenv("SPHERULE_DEVICE_IMAGES"), 0);
}

/* Without images the sentence tells where they were looked for; the device is asked for nothing. */
static void test_no_debugger_to_install(void **state) {
    static struct spoken spoken;
    struct fake_gateway *fake = *state;
    make_virtual(fake);
    assert_int_equal(setenv("SPHERULE_LIBEXEC", "/nowhere/bin", 1), 0);
    fake_start(fake, undebugged);
    speak("device app start --debug-mode", &spoken);
    fake_stop(fake);
    assert_int_equal(unsetenv("SPHERULE_LIBEXEC"), 0);
    assert_string_equal(
        spoken.err,
        "error: the device has no debugging server, and there is none to install: 'make "
        "device' builds it, or set SPHERULE_DEVICE_IMAGES to the folder that has "
        "'debugger' (looked at /nowhere/bin/../lib/spherule/device/debugger)\n");
    assert_int_equal(spoken.status, SPH_EXIT_IO);
    assert_null(strstr(fake->seen, "PATCH"));
}

static const struct fake_route worn[] = {
    {.request = "GET /spherule/v1/apps", .body = "{\"apps\":[" APP(ID_A, "a", "running") "]}"},
    {.request = "GET /app/quota/" ID_A, .body = "{\"UsageKB\":3,\"LimitKB\":8}"},
    {.request = "GET /spherule/v1/storage/" ID_A,
     .body = "{\"componentId\":\"" ID_A "\",\"usedBytes\":3000,\"limitBytes\":8192,\"writes\":7,"
             "\"bytesWritten\":3500,\"blocksErased\":2,\"idleWrites\":1}"},
    {.request = NULL},
};
static const struct fake_route gone[] = {
    {.request = "GET /spherule/v1/apps", .body = "{\"apps\":[" APP(ID_A, "a", "running") "]}"},
    {.request = "GET /app/quota/" ID_A, .body = "{\"UsageKB\":3,\"LimitKB\":8}"},
    {.request = "", .status = 503},
};
static const struct fake_route unworn[] = {
    {.request = "GET /spherule/v1/apps", .body = TWO_APPS},
    {.request = "GET /app/quota/" ID_A, .body = "{\"UsageKB\":3,\"LimitKB\":8}"},
    {.request = "GET /app/quota/" ID_B, .body = "{\"LimitKB\":\"8\"}"},
    {.request = "", .status = 404, .body = "{\"error\":15728642}"},
};

static const struct talk quotas[] = {
    {"device app show-quota", worn, 0,
     " ------------------------------------ ---------- ---------- ------ ------------- "
     "------------- -----------\n"
     " Component ID                         Usage (KB) Limit (KB) Writes Bytes written Blocks "
     "erased Idle writes\n"
     " ================================================================================"
     "=========================\n"
     " " ID_A " 3          8          7      3500          2             1\n"
     " ------------------------------------ ---------- ---------- ------ ------------- "
     "------------- -----------\n",
     ""},
    {"device app show-quota -o tsv -i " ID_A, worn, 0, ID_A "\t3\t8\t7\t3500\t2\t1\n", ""},
    /* a device that has no such figures */
    {"device app show-quota -o tsv", unworn, 0, ID_A "\t3\t8\t\t\t\t\n" ID_B "\t0\t0\t\t\t\t\n",
     ""},
    {"device app show-quota", no_apps, 6, "", "error: no application is installed on device 'd'\n"},
    /* half a table would look like the whole one */
    {"device app show-quota", refusing, 6, "", "error: Application is not present\n"},
    {"device app show-quota", gone, 3, "", AWAY},
};

static void test_show_quota(void **state) {
    check_talks(state, quotas, SPH_ARRAY_SIZE(quotas));
}

static const struct talk deletions[] = {
    {"device sideload delete", two_apps, 0, "",
     "Component '" ID_A "' deleted.\nComponent '" ID_B "' deleted.\nComponent '" ID_DEBUGGER
     "' deleted.\n"},
    {"device sideload delete -i " ID_B, two_apps, 0, "", "Component '" ID_B "' deleted.\n"},
    {"device sideload delete -o none -i " ID_B, two_apps, 0, "", ""},
    {"device sideload delete -e " ID_B "," ID_DEBUGGER, two_apps, 0, "",
     "Component '" ID_A "' deleted.\n"},
    {"device sideload delete -e ,," ID_B ", -e " ID_A, two_apps, 0, "",
     "Component '" ID_DEBUGGER "' deleted.\n"},
    {"device sideload delete -i " ID_A " -e " ID_B, two_apps, 2, "",
     "error: --component-id and --except-component-ids cannot go together\n"},
    /* one bad id among good ones deletes nothing: it may have been the one to keep */
    {"device sideload delete -e " ID_A ",x," ID_B, two_apps, 2, "", "error: 'x' " NO_ID},
    {"device sideload delete -i " ID_A, no_apps, 6, "",
     "error: Application is not present (no application " ID_A " on device 'd')\n"},
    {"device sideload delete", no_apps, 0, "", ""},
    {"device sideload delete", refusing, 6, "", "error: Application is not present\n"},
};

static void test_delete(void **state) {
    check_talks(state, deletions, SPH_ARRAY_SIZE(deletions));
}

static const struct talk installed[] = {
    {"device image list-installed", two_apps, 0,
     "Installed images:\n"
     " --> a\n   --> Image type:   Application\n   --> Component ID: " ID_A "\n"
     "   --> Image ID:     11111111-0000-4000-8000-000000000001\n"
     " --> b\n   --> Image type:   Application\n   --> Component ID: " ID_B "\n"
     "   --> Image ID:     11111111-0000-4000-8000-000000000001\n"
     " --> gdbserver\n   --> Image type:   Application\n   --> Component ID: " ID_DEBUGGER "\n"
     "   --> Image ID:     \n",
     ""},
    {"device image list-installed -o tsv --full", no_apps, 0, "", ""},
    {"device image list-installed", no_apps, 0, "Installed images:\n", ""},
    {"device image list-installed", empty_body, 1, "",
     "error: device 'd' gave an answer that is not JSON: line 1, column 1: expected a value, but "
     "found the end of the text\n"},
};

static void test_list_installed(void **state) {
    check_talks(state, installed, SPH_ARRAY_SIZE(installed));
}

/* A device's names may hold anything; a terminal must not be told to do something by them. */
static void test_names_are_shown_without_control_characters(void **state) {
    static const struct fake_route evil[] = {
        {.request = "GET /spherule/v1/apps",
         .body = "{\"apps\":[{\"componentId\":\"" ID_A "\",\"name\":\"\\u001b]0;x\\u0007\\n\","
                 "\"state\":\"\\u202erunning\"}]}"},
        {.request = NULL},
    };
    static const struct talk talk = {"device app show-status", evil, 0,
                                     ID_A ": App state: ?running\n", ""};
    static struct spoken spoken;
    check_talk(*state, &talk);
    fake_start(*state, evil);
    speak("device image list-installed", &spoken);
    fake_stop(*state);
    assert_non_null(strstr(spoken.out, " --> ?]0;x??\n"));
    assert_null(strchr(spoken.out, '\033'));
}

#define STATS                                                                                      \
    "\"memoryStats\":{\"currentMemoryUsageInBytes\":65536,\"userModeMemoryUsageInBytes\":36864,"   \
    "\"peakUserModeMemoryUsageInBytes\":40960}"
static const struct fake_route stats[] = {{.request = "", .body = "{" STATS "}"}};
static const struct fake_route heap_stats[] = {
    {.request = "",
     .body = "{" STATS ",\"apps\":[7,{\"processes\":[{\"heapUsageByCaller\":[{\"name\":"
             "\"libc.so\",\"usageInBytes\":5},{\"name\":7}]},{},{\"heapUsageByCaller\":{}}]},"
             "{\"processes\":1}]}"}};

/* Two applications of two processes: names are summed, the app's own first wherever it stands. */
static const struct fake_route heaps_of_two[] = {
    {.request = "",
     .body = "{" STATS ",\"apps\":[{\"processes\":["
             "{\"heapUsageByCaller\":[{\"name\":\"curl\",\"usageInBytes\":5},"
             "{\"name\":\"App + Static Libraries\",\"usageInBytes\":100}]},"
             "{\"heapUsageByCaller\":[{\"name\":\"curl\",\"usageInBytes\":6}]}]},"
             "{\"processes\":[{\"heapUsageByCaller\":["
             "{\"name\":\"App + Static Libraries\",\"usageInBytes\":20},"
             "{\"name\":\"c\",\"usageInBytes\":1}]}]}]}"}};

static const struct talk memory[] = {
    {"device app show-memory-stats", stats, 0,
     " -------------------------- -------------\n"
     " Name                       Usage (bytes)\n"
     " ========================================\n"
     " Total (Kernel + User Mode) 65536\n"
     " -------------------------- -------------\n"
     " User Mode                  36864\n"
     " -------------------------- -------------\n"
     " Peak User Mode             40960\n"
     " -------------------------- -------------\n",
     ""},
    {"device app show-memory-stats -o tsv", heap_stats, 0,
     "Total (Kernel + User Mode)\t65536\nUser Mode\t36864\nPeak User Mode\t40960\n"
     "Heap: libc.so\t5\nHeap: \t0\n",
     ""},
    {"device app show-memory-stats -o tsv", heaps_of_two, 0,
     "Total (Kernel + User Mode)\t65536\nUser Mode\t36864\nPeak User Mode\t40960\n"
     "Heap: App + Static Libraries\t120\nHeap: curl\t11\nHeap: c\t1\n",
     ""},
    {"device app show-memory-stats -o json", stats, 0,
     "{\n  \"memoryStats\": {\n    \"currentMemoryUsageInBytes\": 65536,\n"
     "    \"userModeMemoryUsageInBytes\": 36864,\n    \"peakUserModeMemoryUsageInBytes\": 40960\n"
     "  }\n}\n",
     ""},
    {"device app show-memory-stats", nothing_sensible, 1, "",
     "error: device 'd' answered without memory statistics\n"},
    {"device app show-memory-stats", away, 3, "", AWAY},
};

static const struct fake_route odd_heaps[] = {
    {.request = "GET /spherule/v1/apps", .body = "{\"apps\":[" APP(ID_A, "a", "running") "]}"},
    {.request = "GET /spherule/v1/heap/" ID_A,
     .body = "{\"state\":\"tracked\",\"processes\":[7,{\"state\":\"static\"},{\"pid\":3,"
             "\"state\":\"tracked\",\"callers\":[{\"name\":\"\\u001b]0;x\",\"buildId\":\"zz\"},"
             "8],\"sites\":[{\"caller\":9},{\"caller\":1,\"address\":\"no\"},[]]}]}"},
    {.request = NULL},
};
static const struct fake_route no_heap[] = {
    {.request = "GET /spherule/v1/apps", .body = "{\"apps\":[" APP(ID_A, "a", "running") "]}"},
    {.request = "GET /spherule/v1/heap/" ID_A, .body = "{\"state\":\"somethingNew\"}"},
    {.request = NULL},
};
#define UNKNOWN_REASON "Its heap is not tracked, for a reason that this version does not know.\n"

static const struct talk heaps[] = {
    {"device app show-heap", odd_heaps, 0,
     "a (" ID_A "): Its heap is tracked.\n"
     "Process 0: " UNKNOWN_REASON "Process 0: Its heap is not tracked: it is linked statically, "
     "and nothing can stand before its "
     "malloc; link it dynamically.\n"
     "Process 3: 0 bytes live in 0 blocks\n"
     "Caller  Live  Resident  Peak  Blocks  Allocs\n"
     "?]0;x   0     0         0     0       0\n"
     "        0     0         0     0       0\n"
     "\n"
     "Live  Resident  Blocks  Allocs    Call site\n"
     "0     0         0       0         (places that were not kept)\n"
     "0     0         0       0         (places that were not kept)\n"
     "(1 further call site is not listed)\n",
     ""},
    {"device app show-heap --why -i " ID_A, no_heap, 0, "a (" ID_A "): " UNKNOWN_REASON, ""},
    {"device app show-heap --sites 257", no_heap, 2, "",
     "error: --sites takes a number from 0 to 256, not '257'\n"},
    {"device app show-heap --interval 0", no_heap, 2, "",
     "error: --interval takes a number of seconds from 1 to 3600, not '0'\n"},
    {"device app show-heap", away, 3, "", AWAY},
    {"device app show-heap", refusing, 6, "", "error: Application is not present\n"},
};

static void test_show_heap(void **state) {
    check_talks(state, heaps, SPH_ARRAY_SIZE(heaps));
}

static void test_show_memory_stats(void **state) {
    check_talks(state, memory, SPH_ARRAY_SIZE(memory));
}

#define KILL(id, name)                                                                             \
    "{\"id\":" id ",\"componentId\":\"" ID_A "\",\"name\":\"" name "\",\"timeMs\":1700000000123,"  \
    "\"why\":\"ration\",\"limitBytes\":262144,\"userBytes\":262144,\"peakUserBytes\":262144,"      \
    "\"totalBytes\":290816}"
static const struct fake_route kills[] = {
    {.request = "GET /spherule/v1/kills",
     .body = "{\"reports\":[" KILL("3", "a") "," KILL("7", "b") "]}"},
    {.request = "GET /spherule/v1/kills?component=" ID_A,
     .body = "{\"reports\":[" KILL("3", "a") "]}"},
    {.request = "GET /spherule/v1/kills?component=" ID_B, .body = "{\"reports\":[]}"},
    {.request = "GET /spherule/v1/kills/3", .body = KILL("3", "third")},
    {.request = "GET /spherule/v1/kills/7", .body = KILL("7", "seventh")},
    {.request = "DELETE /spherule/v1/kills", .body = "{\"count\":2}"},
    {.request = "DELETE /spherule/v1/kills?component=" ID_A, .body = "{\"count\":1}"},
    {.request = NULL},
};
#define ROW(id, name)                                                                              \
    id "\t2023-11-14T22:13:20.123Z\t" name "\tration\t262144\t262144\t290816\t262144\t" ID_A "\n"

static const struct talk kill_lists[] = {
    {"device app show-kills -o tsv", kills, 0, ROW("3", "a") ROW("7", "b"), ""},
    {"device app show-kills -o tsv -i " ID_A, kills, 0, ROW("3", "a"), ""},
    {"device app show-kills -o tsv 3", kills, 0, ROW("3", "third"), ""},
    {"device app show-kills -o tsv last", kills, 0, ROW("7", "seventh"), ""},
    {"device app show-kills -o tsv last -i " ID_A, kills, 0, ROW("3", "third"), ""},
    {"device app show-kills last -i " ID_B, kills, 6, "", "error: device 'd' has no reports\n"},
    {"device app show-kills -o tsv -i " ID_B, kills, 0, "", ""},
    {"device app show-kills 9", kills, 1, "", "error: device 'd' answered with HTTP status 404\n"},
    {"device app show-kills --delete", kills, 0, "", "2 reports deleted.\n"},
    {"device app show-kills --delete -i " ID_A, kills, 0, "", "1 reports deleted.\n"},
    {"device app show-kills -o json last", nothing_sensible, 6, "",
     "error: device 'd' has no reports\n"},
    {"device app show-kills first", kills, 2, "",
     "error: 'first' is no report: give its number, or 'last'\n"},
    {"device app show-kills -1", kills, 2, "",
     "error: unknown option '-1'\nSee 'spherule device app show-kills --help'.\n"},
    /* there is no deleting of one report: the number must not be passed over in silence */
    {"device app show-kills 3 --delete", kills, 2, "",
     "error: --delete removes all reports: it takes no number\n"},
    {"device app show-kills last --delete", kills, 2, "",
     "error: --delete removes all reports: it takes no number\n"},
};

static void test_show_kills(void **state) {
    check_talks(state, kill_lists, SPH_ARRAY_SIZE(kill_lists));
}

/* As many as a device can have are all reached; a list that is longer is refused as a whole. */
static void test_many_applications(void **state) {
    static const struct {
        unsigned count;
        int status;
    } rows[] = {{200, 0}, {256, 0}, {257, 1}};
    static struct spoken spoken;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        sph_autobuf struct sph_buf body = SPH_BUF_NULL;
        sph_buf_puts(&body, "{\"apps\":[");
        for (unsigned n = 0; n < rows[i].count; n++)
            sph_buf_printf(&body, "%s{\"componentId\":\"00000000-0000-4000-8000-%012u\"}",
                           n ? "," : "", n);
        sph_buf_puts(&body, "]}");
        const struct fake_route routes[] = {{.request = "", .body = body.data}};
        fake_start(*state, routes);
        speak("device image list-installed -o tsv", &spoken);
        fake_stop(*state);
        unsigned lines = 0;
        for (const char *c = spoken.out; *c; c++)
            lines += *c == '\n';
        assert_int_equal(spoken.status, rows[i].status);
        assert_int_equal(lines, rows[i].status == 0 ? rows[i].count : 0);
        assert_string_equal(spoken.err, rows[i].status == 0
                                            ? ""
                                            : "error: device 'd' has more than 256 applications\n");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_DEVICE(test_show_status),
        WITH_DEVICE(test_start_and_stop),
        WITH_DEVICE(test_what_start_asks),
        WITH_DEVICE(test_the_debugger_is_installed_first),
        WITH_DEVICE(test_no_debugger_to_install),
        WITH_DEVICE(test_show_quota),
        WITH_DEVICE(test_delete),
        WITH_DEVICE(test_list_installed),
        WITH_DEVICE(test_names_are_shown_without_control_characters),
        WITH_DEVICE(test_show_memory_stats),
        WITH_DEVICE(test_show_heap),
        WITH_DEVICE(test_show_kills),
        WITH_DEVICE(test_many_applications),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
