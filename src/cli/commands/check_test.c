/* `check` on a named device: what the gateway says, the files beside it, and what comes of both. */
#include "cli/device/fake_gateway_test.h"

#define ID "2f074b0f-d99d-4692-82d9-ef93a7d6463c"
#define MANIFEST                                                                                   \
    "{\"SchemaVersion\":1,\"Name\":\"app\",\"ComponentId\":\"" ID                                  \
    "\",\"EntryPoint\":\"/bin/app\","                                                              \
    "\"CmdArgs\":[],\"Capabilities\":{},\"ApplicationType\":\"Default\"}"

static int set_up(void **state) {
    return fake_set_up_package(state, MANIFEST);
}

#define SUBSCRIBED "{\"kind\":\"subscribed\",\"lastSeq\":4}\n"
#define ENDED                                                                                      \
    "{\"seq\":5,\"kind\":\"output\",\"componentId\":\"" ID                                         \
    "\",\"stream\":\"stdout\",\"text\":\"hello\\n\"}\n"                                            \
    "{\"kind\":\"ended\",\"componentId\":\"" ID "\",\"reportId\":9}\n"
#define FIGURES                                                                                    \
    "\"userBytes\":4096,\"peakUserBytes\":8192,\"totalBytes\":12288,\"limitBytes\":262144,"        \
    "\"userExact\":true"
#define REPORT(why, more) "{\"why\":\"" why "\",\"name\":\"app\",\"exitCode\":0," FIGURES more "}"
#define EXACT ",\"kernelExact\":true"
#define HEAP                                                                                       \
    ",\"heap\":{\"complete\":true,\"peaksExact\":true,\"callers\":[{\"name\":\"curl\","            \
    "\"peakBytes\":700}]}"

/* What the files were, the options, what the device told, and what comes of it; files after it. */
struct scene {
    const char *budget, *baseline; /* NULL: there is none */
    const char *options;
    const char *report;
    int status;
    const char *out;         /* the answer as tsv */
    const char *err;         /* a part of it; "@" is the home */
    const char *file, *text; /* a file afterwards (NULL text: it is not there) */
};

static const struct scene scenes[] = {
    {"{\"peakUser\":8192}", NULL, "", REPORT("exit", EXACT), 0,
     "Peak User\t8192\ttrue\t8192\t\t\t\twithin\n", "hello\n", NULL, NULL},
    {"{\"peakUser\":\"4K\"}", NULL, "--summary @/s.md", REPORT("exit", EXACT), 120,
     "Peak User\t8192\ttrue\t4096\t\t\t\tover the limit\n",
     "error: over budget: the figures whose verdict is not 'within' are too large\n", "s.md",
     "### Memory of app: over budget\n\n"
     "| Figure | Bytes | Limit | Baseline | Growth | Allowed | Verdict |\n"
     "|:--|--:|--:|--:|--:|--:|:--|\n"
     "| Peak User | 8192 | 4096 |  |  |  | **over the limit** |\n"
     "\nThe end: it exited with status 0.\n"},
    /* the ration crossed is over budget, whatever the budget says */
    {"{\"user\":\"1M\"}", NULL, "", REPORT("ration", EXACT), 120,
     "User\t4096\ttrue\t1048576\t\t\t\twithin\n",
     "error: over budget: it went over its ration of 262144 bytes\n", NULL, NULL},
    {"{\"user\":\"1M\"}", NULL, "", REPORT("crash", EXACT), 121,
     "User\t4096\ttrue\t1048576\t\t\t\twithin\n", "error: the application failed: it crashed by ",
     NULL, NULL},
    {"{\"user\":1}", NULL, "", "{\"why\":\"exit\",\"exitCode\":3," FIGURES "}", 121,
     "User\t4096\ttrue\t1\t\t\t\tover the limit\n",
     "error: the application failed: it exited with status 3\n", NULL, NULL},
    /* not exact: told, and not stored unless asked for */
    {"{\"total\":\"1M\"}", NULL, "--update-baseline",
     REPORT("exit", ",\"kernelHow\":\"memory.stat\""), 125,
     "Total\t12288\tfalse\t1048576\t12288\t0\t\twithin\n",
     "error: the baseline is not changed: not exact in this run: Total; --allow-inexact stores "
     "what was measured at all\n",
     "memory-baseline.json", NULL},
    {"{\"total\":\"1M\"}", NULL, "--update-baseline --allow-inexact",
     REPORT("exit", ",\"kernelHow\":\"memory.stat\""), 0,
     "Total\t12288\tfalse\t1048576\t12288\t0\t\twithin\n",
     "warn: Total is not exact, and so neither is the verdict on its limit: taken from "
     "memory.stat.\n",
     "memory-baseline.json", "{\n  \"total\": 12288,\n  \"inexact\": [\"Total\"]\n}\n"},
    /* growth */
    {"{\"user\":{\"growth\":\"100%\"}}", "{\"user\":2048}", "", REPORT("exit", EXACT), 0,
     "User\t4096\ttrue\t\t2048\t+2048\t100%\twithin\n", "", NULL, NULL},
    {"{\"user\":{\"growth\":2047}}", "{\"user\":2048}", "--update-baseline", REPORT("exit", EXACT),
     0, "User\t4096\ttrue\t\t4096\t0\t2047\twithin\n", "", "memory-baseline.json",
     "{\n  \"user\": 4096\n}\n"},
    {"{\"user\":{\"growth\":2047}}", "{\"user\":2048}", "", REPORT("exit", EXACT), 120,
     "User\t4096\ttrue\t\t2048\t+2048\t2047\tgrew too much\n",
     "error: over budget: ", "memory-baseline.json", "{\"user\":2048}"},
    {"{\"user\":{\"growth\":1}}", "{\"total\":2048}", "", REPORT("exit", EXACT), 125,
     "User\t4096\ttrue\t\t\t\t1\tno baseline\n",
     "warn: User has no baseline to grow from: run with --update-baseline once.\nerror: the "
     "budget has figures that could not be judged; the lines above say why\n",
     NULL, NULL},
    /* the heap */
    {"{\"heap\":{\"curl\":700,\"crul\":1}}", NULL, "", REPORT("exit", HEAP), 0,
     "Heap: crul\t0\ttrue\t1\t\t\t\twithin\nHeap: curl\t700\ttrue\t700\t\t\t\twithin\n",
     "warn: no caller 'crul' asked for memory; ", NULL, NULL},
    {"{\"heapPeak\":1}", NULL, "", REPORT("exit", ",\"heapState\":\"noLibrary\""), 125,
     "Heap Peak\t\tfalse\t1\t\t\t\tnot measured\n",
     "warn: Heap Peak was not measured: the heap was not tracked (noLibrary).\n", NULL, NULL},
    /* a budget from a run */
    {NULL, NULL, "--init --heap --budget @/new.json", REPORT("exit", EXACT HEAP), 0, "",
     "Budget '@/new.json' written: 6 figures.\n", "new.json",
     "{\n  \"peakUser\": 12288,\n  \"user\": 8192,\n  \"total\": 16384,\n  \"flash\": 16384,\n"
     "  \"heapPeak\": 1024,\n  \"heap\": {\n    \"curl\": 1024\n  }\n}\n"},
    {NULL, NULL, "--init --budget @/new.json", REPORT("crash", EXACT), 121, "",
     "error: the application failed: ", "new.json", NULL},
    {"{\"user\":1}", NULL, "", "nonsense", 125, "", "error: device 'd' gave an answer that is not ",
     NULL, NULL},
    {"{\"user\":4096}", NULL, "--junit @/none/j.xml", REPORT("exit", EXACT), 125,
     "User\t4096\ttrue\t4096\t\t\t\twithin\n", "error: cannot ", NULL, NULL},
    /* nothing runs before the files are right */
    {NULL, NULL, "", NULL, 125, "",
     "error: there is no budget '@/memory-budget.json'; 'spherule check --init' makes one\n", NULL,
     NULL},
    {"{\"user\":1}", NULL, "--init", NULL, 125, "",
     "error: there is a budget '@/memory-budget.json' already; remove it first\n", NULL, NULL},
    {"{\"used\":1}", NULL, "", NULL, 125, "",
     "error: @/memory-budget.json: line 1, column 9: 'used' is no figure; there are ", NULL, NULL},
    {"{\"user\":{\"growth\":1}}", NULL, "", NULL, 125, "",
     "error: there is no baseline '@/memory-baseline.json'; run once with --update-baseline to "
     "make it\n",
     NULL, NULL},
    {"{\"user\":1}", "{\"user\":\"x\"}", "", NULL, 125, "",
     "error: @/memory-baseline.json: line 1, column 9: a figure: not a size; ", NULL, NULL},
    {"{\"user\":1}", NULL, "--baseline @/none.json", NULL, 125, "",
     "error: there is no baseline '@/none.json'; ", NULL, NULL},
    {"{\"user\":1}", NULL, "--seconds 0", NULL, 125, "",
     "error: --seconds must be from 1 to 86400, not '0'\n", NULL, NULL},
    {"{\"user\":1}", NULL, "--allow-inexact", NULL, 125, "",
     "error: --allow-inexact goes with --update-baseline\n", NULL, NULL},
    {NULL, NULL, "--init --update-baseline", NULL, 125, "",
     "error: --init makes a budget only; record a baseline afterwards\n", NULL, NULL},
};

/* Every "@" becomes the home. */
static void expand(const struct fake_gateway *fake, const char *text, char *ret, size_t size) {
    size_t len = 0;
    for (; *text && len + 80 < size; text++)
        len += (size_t)(*text == '@' ? snprintf(ret + len, size - len, "%s", fake->home)
                                     : snprintf(ret + len, size - len, "%c", *text));
    ret[len] = '\0';
}

static void check_file(const struct fake_gateway *fake, const struct scene *scene) {
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    int r = scene->file ? sph_file_read(fake->home_fd, scene->file, &text, NULL) : 0;
    if (!scene->file)
        return;
    assert_int_equal(r, scene->text ? 0 : -ENOENT);
    if (scene->text)
        assert_string_equal(text.data, scene->text);
}

static void lay_files(const struct fake_gateway *fake, const struct scene *scene) {
    static const char *const names[] = {"memory-budget.json", "memory-baseline.json", "new.json",
                                        "s.md"};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(names); i++)
        (void)unlinkat(fake->home_fd, names[i], 0);
    if (scene->budget)
        fake_put(fake, names[0], scene->budget, strlen(scene->budget));
    if (scene->baseline)
        fake_put(fake, names[1], scene->baseline, strlen(scene->baseline));
}

static void play(struct fake_gateway *fake, const struct scene *scene, struct spoken *spoken) {
    char line[600], text[600];
    const struct fake_route routes[] = {
        {.request = "GET /app/status/" ID, .body = "{\"state\":\"stopped\"}"},
        {.request = "GET /spherule/v1/events?hold=1", .body = SUBSCRIBED, .later = ENDED},
        {.request = "POST /spherule/v1/apps/" ID "/run", .body = "{}", .releases = true},
        {.request = "GET /spherule/v1/kills/9", .body = scene->report},
        {.request = "", .body = "{}"},
    };
    lay_files(fake, scene);
    (void)snprintf(text, sizeof(text), "check -d d -o tsv %s @/app.imagepackage", scene->options);
    expand(fake, text, line, sizeof(line));
    fake_start(fake, routes);
    speak(line, spoken);
    fake_stop(fake);
}

static void test_scenes(void **state) {
    static struct spoken spoken;
    struct fake_gateway *fake = *state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(scenes); i++) {
        char err[600];
        play(fake, &scenes[i], &spoken);
        expand(fake, scenes[i].err, err, sizeof(err));
        if (spoken.status != scenes[i].status || !strstr(spoken.err, err))
            fail_msg("row %zu: status %d\n%s--\n%s", i, spoken.status, spoken.out, spoken.err);
        assert_string_equal(spoken.out, scenes[i].out);
        check_file(fake, &scenes[i]);
        /* a mistake in a file costs no run */
        assert_int_equal(strstr(fake->seen, "POST /spherule/v1/apps/" ID "/run") != NULL,
                         scenes[i].report != NULL);
    }
}

/* The heap is asked for when the budget names it, or a person does. */
static void test_the_heap_is_asked_for(void **state) {
    static struct spoken spoken;
    static const struct {
        const char *budget, *options, *body;
    } rows[] = {{"{\"user\":9999}", "", "{}"},
                {"{\"user\":9999}", "--heap", "{\"heap\":true}"},
                {"{\"heapPeak\":9999}", "", "{\"heap\":true}"},
                {"{\"heap\":{\"c\":9999}}", "", "{\"heap\":true}"}};
    struct fake_gateway *fake = *state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        char request[160];
        const struct scene scene = {.budget = rows[i].budget,
                                    .options = rows[i].options,
                                    .report = REPORT("exit", EXACT HEAP)};
        play(fake, &scene, &spoken);
        assert_int_equal(spoken.status, 0);
        (void)snprintf(request, sizeof(request), "POST /spherule/v1/apps/" ID "/run %s\n",
                       rows[i].body);
        assert_non_null(strstr(fake->seen, request));
    }
}

/* With --seconds the figures are of the moment before it is asked to stop. */
static void test_stopped_in_time(void **state) {
    static struct spoken spoken;
    struct fake_gateway *fake = *state;
    char line[300];
    const struct fake_route routes[] = {
        {.request = "GET /spherule/v1/events?hold=1", .body = SUBSCRIBED, .later = ENDED},
        {.request = "GET /spherule/v1/memory",
         .body = "{\"userBytes\":77,\"totalBytes\":99,\"userExact\":true,\"kernelExact\":true}"},
        {.request = "GET /spherule/v1/heap/" ID,
         .body = "{\"processes\":[{\"complete\":true,\"peaksExact\":true,\"callers\":[{\"name\":"
                 "\"curl\",\"peakBytes\":55}]}]}"},
        {.request = "PATCH /app/status/" ID, .body = "{}", .releases = true},
        {.request = "GET /spherule/v1/kills/9", .body = REPORT("stopped", EXACT)},
        {.request = "", .body = "{}"},
    };
    static const char budget[] = "{\"user\":80,\"peakUser\":8192,\"heap\":{\"curl\":55}}";
    fake_put(fake, "memory-budget.json", budget, sizeof(budget) - 1);
    (void)snprintf(line, sizeof(line), "check -d d -o tsv --seconds 1 %s/app.imagepackage",
                   fake->home);
    fake_start(fake, routes);
    speak(line, &spoken);
    fake_stop(fake);
    if (spoken.status != 0)
        print_error("%s", spoken.err);
    assert_int_equal(spoken.status, 0);
    assert_string_equal(spoken.out, "Peak User\t8192\ttrue\t8192\t\t\t\twithin\n"
                                    "User\t77\ttrue\t80\t\t\t\twithin\n"
                                    "Heap: curl\t55\ttrue\t55\t\t\t\twithin\n");
    const char *look = strstr(fake->seen, "GET /spherule/v1/memory\n");
    assert_non_null(look);
    assert_non_null(strstr(look, "PATCH /app/status/" ID " {\"trigger\":\"stop\"}\n"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scenes),
        cmocka_unit_test(test_the_heap_is_asked_for),
        cmocka_unit_test(test_stopped_in_time),
    };
    return cmocka_run_group_tests(tests, set_up, fake_tear_down);
}
