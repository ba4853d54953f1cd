/* Words and sentences of every state, names of libraries, and the heap of a report. */
#include "base/testing.h"

#include <string.h>

#include "gateway/rest/json_heap.h"

#define T(text)                                                                                    \
    { .data = (text), .len = sizeof(text) - 1 }

static const char *const words[] = {
    "notAsked", "tracked", "noCapability", "noLibrary", "noDevelopment", "debugged",
    "oldApi",   "static",  "loader",       "failed",    "damaged",
};

static void states_have_words(void **state) {
    (void)state;
    for (uint32_t i = 0; i < SPH_ARRAY_SIZE(words); i++)
        assert_string_equal(sph_heap_state_word(i), words[i]);
    assert_string_equal(sph_heap_state_word(SPH_HEAP_DAMAGED + 1), "unknown");
    assert_string_equal(sph_heap_state_word(UINT32_MAX), "unknown");
}

/* What to do about it stands behind a colon. */
static void each_reason_is_one_sentence_that_helps(void **state) {
    (void)state;
    static const char *const help[] = {
        [SPH_HEAP_NOT_ASKED] =
            ("add \"HeapMemStats\": true to the Capabilities of app_manifest.json "
             "and DEBUG_LIB \"libmalloc\" to azsphere_target_add_image_package() "
             "in CMakeLists.txt, or use `spherule run --heap`."),
        [SPH_HEAP_TRACKED] = NULL,
        [SPH_HEAP_NO_CAPABILITY] =
            "add \"HeapMemStats\": true to app_manifest.json and deploy again.",
        [SPH_HEAP_NO_LIBRARY] =
            ("add DEBUG_LIB \"libmalloc\" to azsphere_target_add_image_package() in "
             "CMakeLists.txt and deploy again."),
        [SPH_HEAP_NO_DEVELOPMENT] = "switch it on with 'azsphere device enable-development'.",
        [SPH_HEAP_DEBUGGED] = "start it without --debug-mode.",
        [SPH_HEAP_OLD_API] = "build it with TARGET_API_SET 10 or later.",
        [SPH_HEAP_STATIC] = "link it to the device's C library.",
        [SPH_HEAP_LOADER] = "build it with spherule-cc.",
        [SPH_HEAP_FAILED] = "read why in the device's log, and start the application again.",
        [SPH_HEAP_DAMAGED] = "look for a stray write.",
        [SPH_HEAP_DAMAGED + 1] = "update it.",
    };
    for (uint32_t i = 0; i < SPH_ARRAY_SIZE(help); i++) {
        const char *reason = sph_heap_state_reason(i);
        const char *colon = strstr(reason, ": ");
        assert_null(strstr(reason, ". "));
        assert_int_equal(reason[strlen(reason) - 1], '.');
        if (help[i])
            assert_string_equal(colon ? colon + 2 : "", help[i]);
        else
            assert_string_equal(reason, "Its heap is tracked.");
    }
    assert_string_equal(sph_heap_state_reason(UINT32_MAX),
                        sph_heap_state_reason(SPH_HEAP_DAMAGED + 1));
}

/* As it comes from the agent: encoded and decoded. */
static void decode(const struct sph_codec *codec, const void *message, struct sph_buf *ret_bytes,
                   void *ret_message) {
    assert_int_equal(sph_codec_encode(codec, message, ret_bytes, NULL), 0);
    assert_int_equal(sph_codec_decode(codec, ret_bytes->data, ret_bytes->len, ret_message, NULL),
                     0);
}

static void usage_of(struct sph_slice name, struct sph_buf *ret_json) {
    const struct sph_msg_heap_caller caller = {.name = name};
    const struct sph_msg_heap heap = {.state = SPH_HEAP_TRACKED, .callers = SPH_LIST(&caller, 1)};
    const struct sph_msg_app_memory app = {.heap_state = SPH_HEAP_TRACKED,
                                           .heaps = SPH_LIST(&heap, 1)};
    const struct sph_msg_memory_reply reply = {.apps = SPH_LIST(&app, 1)};
    struct sph_msg_memory_reply decoded;
    sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
    struct sph_json_out out;
    decode(&sph_msg_memory_reply_codec, &reply, &bytes, &decoded);
    sph_json_begin(&out, ret_json);
    sph_json_object(&out);
    sph_json_heap_usage(&out, &decoded.apps);
    sph_json_object_end(&out);
}

static void libraries_have_short_names(void **state) {
    (void)state;
    static const struct {
        struct sph_slice name;
        const char *json;
    } cases[] = {
        {T("App + Static Libraries"), "App + Static Libraries"},
        {T("libcurl.so.4"), "curl"},
        {T("libapplibs.so.0"), "applibs"},
        {T("libc.so.6"), "c"},
        {T("libc.so"), "c"},
        {T("ld-musl-armhf.so.1"), "c"},
        {T("ld-musl-x86_64.so.1"), "c"},
        {T("ld-musl-"), "ld-musl-"},
        {T("ld-linux-x86-64.so.2"), "ld-linux-x86-64.so.2"},
        {T("libstdc++.so.6"), "stdc++"},
        {T("libmy.so.thing.so.1"), "my"},
        {T("lib.so"), "lib.so"},
        {T("lib"), "lib"},
        {T("libfoo"), "libfoo"},
        {T("plugin.so"), "plugin.so"},
        {T("(others)"), "(others)"},
        {T("lib\"\n.so"), "\\\"\\n"},
        {{NULL, 0}, ""},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        char wanted[400];
        sph_autobuf struct sph_buf json = SPH_BUF_NULL;
        usage_of(cases[i].name, &json);
        (void)snprintf(wanted, sizeof(wanted),
                       "{\"apps\":[{\"componentId\":\"00000000-0000-0000-0000-000000000000\","
                       "\"processes\":[{\"pid\":0,\"heapUsageByCaller\":[{\"name\":\"%s\","
                       "\"usageInBytes\":0}]}]}]}",
                       cases[i].json);
        assert_string_equal(json.data, wanted);
    }
}

static void a_report_has_a_heap_or_says_why_not(void **state) {
    (void)state;
    const struct sph_msg_heap heap = {.pid = 7,
                                      .state = SPH_HEAP_TRACKED,
                                      .live_bytes = 20000,
                                      .has_crossing_block = true,
                                      .crossing_caller = 1,
                                      .crossing_address = 0x555500001000,
                                      .crossing_bytes = 20000,
                                      .crossing_offset = 16384,
                                      .crossing_site = 0x1180};
#define FIGURES                                                                                    \
    "\"liveBytes\":20000,\"residentBytes\":0,\"liveBlocks\":0,\"allocations\":0,\"frees\":0,"      \
    "\"uptimeMs\":0,\"complete\":false,\"peaksExact\":false,\"countsExact\":false,"                \
    "\"blocksLost\":0,\"unknownFrees\":0,\"damaged\":0,\"damageFound\":0,\"callers\":[],"          \
    "\"sites\":[],"                                                                                \
    "\"sitesDropped\":0"
    const struct {
        struct sph_msg_report report;
        const char *json;
    } cases[] = {
        {{.heap_state = SPH_HEAP_TRACKED, .heaps = SPH_LIST(&heap, 1)},
         "{\"heapState\":\"tracked\",\"heap\":{\"pid\":7,\"state\":\"tracked\"," FIGURES
         ",\"crossingBlock\":{\"caller\":1,\"address\":\"0x555500001000\",\"bytes\":20000,"
         "\"offset\":16384,\"site\":\"0x1180\"}}}"},
        {{.heap_state = SPH_HEAP_NO_LIBRARY}, "{\"heapState\":\"noLibrary\"}"},
        {{.heap_state = 99}, "{\"heapState\":\"unknown\"}"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        struct sph_msg_report decoded;
        struct sph_json_out out;
        sph_autobuf struct sph_buf bytes = SPH_BUF_NULL, json = SPH_BUF_NULL;
        decode(&sph_msg_report_codec, &cases[i].report, &bytes, &decoded);
        sph_json_begin(&out, &json);
        sph_json_object(&out);
        sph_json_report_heap(&out, &decoded);
        sph_json_object_end(&out);
        assert_string_equal(json.data, cases[i].json);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_have_words),
        cmocka_unit_test(each_reason_is_one_sentence_that_helps),
        cmocka_unit_test(libraries_have_short_names),
        cmocka_unit_test(a_report_has_a_heap_or_says_why_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
