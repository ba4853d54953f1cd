/* Capabilities by kind: every list to its bound and beyond, every flag with its bit and its number.
 */
#include "package/manifest.h"

#include <errno.h>

#include "package/package_testing.h"

/* A manifest up to its capabilities; a capability in the same line begins at
 * column 124. */
#define HEAD                                                                                       \
    "{\"SchemaVersion\":1,\"Name\":\"n\",\"ComponentId\":\"" SPH_TEST_COMPONENT                    \
    "\",\"EntryPoint\":\"/bin/app\","
#define ERROR(id) ((2 << 20) | (id))

static int parse(const char *text, struct sph_manifest *ret_manifest,
                 struct sph_manifest_notes *notes, struct sph_err *err) {
    return sph_manifest_parse(text, strlen(text), NULL, ret_manifest, notes, err);
}

/* Every list: empty and full are taken, one more is told, and so is a key that is there twice. */
static void lists_have_a_bound(void **state) {
    (void)state;
    static const struct {
        enum sph_capability cap;
        const char *entry;
    } lists[] = {
        {SPH_CAP_GPIO, "1"},
        {SPH_CAP_I2C_MASTER, "\"I\""},
        {SPH_CAP_SPI_MASTER, "\"S\""},
        {SPH_CAP_UART, "\"U\""},
        {SPH_CAP_ADC, "\"A\""},
        {SPH_CAP_PWM, "\"P\""},
        {SPH_CAP_ALLOWED_CONNECTIONS, "\"h\""},
        {SPH_CAP_ALLOWED_APPLICATION_CONNECTIONS, "\"" SPH_TEST_COMPONENT "\""},
        {SPH_CAP_ALLOWED_TCP_SERVER_PORTS, "65535"},
        {SPH_CAP_ALLOWED_UDP_SERVER_PORTS, "0"},
        {SPH_CAP_POWER_CONTROLS, "\"ForceReboot\""},
    };
    static const unsigned counts[] = {1, 2, SPH_MANIFEST_LIST_MAX, SPH_MANIFEST_LIST_MAX + 1};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(lists) * SPH_ARRAY_SIZE(counts); i++) {
        const char *name = sph_capability_name(lists[i / 4].cap), *entry = lists[i / 4].entry;
        unsigned count = counts[i % 4];
        sph_autobuf struct sph_buf text = SPH_BUF_NULL;
        sph_buf_printf(&text, HEAD "\"Capabilities\":{\n\"%s\":[%s", name, entry);
        for (unsigned n = 1; n < count; n++)
            sph_buf_printf(&text, ",%s", entry);
        size_t end = text.len;
        sph_buf_puts(&text, "]}}");
        struct sph_manifest manifest;
        struct sph_manifest_notes notes;
        struct sph_err err = SPH_ERR_NULL;
        int r = parse(text.data, &manifest, &notes, &err);
        char sentence[160];
        if (count > SPH_MANIFEST_LIST_MAX) {
            size_t column = strlen(name) + 5 + SPH_MANIFEST_LIST_MAX * (strlen(entry) + 1);
            (void)snprintf(sentence, sizeof(sentence),
                           "app_manifest.json: line 2, column %zu: Capabilities.%s: more than 128 "
                           "entries are not possible",
                           column, name);
            assert_int_equal(r, -EBADMSG);
            assert_err(&err, -EBADMSG, sentence);
            continue;
        }
        assert_int_equal(r, 0);
        assert_true(manifest.granted == (uint64_t)1 << lists[i / 4].cap);
        sph_buf_truncate(&text, end);
        sph_buf_printf(&text, "],\n\"%s\":[]}}", name);
        assert_int_equal(parse(text.data, &manifest, &notes, &err), -EBADMSG);
        (void)snprintf(sentence, sizeof(sentence),
                       "app_manifest.json: line 3, column 1: Capabilities.%s: this key is there "
                       "twice",
                       name);
        assert_err(&err, -EBADMSG, sentence);
    }
}

/* Every flag: its bit, its number when it is no boolean, and no grant when it is false. */
static void flags_are_read(void **state) {
    (void)state;
    static const struct {
        enum sph_capability cap;
        unsigned id;
    } flags[] = {
        {SPH_CAP_NETWORK_CONFIG, 11},
        {SPH_CAP_WIFI_CONFIG, 15},
        {SPH_CAP_ENTERPRISE_WIFI_CONFIG, 45},
        {SPH_CAP_CERT_STORE, 44},
        {SPH_CAP_SYSTEM_EVENT_NOTIFICATIONS, 46},
        {SPH_CAP_SOFTWARE_UPDATE_DEFERRAL, 47},
        {SPH_CAP_SYSTEM_TIME, 30},
        {SPH_CAP_TIME_SYNC_CONFIG, 40},
        {SPH_CAP_READ_NETWORK_PROXY_CONFIG, 56},
        {SPH_CAP_DHCP_SERVICE, 41},
        {SPH_CAP_SNTP_SERVICE, 42},
        {SPH_CAP_HARDWARE_ADDRESS_CONFIG, 51},
        {SPH_CAP_HEAP_MEM_STATS, 58},
        {SPH_CAP_RESET_MEMORY_WATERMARKS, 57},
    };
    static const struct {
        const char *value;
        int code;
        bool granted;
    } values[] = {
        {"true", 0, true},
        {"false", 0, false},
        {"1", -EBADMSG, false},
        {"\"true\"", -EBADMSG, false},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(flags) * SPH_ARRAY_SIZE(values); i++) {
        size_t flag = i / SPH_ARRAY_SIZE(values), value = i % SPH_ARRAY_SIZE(values);
        const char *name = sph_capability_name(flags[flag].cap);
        char text[300];
        (void)snprintf(text, sizeof(text), HEAD "\"Capabilities\":{\"%s\":%s}}", name,
                       values[value].value);
        struct sph_manifest manifest;
        struct sph_manifest_notes notes;
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(parse(text, &manifest, &notes, &err), values[value].code);
        if (values[value].code == 0) {
            assert_int_equal(sph_manifest_has(&manifest, flags[flag].cap), values[value].granted);
            assert_int_equal(notes.warning_count, 0);
            continue;
        }
        char sentence[200];
        (void)snprintf(sentence, sizeof(sentence),
                       "app_manifest.json: line 1, column %zu: Capabilities.%s: this must be true "
                       "or false",
                       124 + strlen(name) + 3, name);
        assert_err(&err, -EBADMSG, sentence);
        assert_int_equal(notes.device_error, ERROR(flags[flag].id));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_have_a_bound),
        cmocka_unit_test(flags_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
