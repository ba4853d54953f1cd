/* `run` on a named device, and the packages it runs: every way that a run can end, by what the
 * device says in which order, and what each does to the exit status, the output and the device. */
#include "cli/device/fake_gateway_test.h"

#include <sys/stat.h>

#include "cli/device/target.h"

#define ID "2f074b0f-d99d-4692-82d9-ef93a7d6463c"
#define OTHER "00000000-0000-4000-8000-00000000000b"
#define MANIFEST                                                                                   \
    "{\"SchemaVersion\":1,\"Name\":\"app\",\"ComponentId\":\"" ID                                  \
    "\",\"EntryPoint\":\"/bin/app\","                                                              \
    "\"CmdArgs\":[\"one\"],\"Capabilities\":{},\"ApplicationType\":\"Default\"}"

static int set_up(void **state) {
    return fake_set_up_package(state, MANIFEST);
}

/* A line with the scratch folder in the place of "@". */
static void say_line(const struct fake_gateway *fake, const char *text, char *ret, size_t size) {
    const char *at = strchr(text, '@');
    (void)snprintf(ret, size, "%.*s%s%s", (int)(at ? at - text : (long)strlen(text)), text,
                   at ? fake->home : "", at ? at + 1 : "");
}

static void check_in(struct fake_gateway *fake, const char *line, const struct fake_route *routes,
                     int status, const char *out, const char *err) {
    char full_line[512], full_err[512];
    say_line(fake, line, full_line, sizeof(full_line));
    say_line(fake, err, full_err, sizeof(full_err));
    const struct talk talk = {full_line, routes, status, out, full_err};
    check_talk(fake, &talk);
}

/* ---- run ---- */

#define SUBSCRIBED "{\"kind\":\"subscribed\",\"lastSeq\":4}\n"
#define OUTPUT(stream, text)                                                                       \
    "{\"seq\":5,\"kind\":\"output\",\"componentId\":\"" ID "\",\"stream\":\"" stream               \
    "\",\"text\":\"" text "\"}\n"
#define ENDED "{\"kind\":\"ended\",\"componentId\":\"" ID "\",\"reportId\":9}\n"
#define REPORT(why, code)                                                                          \
    "{\"why\":\"" why "\",\"exitCode\":" code ",\"userExact\":true,\"kernelExact\":true}"

/* What the gateway says once the application was started, its report, and what comes of it. */
static const struct {
    const char *events, *report;
    int status;
    const char *out;
    const char *err; /* a part of it; NULL: nothing at all */
} ends[] = {
    {OUTPUT("stdout", "a\\n") ENDED, REPORT("exit", "0"), 0, "a\n", "it exited with status 0.\n"},
    {ENDED, REPORT("exit", "99"), 99, "", "it exited with status 99.\n"},
    {ENDED, REPORT("exit", "100"), 99, "",
     "warn: its exit status was 100; statuses above 99 end "
     "as 99\n"},
    {ENDED, REPORT("stopped", "3"), 3, "", "it was asked to stop, and did, with status 3.\n"},
    {ENDED, REPORT("ration", "0"), 120, "", "it went over its ration of 0 bytes.\n"},
    {ENDED, REPORT("crash", "0"), 121, "", "it crashed by .\n"},
    {ENDED, REPORT("killed", "0"), 122, "", "it was killed by  from elsewhere.\n"},
    {ENDED, REPORT("startFailed", "0"), 125, "", "it could not be started.\n"},
    /* a reason that this version does not know is no success */
    {ENDED, REPORT("frozen", "0"), 122, "", "for a reason that the device does not know.\n"},
    {ENDED, "{}", 122, "", "for a reason that the device does not know.\n"},
    {ENDED, "[]", 125, "", "error: device 'd' gave an answer that is no JSON object\n"},
    {ENDED, "nonsense", 125, "", "error: device 'd' gave an answer that is not JSON"},
    /* an end without a number, and so without a report */
    {"{\"kind\":\"ended\",\"componentId\":\"" ID "\"}\n", "{}", 125, "",
     "error: the device made no report of the application's end\n"},
    /* others' output and end are not ours; both streams keep their places */
    {"{\"kind\":\"ended\",\"componentId\":\"" OTHER "\",\"reportId\":8}\n"
     "{\"kind\":\"output\",\"componentId\":\"" OTHER
     "\",\"text\":\"theirs\"}\n" OUTPUT("stderr", "e\\n") OUTPUT("stdout", "o\\n") ENDED,
     REPORT("exit", "0"), 0, "o\n", "e\n"},
    /* lines that are no events are passed over */
    {"\n\nnonsense\n[]\n{}\n{\"kind\":7}\n" ENDED, REPORT("exit", "0"), 0, "", "status 0.\n"},
    /* what was lost is told, and the run goes on */
    {"{\"kind\":\"lost\",\"count\":3}\n" ENDED, REPORT("exit", "0"), 0, "",
     "warn: 3 events were lost: some of the application's output may be missing\n"},
    {"{\"kind\":\"newPeak\",\"seq\":5}\n{\"kind\":\"newPeak\",\"seq\":9}\n" ENDED,
     REPORT("exit", "0"), 0, "",
     "warn: 3 events were lost: some of the application's output may be missing\n"},
    /* the stream ends before the application does */
    {"", "{}", 125, "", "error: the gateway of device 'd' ended while the application ran\n"},
    {OUTPUT("stdout", "half"), "{}", 125, "half",
     "error: the gateway of device 'd' ended while the application ran\n"},
    {"{\"kind\":\"ended\",\"componentId\":\"" ID "\"", "{}", 125, "",
     "error: the gateway of device 'd' ended while the application ran\n"},
    {"{\"kind\":\"deviceLost\"}\n", "{}", 125, "",
     "error: the device went away while '" ID "' ran\n"},
};

static void test_every_end(void **state) {
    static struct spoken spoken;
    struct fake_gateway *fake = *state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(ends); i++) {
        char line[200];
        const struct fake_route routes[] = {
            {.request = "GET /app/status/" ID, .body = "{\"state\":\"notPresent\"}"},
            {.request = "PUT /update/stage", .body = "{}"},
            {.request = "POST /update/install", .body = "{}"},
            {.request = "GET /spherule/v1/events?hold=1",
             .body = SUBSCRIBED,
             .later = ends[i].events},
            {.request = "POST /spherule/v1/apps/" ID "/run", .body = "{}", .releases = true},
            {.request = "GET /spherule/v1/kills/9", .body = ends[i].report},
            {.request = "PATCH /app/status/" ID, .body = "{\"state\":\"stopped\"}"},
            {.request = "DELETE /app/image/" ID, .body = "{}"},
            {.request = NULL},
        };
        say_line(fake, "run -d d @/app.imagepackage", line, sizeof(line));
        fake_start(fake, routes);
        speak(line, &spoken);
        fake_stop(fake);
        if (spoken.status != ends[i].status || !strstr(spoken.err, ends[i].err))
            print_error("row %zu: status %d\n%s", i, spoken.status, spoken.err);
        assert_int_equal(spoken.status, ends[i].status);
        assert_string_equal(spoken.out, ends[i].out);
        assert_non_null(strstr(spoken.err, ends[i].err));
        /* what was not there before is taken off again, after every end */
        assert_non_null(strstr(fake->seen, "DELETE /app/image/" ID "\n"));
        bool saw_the_end = strstr(ends[i].events, "ended\",\"componentId\":\"" ID "\"") &&
                           ends[i].events[strlen(ends[i].events) - 1] == '\n';
        assert_int_equal(strstr(fake->seen, "PATCH /app/status/" ID) == NULL, saw_the_end);
    }
}

/* A refusal at each request in turn: the sentence is the device's, the status 125, nothing hangs.
 */
static void test_a_refusal_at_each_step(void **state) {
    static const char *const steps[] = {
        "PUT /update/stage",
        "POST /update/install",
        "GET /spherule/v1/events?hold=1",
        ("POST /spherule/v1/apps/" ID "/run"),
        "GET /spherule/v1/kills/9",
    };
    static struct spoken spoken;
    struct fake_gateway *fake = *state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(steps); i++) {
        char line[200];
        const struct fake_route routes[] = {
            {.request = steps[i], .status = 409, .body = "{\"error\":7340071}", .releases = true},
            {.request = "GET /app/status/" ID, .body = "{\"state\":\"stopped\"}"},
            {.request = "GET /spherule/v1/events?hold=1", .body = SUBSCRIBED, .later = ENDED},
            {.request = "POST /spherule/v1/apps/" ID "/run", .body = "{}", .releases = true},
            {.request = "", .body = "{}"},
        };
        say_line(fake, "run -d d @/app.imagepackage", line, sizeof(line));
        fake_start(fake, routes);
        speak(line, &spoken);
        fake_stop(fake);
        assert_string_equal(spoken.err, "error: An update is in progress\n");
        assert_string_equal(spoken.out, "");
        assert_int_equal(spoken.status, 125);
        assert_null(strstr(fake->seen, "DELETE")); /* it was there before */
    }
}

/* A line that does not end within 128 KiB ends the run: it would be gathered for ever. */
static void test_a_line_without_an_end(void **state) {
    static struct spoken spoken;
    struct fake_gateway *fake = *state;
    char line[200];
    sph_autobuf struct sph_buf flood = SPH_BUF_NULL;
    for (unsigned i = 0; i < 200000; i++)
        sph_buf_append(&flood, "x", 1);
    const struct fake_route routes[] = {
        {.request = "GET /spherule/v1/events?hold=1", .body = SUBSCRIBED, .later = flood.data},
        {.request = "POST /spherule/v1/apps/" ID "/run", .body = "{}", .releases = true},
        {.request = "", .body = "{}"},
    };
    say_line(fake, "run -d d @/app.imagepackage", line, sizeof(line));
    fake_start(fake, routes);
    speak(line, &spoken);
    fake_stop(fake);
    assert_string_equal(spoken.err,
                        "error: the device's events have a line that is longer than any "
                        "event\n");
    assert_int_equal(spoken.status, 125);
}

static const struct {
    const char *line;
    int status;
    const char *err;
} refusals[] = {
    {"run -d d --ram 64K @/app.imagepackage", 125,
     "error: --ram cannot be used with --device: the device has its limit\n"},
    {"run -d d @/tree/app_manifest.json", 125, "error: @/tree/app_manifest.json: "},
    {"run -d d @/tree", 125, "error: the file '@/tree' is not a file\n"},
    {"run -d d @/tree/bin/app", 125, "error: @/tree/bin/app: "},
    {"run -d d @/app.imagepackage", 125, "error: device 'd' is not running; start it with "},
    {"run -d nobody @/app.imagepackage", 125, "error: there is no device 'nobody'; "},
    {"run -d d @/empty", 125,
     "error: @/empty: this is neither an image package nor an executable\n"},
};

static void test_what_cannot_be_run(void **state) {
    static struct spoken spoken;
    struct fake_gateway *fake = *state;
    fake_put(fake, "empty", "", 0);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(refusals); i++) {
        char line[200], err[300];
        say_line(fake, refusals[i].line, line, sizeof(line));
        say_line(fake, refusals[i].err, err, sizeof(err));
        speak(line, &spoken);
        assert_int_equal(spoken.status, refusals[i].status);
        if (strncmp(spoken.err, err, strlen(err)) != 0)
            fail_msg("%s: %s", line, spoken.err);
    }
}

/* ---- sideload deploy ---- */

static const struct fake_route taking[] = {{.request = "", .body = "{}"}};
static const struct fake_route distrusting[] = {
    {.request = "PUT /update/stage", .body = "{}"},
    {.request = "", .status = 403, .body = "{\"error\":7340047,\"message\":\"Signer ab.\"}"}};
static const struct fake_route full[] = {
    {.request = "", .status = 507, .body = "{\"error\":7340034}"}};

static void test_deploy(void **state) {
    struct fake_gateway *fake = *state;
    char said[400];
    (void)snprintf(
        said, sizeof(said),
        "Deploying '%s/app.imagepackage' to the attached device.\n"
        "Image package '%s/app.imagepackage' has been deployed to the attached device.\n",
        fake->home, fake->home);
    check_in(fake, "device sideload deploy -p @/app.imagepackage", taking, 0, "", said);
    assert_non_null(strstr(fake->seen, "POST /update/install {\"appControlMode\":\"Auto\"}\n"));
    check_in(fake, "device sideload deploy -m -p @/app.imagepackage", taking, 0, "", said);
    assert_non_null(strstr(fake->seen, "POST /update/install {\"appControlMode\":\"Manual\"}\n"));
    check_in(fake, "device sideload deploy -o none -p @/app.imagepackage", distrusting, 1, "",
             "error: Could not deploy application to device: Image not trusted by device; check if "
             "application development capability is enabled ('azsphere device enable-development') "
             "(Signer ab.)\n");
    check_in(fake, "device sideload deploy -o none -p @/app.imagepackage", full, 7, "",
             "error: Could not deploy application to device: Insufficient free space on the "
             "device\n");
    check_in(fake, "device sideload deploy -p @/nowhere", taking, 4, "",
             "error: cannot open the image package '@/nowhere': No such file or directory\n");
    /* what is no package never travels, unless asked for by force */
    fake->seen[0] = '\0';
    check_in(fake, "device sideload deploy -o none --force -p @/tree/app_manifest.json", taking, 0,
             "", "");
    assert_memory_equal(fake->seen, "PUT /update/stage {\"SchemaVersion\"", 33);
}

/* ---- image-package ---- */

static void test_show(void **state) {
    static struct spoken spoken;
    static const char *const lines[] = {"image-package show -p @/app.imagepackage",
                                        "ip show @/app.imagepackage"};
    struct fake_gateway *fake = *state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(lines); i++) {
        char line[200];
        say_line(fake, lines[i], line, sizeof(line));
        speak(line, &spoken);
        assert_int_equal(spoken.status, 0);
        assert_string_equal(spoken.err, "");
        assert_memory_equal(spoken.out,
                            "Section: Identity\n  Image Type:           Application\n"
                            "  Component ID:         " ID "\n",
                            50 + 26 + 36);
        assert_non_null(
            strstr(spoken.out, "Section: Signature\n  Signing Type:         ECDsa256\n"));
        assert_non_null(strstr(spoken.out, "\nFile               Size  Executable\n"));
        assert_non_null(strstr(spoken.out, "\nbin/app            64    true\n"));
    }
}

/* The JSON is one for the reader of this project too, and names what the original names. */
static void test_show_as_json(void **state) {
    static struct spoken spoken;
    char line[200], text[64];
    struct sph_json_value top, part, files, file;
    struct sph_json_iter iter;
    say_line(*state, "image-package show -o json @/app.imagepackage", line, sizeof(line));
    speak(line, &spoken);
    assert_int_equal(sph_json_check(spoken.out, strlen(spoken.out), &top, NULL), 0);
    assert_true(sph_json_get(&top, "Identity", &part));
    assert_string_equal(sph_answer_text(&part, "ComponentId", text, sizeof(text)), ID);
    assert_string_equal(sph_answer_text(&part, "ImageType", text, sizeof(text)), "Application");
    assert_true(sph_json_get(&top, "Signature", &part));
    assert_int_equal(strlen(sph_answer_text(&part, "Cert", text, sizeof(text))), 40);
    assert_true(sph_json_get(&top, "TemporaryImage", &part));
    assert_true(sph_answer_bool(&part, "UnderDevelopment"));
    assert_false(sph_answer_bool(&part, "RemoveAtBoot"));
    assert_true(sph_json_get(&top, "Files", &files));
    unsigned count = 0;
    sph_json_iter_init(&iter, &files);
    for (; sph_json_next(&iter, NULL, &file); count++)
        assert_true(sph_answer_u64(&file, "Size") > 0);
    assert_int_equal(count, 2);
}

/* Cut at any of many places, a package is refused with its name in the sentence, never shown. */
static void test_show_of_cut_packages(void **state) {
    static struct spoken spoken;
    struct fake_gateway *fake = *state;
    sph_autobuf struct sph_buf whole = SPH_BUF_NULL;
    char line[200], begin[120];
    assert_int_equal(sph_file_read(fake->home_fd, "app.imagepackage", &whole, NULL), 0);
    say_line(fake, "image-package show @/cut", line, sizeof(line));
    say_line(fake, "error: @/cut: ", begin, sizeof(begin));
    for (size_t len = 0; len < whole.len; len += len < 300 ? 7 : 1021) {
        fake_put(fake, "cut", whole.data, len);
        speak(line, &spoken);
        assert_int_equal(spoken.status, SPH_EXIT_INPUT);
        assert_string_equal(spoken.out, "");
        assert_memory_equal(spoken.err, begin, strlen(begin));
    }
}

static const struct {
    const char *manifest, *more;
    int status;
    const char *err;
} packs[] = {
    {"{", "", 4, "error: app_manifest.json"},
    {"{}", "", 4, "error: app_manifest.json"},
    {MANIFEST, "--target-api-set x", 2, "error: 'x' is no API set: it is a number such as 16\n"},
    {MANIFEST, "--target-api-set 0", 2, "error: '0' is no API set: it is a number such as 16\n"},
    {MANIFEST, "--target-api-set +Beta", 2,
     "error: '+Beta' is no API set: it is a number such as 16\n"},
    {MANIFEST, "--target-api-set 4294967296", 2,
     "error: '4294967296' is no API set: it is a number such as 16\n"},
    {MANIFEST, "--target-api-set 16+Beta2209", 0, ""},
    {MANIFEST, "--target-api-set latest-lts", 0, ""},
    {MANIFEST, "--application-manifest /nowhere", 4,
     "error: cannot open the application manifest '/nowhere': No such file or directory\n"},
    {MANIFEST, "--target-definition-filename board.json", 4,
     "error: hardware definition 'board.json' is in none of the folders given\n"},
    {MANIFEST, "--target-definition-filename /nowhere.json", 4, "error: "},
};

static void test_pack(void **state) {
    static struct spoken spoken;
    struct fake_gateway *fake = *state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(packs); i++) {
        char line[512];
        fake_put(fake, "tree/app_manifest.json", packs[i].manifest, strlen(packs[i].manifest));
        (void)unlinkat(fake->home_fd, "new.imagepackage", 0);
        (void)snprintf(line, sizeof(line),
                       "ip pack --package-directory %s/tree --output-file %s/new.imagepackage %s",
                       fake->home, fake->home, packs[i].more);
        speak(line, &spoken);
        if (spoken.status != packs[i].status)
            print_error("%s: %s", packs[i].more, spoken.err);
        assert_int_equal(spoken.status, packs[i].status);
        assert_memory_equal(spoken.err, packs[i].err, strlen(packs[i].err));
        /* a build that fails writes nothing */
        assert_int_equal(faccessat(fake->home_fd, "new.imagepackage", F_OK, 0) == 0,
                         packs[i].status == 0);
    }
}

/* Places that cannot be written to: the status is that of output, not of input. */
static void test_pack_to_nowhere(void **state) {
    struct fake_gateway *fake = *state;
    char line[300];
    static struct spoken spoken;
    static const char *const places[] = {"/nowhere/x.imagepackage", "/proc/x.imagepackage",
                                         "/dev/null/x.imagepackage"};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(places); i++) {
        char begin[120];
        (void)snprintf(line, sizeof(line), "ip pack --package-directory %s/tree --destination %s",
                       fake->home, places[i]);
        (void)snprintf(begin, sizeof(begin), "error: cannot write '%s': ", places[i]);
        speak(line, &spoken);
        assert_int_equal(spoken.status, SPH_EXIT_IO);
        assert_memory_equal(spoken.err, begin, strlen(begin));
    }
}

/* Relative names, in the folder that the command was called in. */
static void test_pack_with_relative_names(void **state) {
    struct fake_gateway *fake = *state;
    char old[512];
    assert_non_null(getcwd(old, sizeof(old)));
    assert_int_equal(fchdir(fake->home_fd), 0);
    static struct spoken spoken;
    speak("ip pack --package-directory tree/ --destination relative.imagepackage --verbose",
          &spoken);
    assert_int_equal(chdir(old), 0);
    assert_int_equal(spoken.status, 0);
    assert_int_equal(faccessat(fake->home_fd, "relative.imagepackage", F_OK, 0), 0);
    assert_non_null(strstr(spoken.err, "verbose: Output file is at: relative.imagepackage\n"));
    assert_non_null(strstr(spoken.err, "verbose:   Section: Identity\n"));
}

/* ---- log ---- */

static void test_log(void **state) {
    static const struct fake_route log[] = {{.request = "GET /log", .body = "one\ntwo\033[2J\n"}};
    static const struct fake_route gone[] = {{.request = "", .status = 503, .body = ""}};
    check_in(*state, "device log", log, 0, "one\ntwo\033[2J\n", ""); /* bytes as they are */
    check_in(*state, "device log", gone, 3, "",
             "error: the agent of device 'd' is away; 'spherule device start d' brings it back\n");
    check_in(*state, "device log --follow", gone, 3, "",
             "error: the agent of device 'd' is away; 'spherule device start d' brings it back\n");
}

#define WITH_PACKAGE(test) cmocka_unit_test_setup_teardown(test, set_up, fake_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_PACKAGE(test_every_end),
        WITH_PACKAGE(test_a_refusal_at_each_step),
        WITH_PACKAGE(test_a_line_without_an_end),
        WITH_PACKAGE(test_what_cannot_be_run),
        WITH_PACKAGE(test_deploy),
        WITH_PACKAGE(test_show),
        WITH_PACKAGE(test_show_as_json),
        WITH_PACKAGE(test_show_of_cut_packages),
        WITH_PACKAGE(test_pack),
        WITH_PACKAGE(test_pack_to_nowhere),
        WITH_PACKAGE(test_pack_with_relative_names),
        WITH_PACKAGE(test_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
