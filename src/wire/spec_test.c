/* Numbers that docs/spec/wire.md promises, and the packets of the applications' channel, whose two
 * ends are compiled apart: a change of either side that forgets the other is found here. */
#include "base/testing.h"

#include <string.h>

#include "wire/app_channel.h"
#include "wire/message.h"

static struct sph_buf spec;

static int read_spec(void **state) {
    (void)state;
    spec = (struct sph_buf)SPH_BUF_NULL;
    return sph_file_read(AT_FDCWD, SPH_WIRE_SPEC, &spec, NULL);
}

static int drop_spec(void **state) {
    (void)state;
    sph_buf_done(&spec);
    return 0;
}

struct word {
    unsigned number;
    const char *name;
};

/* The table's row "| what | 0 first, 1 second |", made from the numbers of the code. */
static void assert_row(const char *what, const char *prefix, const struct word *words,
                       size_t count) {
    sph_autobuf struct sph_buf row = SPH_BUF_NULL;
    sph_buf_printf(&row, "\n| %s | %s", what, prefix);
    for (size_t i = 0; i < count; i++)
        sph_buf_printf(&row, "%s%u %s", i ? ", " : "", words[i].number, words[i].name);
    sph_buf_puts(&row, " |\n");
    if (!strstr(spec.data, row.data))
        fail_msg("docs/spec/wire.md lacks: %s", row.data);
}

#define ASSERT_ROW(what, prefix, ...)                                                              \
    assert_row((what), (prefix), (const struct word[]){__VA_ARGS__},                               \
               SPH_ARRAY_SIZE(((const struct word[]){__VA_ARGS__})))

static void states_and_triggers(void **state) {
    (void)state;
    ASSERT_ROW("app state", "", {SPH_APP_NOT_PRESENT, "not present"}, {SPH_APP_STOPPED, "stopped"},
               {SPH_APP_RUNNING, "running"}, {SPH_APP_DEBUGGING, "debugging"});
    ASSERT_ROW("hindrance", "", {SPH_HINDRANCE_NONE, "none"},
               {SPH_HINDRANCE_DEVELOPMENT_SIGNER, "development signer"},
               {SPH_HINDRANCE_UNKNOWN_SIGNER, "unknown signer"});
    ASSERT_ROW("trigger", "", {SPH_TRIGGER_START, "start"}, {SPH_TRIGGER_STOP, "stop"},
               {SPH_TRIGGER_START_DEBUG, "start debug"});
}

static void heap_states(void **state) {
    (void)state;
    ASSERT_ROW("heap state", "", {SPH_HEAP_NOT_ASKED, "not asked"}, {SPH_HEAP_TRACKED, "tracked"},
               {SPH_HEAP_NO_CAPABILITY, "no capability"}, {SPH_HEAP_NO_LIBRARY, "no library"},
               {SPH_HEAP_NO_DEVELOPMENT, "no development"}, {SPH_HEAP_DEBUGGED, "debugged"},
               {SPH_HEAP_OLD_API, "old API"}, {SPH_HEAP_STATIC, "static"},
               {SPH_HEAP_LOADER, "loader"}, {SPH_HEAP_FAILED, "failed"},
               {SPH_HEAP_DAMAGED, "damaged"});
}

static void mappings(void **state) {
    (void)state;
    ASSERT_ROW("mapping class", "", {SPH_MAPPING_OTHER, "other"}, {SPH_MAPPING_PACKAGE, "package"},
               {SPH_MAPPING_LIBRARY, "library"}, {SPH_MAPPING_HEAP, "heap"},
               {SPH_MAPPING_STACK, "stack"}, {SPH_MAPPING_ANONYMOUS, "anonymous"},
               {SPH_MAPPING_SHARED, "shared"}, {SPH_MAPPING_KERNEL, "kernel"});
    ASSERT_ROW("perms", "bits: ", {SPH_PERM_READ, "read"}, {SPH_PERM_WRITE, "write"},
               {SPH_PERM_EXEC, "execute"}, {SPH_PERM_SHARED, "shared"});
}

static void ends(void **state) {
    (void)state;
    ASSERT_ROW("end (why)", "", {SPH_END_UNKNOWN, "unknown"}, {SPH_END_RATION, "ration"},
               {SPH_END_CRASH, "crash"}, {SPH_END_KILLED, "killed"}, {SPH_END_EXIT, "exit"},
               {SPH_END_STOPPED, "stopped"}, {SPH_END_SIGTERM_IGNORED, "sigterm ignored"},
               {SPH_END_START_FAILED, "start failed"});
}

static void events(void **state) {
    (void)state;
    ASSERT_ROW("event kind", "", {SPH_EVENT_APP_INSTALLED, "app installed"},
               {SPH_EVENT_STARTED, "started"}, {SPH_EVENT_OUTPUT, "output"},
               {SPH_EVENT_NEW_PEAK, "new peak"}, {SPH_EVENT_ENDED, "ended"},
               {SPH_EVENT_STOPPED, "stopped"}, {SPH_EVENT_DELETED, "deleted"},
               {SPH_EVENT_GPIO, "gpio"}, {SPH_EVENT_AGENT_STOPPING, "agent stopping"},
               {SPH_EVENT_STORAGE_WEAR, "storage wear"});
    ASSERT_ROW("stream", "", {SPH_EVENT_STDOUT, "standard output"},
               {SPH_EVENT_STDERR, "standard error"});
}

static void pins(void **state) {
    (void)state;
    ASSERT_ROW("pin use", "", {SPH_GPIO_FREE, "free"}, {SPH_GPIO_INPUT, "input"},
               {SPH_GPIO_OUTPUT, "output"});
}

static void capabilities(void **state) {
    (void)state;
    ASSERT_ROW("capability", "", {SPH_DEVCAP_APP_DEVELOPMENT, "app development"},
               {SPH_DEVCAP_RF_TEST_MODE, "RF test mode"},
               {SPH_DEVCAP_FIELD_SERVICING, "field servicing"});
}

/* Sizes and numbers of the frame as they stand in the text. */
static void frames(void **state) {
    (void)state;
    static const char *const sentences[] = {
        "| 4 | 1 | protocol version: 1 |",
        "| 5 | 1 | type: 1 request, 2 reply, 3 error, 4 event |",
        "| 12 | 4 | length of the payload, 0 to 65,536; a longer one makes the header invalid |",
        "| 24 | length | payload |",
        "when nothing has come for 2,000 ms",
        ("1 to 48 characters a-z, 0-9, `.` and `-`, the first one no sign, its value at most "
         "16,384 "
         "bytes; a device keeps at most 64 of\nthem with 131,072 bytes in all"),
        "at most 8; a number that section 5 has not is refused",
        "`telemetry` has at most 16,384 bytes",
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(sentences); i++) {
        if (!strstr(spec.data, sentences[i]))
            fail_msg("docs/spec/wire.md lacks: %s", sentences[i]);
    }
    assert_int_equal(SPH_FRAME_VERSION, 1);
    assert_int_equal(SPH_FRAME_REQUEST, 1);
    assert_int_equal(SPH_FRAME_REPLY, 2);
    assert_int_equal(SPH_FRAME_ERROR, 3);
    assert_int_equal(SPH_FRAME_EVENT, 4);
    assert_int_equal(SPH_FRAME_PAYLOAD_MAX, 65536);
    assert_int_equal(SPH_FRAME_HEADER, 24);
    assert_int_equal(SPH_FRAME_STALL_MS, 2000);
    assert_int_equal(SPH_SETTING_KEY_MAX, 48);
    assert_int_equal(SPH_SETTING_VALUE_MAX, 16384);
    assert_int_equal(SPH_SETTINGS_MAX, 64);
    assert_int_equal(SPH_SETTINGS_BYTES_MAX, 131072);
    assert_int_equal(SPH_DEVCAPS_MAX, 8);
    assert_int_equal(SPH_TELEMETRY_MAX, 16384);
}

/* The offsets of section 7, on every machine that this is compiled for. */
static void packets_of_applications(void **state) {
    (void)state;
    assert_int_equal(sizeof(struct sph_app_request), 24);
    assert_int_equal(offsetof(struct sph_app_request, version), 0);
    assert_int_equal(offsetof(struct sph_app_request, op), 4);
    assert_int_equal(offsetof(struct sph_app_request, args), 8);
    assert_int_equal(sizeof(struct sph_app_reply), 16 + 256);
    assert_int_equal(offsetof(struct sph_app_reply, version), 0);
    assert_int_equal(offsetof(struct sph_app_reply, error), 4);
    assert_int_equal(offsetof(struct sph_app_reply, number), 8);
    assert_int_equal(offsetof(struct sph_app_reply, text), 16);
    static const char *const rows[] = {
        "| 0 | 4 | version: 1 |\n| 4 | 4 | op |\n| 8 | 16 | four u32 arguments;",
        "| 4 | 4 | error: 0, or the errno",
        "| 8 | 8 | number |\n| 16 | 256 | text, NUL-terminated |",
        "at `/run/spherule/agent` (SOCK_SEQPACKET)",
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        if (!strstr(spec.data, rows[i]))
            fail_msg("docs/spec/wire.md lacks: %s", rows[i]);
    }
    assert_string_equal(SPH_APP_CHANNEL_PATH, "/run/spherule/agent");
}

static void operations_of_applications(void **state) {
    (void)state;
    static const struct word rows[] = {
        {SPH_APP_MEMORY_INFO, "memory figure"},
        {SPH_APP_OS_VERSION, "OS version"},
        {SPH_APP_GPIO_OPEN_INPUT, "open pin as input"},
        {SPH_APP_GPIO_OPEN_OUTPUT, "open pin as output"},
        {SPH_APP_STORAGE_OPEN_MUTABLE, "open the mutable file"},
        {SPH_APP_STORAGE_DELETE_MUTABLE, "delete the mutable file"},
        {SPH_APP_PACKAGE_PATH, "path of the package"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        char row[80];
        (void)snprintf(row, sizeof(row), "\n| %u | %s |", rows[i].number, rows[i].name);
        if (!strstr(spec.data, row))
            fail_msg("docs/spec/wire.md lacks: %s", row);
    }
    char figures[80];
    (void)snprintf(figures, sizeof(figures), "| 0: %u total, %u user, %u peak user |",
                   SPH_APP_MEMORY_TOTAL, SPH_APP_MEMORY_USER, SPH_APP_MEMORY_PEAK_USER);
    assert_non_null(strstr(spec.data, figures));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_and_triggers),
        cmocka_unit_test(heap_states),
        cmocka_unit_test(mappings),
        cmocka_unit_test(ends),
        cmocka_unit_test(events),
        cmocka_unit_test(pins),
        cmocka_unit_test(capabilities),
        cmocka_unit_test(frames),
        cmocka_unit_test(packets_of_applications),
        cmocka_unit_test(operations_of_applications),
    };
    return cmocka_run_group_tests(tests, read_spec, drop_spec);
}
