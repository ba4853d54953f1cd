/* Manifests: every key read, every fault with its exact sentence, place and device number. */
#include "package/manifest.h"

#include <errno.h>

#include "package/package_testing.h"

#define ID "\"ComponentId\":\"" SPH_TEST_COMPONENT "\","
#define HEAD "{\"SchemaVersion\":1,\"Name\":\"n\"," ID "\"EntryPoint\":\"/bin/app\","
/* A manifest of one line with these capabilities; their text begins at column 124. */
#define CAPS(text) HEAD "\"Capabilities\":{" text "}}"
#define ERROR(id) ((2 << 20) | (id))

static int parse(const char *text, enum sph_manifest_form form, struct sph_manifest *ret_manifest,
                 struct sph_manifest_notes *notes, struct sph_err *err) {
    const struct sph_manifest_options options = {.form = form};
    return sph_manifest_parse(text, strlen(text), &options, ret_manifest, notes, err);
}

static const struct hostile {
    const char *text;
    uint32_t device_error;
    const char *field;
    const char *sentence; /* behind "app_manifest.json: " */
} hostiles[] = {
    {"", ERROR(1), "", "line 1, column 1: expected a value, but found the end of the text"},
    {"[]", ERROR(1), "", "line 1, column 1: the manifest must be an object"},
    {"\n\t [{}]", ERROR(1), "", "line 2, column 3: the manifest must be an object"},
    {"{\n \"SchemaVersion\": 1,\n}", ERROR(1), "",
     "line 3, column 1: expected a key in double quotes, but found '}'"},
    {"{}", ERROR(4), "SchemaVersion", "line 1, column 1: SchemaVersion: this key is missing"},
    {"{\"SchemaVersion\":2}", ERROR(17), "SchemaVersion",
     "line 1, column 18: SchemaVersion: this must be 1"},
    {"{\"SchemaVersion\":\"1\"}", ERROR(17), "SchemaVersion",
     "line 1, column 18: SchemaVersion: this must be 1"},
    {"{\"SchemaVersion\":1.5}", ERROR(17), "SchemaVersion",
     "line 1, column 18: SchemaVersion: this must be 1"},
    {"{\"SchemaVersion\":1,\n\"SchemaVersion\":1}", ERROR(17), "SchemaVersion",
     "line 2, column 1: SchemaVersion: this key is there twice"},
    {"{\"SchemaVersion\":1}", 0, "Name", "line 1, column 1: Name: this key is missing"},
    {"{\"SchemaVersion\":1,\"Name\":3}", 0, "Name",
     "line 1, column 27: Name: this must be a string without U+0000"},
    {"{\"SchemaVersion\":1,\"Name\":\"a\\u0000\"}", 0, "Name",
     "line 1, column 27: Name: this must be a string without U+0000"},
    {"{\"SchemaVersion\":1,\"Name\":\"n\"}", 0, "ComponentId",
     "line 1, column 1: ComponentId: this key is missing"},
    {"{\"ComponentId\":\"\"}", 0, "ComponentId",
     "line 1, column 16: ComponentId: this must be a GUID like "
     "\"2f074b0f-d99d-4692-82d9-ef93a7d6463c\""},
    {"{\"ComponentId\":7}", 0, "ComponentId",
     "line 1, column 16: ComponentId: this must be a GUID like "
     "\"2f074b0f-d99d-4692-82d9-ef93a7d6463c\""},
    {"{\"SchemaVersion\":1,\"Name\":\"n\"," ID "\"Capabilities\":{}}", ERROR(3), "EntryPoint",
     "line 1, column 1: EntryPoint: this key is missing"},
#define ENTRY_POINT                                                                                \
    "line 1, column 15: EntryPoint: this must be an absolute path in the package, like "           \
    "\"/bin/app\", of at most 255 bytes"
    {"{\"EntryPoint\":\"bin/app\"}", ERROR(16), "EntryPoint", ENTRY_POINT},
    {"{\"EntryPoint\":\"\"}", ERROR(16), "EntryPoint", ENTRY_POINT},
    {"{\"EntryPoint\":\"/\"}", ERROR(16), "EntryPoint", ENTRY_POINT},
    {"{\"EntryPoint\":\"/../sh\"}", ERROR(16), "EntryPoint", ENTRY_POINT},
    {"{\"EntryPoint\":\"/bin/./app\"}", ERROR(16), "EntryPoint", ENTRY_POINT},
    {"{\"EntryPoint\":\"/bin//app\"}", ERROR(16), "EntryPoint", ENTRY_POINT},
    {"{\"EntryPoint\":\"/bin/app\\u0000\"}", ERROR(16), "EntryPoint", ENTRY_POINT},
    {"{\"EntryPoint\":null}", ERROR(16), "EntryPoint", ENTRY_POINT},
    {"{\"CmdArgs\":\"-v\"}", ERROR(5), "CmdArgs",
     "line 1, column 12: CmdArgs: this must be an array"},
    {"{\"CmdArgs\":[\"a\",1]}", ERROR(5), "CmdArgs[1]",
     "line 1, column 17: CmdArgs[1]: this must be a string without U+0000"},
    {"{\"CmdArgs\":[\"\\\\u0000\",\"\\u0000\"]}", ERROR(5), "CmdArgs[1]",
     "line 1, column 23: CmdArgs[1]: this must be a string without U+0000"},
    {HEAD "\"MallocVersion\":2}", ERROR(6), "Capabilities",
     "line 1, column 1: Capabilities: this key is missing"},
    {"{\"Capabilities\":[]}", ERROR(6), "Capabilities",
     "line 1, column 17: Capabilities: this must be an object"},
    {"{\"ApplicationType\":\"default\"}", ERROR(26), "ApplicationType",
     "line 1, column 20: ApplicationType: this must be \"Default\", \"RealTimeCapable\" or "
     "\"Debugger\""},
    {"{\"MallocVersion\":-1}", ERROR(59), "MallocVersion",
     "line 1, column 18: MallocVersion: this must be a whole number from 0 to 4294967295"},
    {"{\"TargetApplicationRuntimeVersion\":4294967296}", 0, "TargetApplicationRuntimeVersion",
     "line 1, column 36: TargetApplicationRuntimeVersion: this must be a whole number from 0 to "
     "4294967295"},
    {CAPS("\"Gpio\":8"), ERROR(10), "Capabilities.Gpio",
     "line 1, column 131: Capabilities.Gpio: this must be an array"},
    {CAPS("\"Gpio\":[8,\"8\"]"), ERROR(10), "Capabilities.Gpio[1]",
     "line 1, column 134: Capabilities.Gpio[1]: this must be a pin number"},
    {CAPS("\"Gpio\":[65536]"), ERROR(10), "Capabilities.Gpio[0]",
     "line 1, column 132: Capabilities.Gpio[0]: this must be a pin number"},
    {CAPS("\"Gpio\":[-1]"), ERROR(10), "Capabilities.Gpio[0]",
     "line 1, column 132: Capabilities.Gpio[0]: this must be a pin number"},
    {CAPS("\"Gpio\":[\"$LED\"]"), ERROR(10), "Capabilities.Gpio[0]",
     "line 1, column 132: Capabilities.Gpio[0]: '$LED' must be replaced by its value when the "
     "package is made"},
    /* Forty bytes are shown, no half of a character, and nothing that a terminal would obey. */
    {CAPS("\"Gpio\":[\"$\x7f-------10--------20--------30-------\xe2\x82\xac\"]"), ERROR(10),
     "Capabilities.Gpio[0]",
     "line 1, column 132: Capabilities.Gpio[0]: '$?-------10--------20--------30-------' must be "
     "replaced by its value when the package is made"},
    {CAPS("\"Uart\":[0]"), ERROR(13), "Capabilities.Uart[0]",
     "line 1, column 132: Capabilities.Uart[0]: this must be a peripheral's name"},
    {CAPS("\"I2cMaster\":[\"$I\"]"), ERROR(13), "Capabilities.I2cMaster[0]",
     "line 1, column 137: Capabilities.I2cMaster[0]: '$I' must be replaced by its value when the "
     "package is made"},
    {CAPS("\"SpiMaster\":[\"\"]"), ERROR(13), "Capabilities.SpiMaster[0]",
     "line 1, column 137: Capabilities.SpiMaster[0]: this must be a peripheral's name"},
    {CAPS("\"Adc\":{}"), ERROR(13), "Capabilities.Adc",
     "line 1, column 130: Capabilities.Adc: this must be an array"},
    {CAPS("\"Pwm\":null"), ERROR(13), "Capabilities.Pwm",
     "line 1, column 130: Capabilities.Pwm: this must be an array"},
    {CAPS("\"AllowedConnections\":[\"\"]"), ERROR(9), "Capabilities.AllowedConnections[0]",
     "line 1, column 146: Capabilities.AllowedConnections[0]: this must be a host name or an "
     "address"},
    {CAPS("\"AllowedApplicationConnections\":[\"x\"]"), ERROR(43),
     "Capabilities.AllowedApplicationConnections[0]",
     "line 1, column 157: Capabilities.AllowedApplicationConnections[0]: this must be a component "
     "id (a GUID)"},
    {CAPS("\"AllowedTcpServerPorts\":80"), ERROR(36), "Capabilities.AllowedTcpServerPorts",
     "line 1, column 148: Capabilities.AllowedTcpServerPorts: this must be an array"},
    {CAPS("\"AllowedTcpServerPorts\":[65536]"), ERROR(38), "Capabilities.AllowedTcpServerPorts[0]",
     "line 1, column 149: Capabilities.AllowedTcpServerPorts[0]: this must be a port number from "
     "0 to 65535"},
    {CAPS("\"AllowedUdpServerPorts\":80"), ERROR(37), "Capabilities.AllowedUdpServerPorts",
     "line 1, column 148: Capabilities.AllowedUdpServerPorts: this must be an array"},
    {CAPS("\"AllowedUdpServerPorts\":[1,\"2\"]"), ERROR(39),
     "Capabilities.AllowedUdpServerPorts[1]",
     "line 1, column 151: Capabilities.AllowedUdpServerPorts[1]: this must be a port number from "
     "0 to 65535"},
    {CAPS("\"DeviceAuthentication\":null"), ERROR(24), "Capabilities.DeviceAuthentication",
     "line 1, column 147: Capabilities.DeviceAuthentication: this must be the GUID of a tenant or "
     "catalog"},
    {CAPS("\"MutableStorage\":8"), ERROR(31), "Capabilities.MutableStorage",
     "line 1, column 141: Capabilities.MutableStorage: this must be an object like {\"SizeKB\": "
     "8}"},
    {CAPS("\"MutableStorage\":{}"), ERROR(32), "Capabilities.MutableStorage.SizeKB",
     "line 1, column 141: Capabilities.MutableStorage.SizeKB: this key is missing"},
    {CAPS("\"MutableStorage\":{\"SizeKB\":\"8\"}"), ERROR(33), "Capabilities.MutableStorage.SizeKB",
     "line 1, column 151: Capabilities.MutableStorage.SizeKB: this must be a whole number of KiB"},
    {CAPS("\"MutableStorage\":{\"SizeKB\":65}"), ERROR(34), "Capabilities.MutableStorage.SizeKB",
     "line 1, column 151: Capabilities.MutableStorage.SizeKB: 65 KiB is more than the 64 KiB that "
     "the device has"},
    {CAPS("\"PowerControls\":true"), ERROR(48), "Capabilities.PowerControls",
     "line 1, column 140: Capabilities.PowerControls: this must be an array"},
    {CAPS("\"PowerControls\":[]"), ERROR(49), "Capabilities.PowerControls",
     "line 1, column 140: Capabilities.PowerControls: this must name at least one control"},
    {CAPS("\"PowerControls\":[\"Off\"]"), ERROR(50), "Capabilities.PowerControls[0]",
     "line 1, column 141: Capabilities.PowerControls[0]: this must be \"ForcePowerDown\", "
     "\"ForceReboot\" or \"SetPowerProfile\""},
};

static void hostile_manifests_get_a_sentence(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(hostiles); i++) {
        const struct hostile *row = &hostiles[i];
        struct sph_manifest manifest;
        struct sph_manifest_notes notes;
        struct sph_err err = SPH_ERR_NULL;
        int r = parse(row->text, SPH_MANIFEST_PACKED, &manifest, &notes, &err);
        if (r != -EBADMSG)
            fail_msg("accepted: %s", row->text);
        char sentence[320];
        (void)snprintf(sentence, sizeof(sentence), "app_manifest.json: %s", row->sentence);
        assert_err(&err, -EBADMSG, sentence);
        assert_int_equal(notes.device_error, row->device_error);
        assert_string_equal(notes.field, row->field);
        char place[40];
        (void)snprintf(place, sizeof(place), "line %u, column %u: ", notes.line, notes.column);
        assert_memory_equal(row->sentence, place, strlen(place));
        /* The same without anybody to tell. */
        assert_int_equal(parse(row->text, SPH_MANIFEST_PACKED, &manifest, NULL, NULL), -EBADMSG);
    }
}

/* The required keys, each with its number when it is missing, in the order in which they are asked
 * for. */
static const struct {
    const char *name;
    const char *member;
    uint32_t missing;
} required[] = {
    {"SchemaVersion", "\"SchemaVersion\":1", ERROR(4)},
    {"Name", "\"Name\":\"n\"", 0},
    {"ComponentId", "\"ComponentId\":\"" SPH_TEST_COMPONENT "\"", 0},
    {"EntryPoint", "\"EntryPoint\":\"/bin/app\"", ERROR(3)},
    {"Capabilities", "\"Capabilities\":{}", ERROR(6)},
};
enum { REQUIRED = SPH_ARRAY_SIZE(required) };

/* Each of the 32 choices of required keys, forwards and backwards: the first one missing is named,
 * whatever the order of those that are there. */
static void the_first_missing_key_is_named(void **state) {
    (void)state;
    for (unsigned choice = 0; choice < 2u << REQUIRED; choice++) {
        bool backwards = choice >> REQUIRED;
        unsigned missing = REQUIRED;
        sph_autobuf struct sph_buf text = SPH_BUF_NULL;
        sph_buf_puts(&text, "{");
        for (unsigned i = 0; i < REQUIRED; i++) {
            unsigned key = backwards ? REQUIRED - 1 - i : i;
            if (choice >> key & 1)
                sph_buf_printf(&text, "%s%s", text.len > 1 ? "," : "", required[key].member);
            else if (missing == REQUIRED || key < missing)
                missing = key;
        }
        sph_buf_puts(&text, "}");
        struct sph_manifest manifest;
        struct sph_manifest_notes notes;
        struct sph_err err = SPH_ERR_NULL;
        int r = parse(text.data, SPH_MANIFEST_PACKED, &manifest, &notes, &err);
        if (missing == REQUIRED) {
            assert_int_equal(r, 0);
            continue;
        }
        assert_int_equal(r, -EBADMSG);
        char sentence[120];
        (void)snprintf(sentence, sizeof(sentence),
                       "app_manifest.json: line 1, column 1: %s: this key is missing",
                       required[missing].name);
        assert_err(&err, -EBADMSG, sentence);
        assert_int_equal(notes.device_error, required[missing].missing);
    }
}

static const char full[] =
    "\xef\xbb\xbf{\n"
    "  \"SchemaVersion\": 1,\n"
    "  \"Name\": \"A \\\"name\\\" with \\u00e4\",\n"
    "  \"ComponentId\": \"{2F074B0F-D99D-4692-82D9-EF93A7D6463C}\",\n"
    "  \"EntryPoint\": \"\\/bin\\/app\",\n"
    "  \"CmdArgs\": [ \"-a\", \"\", \"$NOT_A_PIN\" ],\n"
    "  \"MallocVersion\": 2,\n"
    "  \"ApplicationType\": \"Debugger\",\n"
    "  \"Capabilities\": {\n"
    "    \"Gpio\": [ 8, 12, 65535 ], \"I2cMaster\": [ \"ISU2\" ], \"SpiMaster\": [ \"ISU1\" ],\n"
    "    \"Uart\": [ \"ISU0\", \"ISU3\" ], \"Adc\": [ \"ADC-CONTROLLER-0\" ],\n"
    "    \"Pwm\": [ \"PWM-CONTROLLER-0\" ],\n"
    "    \"AllowedConnections\": [ \"example.com\", \"192.0.2.1\" ],\n"
    "    \"AllowedApplicationConnections\": [ \"2f074b0f-d99d-4692-82d9-ef93a7d6463c\" ],\n"
    "    \"AllowedTcpServerPorts\": [ 80, 443 ], \"AllowedUdpServerPorts\": [ 53 ],\n"
    "    \"DeviceAuthentication\": \"2f074b0f-d99d-4692-82d9-ef93a7d6463c\",\n"
    "    \"DeviceAuthentication \": null,\n"
    "    \"MutableStorage\": { \"SizeKB\": 64, \"Colour\": \"red\" },\n"
    "    \"PowerControls\": [ \"ForceReboot\", \"SetPowerProfile\" ],\n"
    "    \"HeapMemStats\": true, \"WifiConfig\": false\n"
    "  },\n"
    "  \"Extra\\n\": [ { \"deep\" : [ ] } ],\n"
    "  \"TargetApplicationRuntimeVersion\": 16,\n"
    "  \"TargetBetaApis\": \"2211\"\n"
    "}\n";

static void every_key_is_read(void **state) {
    (void)state;
    struct sph_manifest m;
    struct sph_manifest_notes notes;
    struct sph_err err = SPH_ERR_NULL;
    if (parse(full, SPH_MANIFEST_PACKED, &m, &notes, &err) < 0)
        fail_msg("%s", err.text);
    char text[64];
    assert_int_equal(sph_json_to_text(&m.name, text, sizeof(text)), 0);
    assert_string_equal(text, "A \"name\" with \xc3\xa4");
    assert_string_equal(sph_guid_format(&m.component_id, text),
                        "2f074b0f-d99d-4692-82d9-ef93a7d6463c");
    assert_string_equal(m.entry_point, "/bin/app");
    assert_int_equal(m.cmd_args.count, 3);
    assert_int_equal(m.malloc_version, 2);
    assert_int_equal(m.application_runtime, 16);
    assert_int_equal(m.target_beta_apis.type, SPH_JSON_STRING);
    assert_int_equal(m.type, SPH_APP_DEBUGGER);
    assert_string_equal(sph_app_type_name(m.type), "Debugger");
    assert_int_equal(m.gpio_count, 3);
    assert_true(sph_manifest_has_gpio(&m, 65535) && sph_manifest_has_gpio(&m, 8));
    assert_false(sph_manifest_has_gpio(&m, 9));
    assert_int_equal(m.uart.count, 2);
    assert_int_equal(m.allowed_connections.count, 2);
    assert_int_equal(m.allowed_tcp_server_ports.count, 2);
    assert_int_equal(m.mutable_storage_kib, 64);
    assert_int_equal(m.power_controls, SPH_POWER_FORCE_REBOOT | SPH_POWER_SET_PROFILE);
    for (int cap = SPH_CAP_GPIO; cap <= SPH_CAP_POWER_CONTROLS; cap++)
        assert_true(sph_manifest_has(&m, (enum sph_capability)cap));
    assert_true(sph_manifest_has(&m, SPH_CAP_HEAP_MEM_STATS));
    assert_false(sph_manifest_has(&m, SPH_CAP_WIFI_CONFIG));

    assert_int_equal(notes.device_error, 0);
    assert_int_equal(notes.warning_count, 3);
    assert_string_equal(notes.warnings[0],
                        "app_manifest.json: line 17, column 5: 'Capabilities.DeviceAuthentication "
                        "' is not a known key and is kept as it is");
    assert_string_equal(notes.warnings[1],
                        "app_manifest.json: line 18, column 39: "
                        "'Capabilities.MutableStorage.Colour' is not a known key and is kept as "
                        "it is");
    assert_string_equal(notes.warnings[2], "app_manifest.json: line 22, column 3: 'Extra\\n' is "
                                           "not a known key and is kept as it is");
}

static void bounds_are_kept(void **state) {
    (void)state;
    struct sph_manifest manifest;
    struct sph_manifest_notes notes;
    struct sph_err err = SPH_ERR_NULL;
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    sph_buf_puts(&text, HEAD "\"Capabilities\":{\"Gpio\":[0");
    for (unsigned i = 1; i < SPH_MANIFEST_LIST_MAX; i++)
        sph_buf_puts(&text, ",1");
    size_t good = text.len;
    sph_buf_puts(&text, "]}}");
    assert_int_equal(parse(text.data, SPH_MANIFEST_PACKED, &manifest, &notes, &err), 0);
    assert_int_equal(manifest.gpio_count, 128);
    text.len = good;
    sph_buf_puts(&text, ",1]}}");
    assert_int_equal(parse(text.data, SPH_MANIFEST_PACKED, &manifest, &notes, &err), -EBADMSG);
    assert_err(&err, -EBADMSG,
               "app_manifest.json: line 1, column 388: Capabilities.Gpio: more than 128 entries "
               "are not possible");

    sph_autobuf struct sph_buf keys = SPH_BUF_NULL;
    sph_buf_puts(&keys, HEAD "\"Capabilities\":{\"k\":0");
    for (unsigned i = 1; i < 20; i++)
        sph_buf_puts(&keys, ",\"k\":0");
    sph_buf_puts(&keys, "}}");
    assert_int_equal(parse(keys.data, SPH_MANIFEST_PACKED, &manifest, &notes, &err), 0);
    assert_int_equal(notes.warning_count, 20);

    sph_autofree char *big = malloc(SPH_MANIFEST_BYTES_MAX + 2);
    memset(big, ' ', SPH_MANIFEST_BYTES_MAX + 1);
    big[SPH_MANIFEST_BYTES_MAX + 1] = '\0';
    assert_int_equal(parse(big, SPH_MANIFEST_PACKED, &manifest, &notes, &err), -EBADMSG);
    assert_err(&err, -EBADMSG, "app_manifest.json: it has 65537 bytes, at most 65536 are possible");
    assert_int_equal(notes.device_error, SPH_MANIFEST_ERROR_JSON);
    assert_int_equal(notes.line, 0);
}

static void the_storage_bound_is_the_devices(void **state) {
    (void)state;
    static const char text[] = CAPS("\"MutableStorage\":{\"SizeKB\":100}");
    const struct sph_manifest_options options = {.storage_max_kib = 100};
    struct sph_manifest manifest;
    assert_int_equal(sph_manifest_parse(text, strlen(text), &options, &manifest, NULL, NULL), 0);
    assert_int_equal(manifest.mutable_storage_kib, 100);
    assert_int_equal(sph_manifest_parse(text, strlen(text), NULL, &manifest, NULL, NULL), -EBADMSG);
}

/* Every cut of a good manifest is a bad one, and the reader stays within it. */
static void cut_manifests_are_refused(void **state) {
    (void)state;
    size_t end = strlen(full) - 1; /* the last brace; a blank follows */
    for (size_t len = 0; len < end; len++) {
        sph_autofree char *cut = malloc(len + 1);
        memcpy(cut, full, len);
        struct sph_manifest manifest;
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(sph_manifest_parse(cut, len, NULL, &manifest, NULL, &err), -EBADMSG);
        assert_memory_equal(err.text, "app_manifest.json: line ", 24);
    }
}

static struct sph_draw random_state;
static uint32_t draw(uint32_t below) {
    return sph_draw_below(&random_state, below);
}

static void blanks(struct sph_buf *text) {
    for (unsigned n = draw(4); n > 0; n--)
        sph_buf_append(text, &" \t\r\n"[draw(4)], 1);
}

static void token(struct sph_buf *text, const char *word) {
    blanks(text);
    sph_buf_puts(text, word);
    blanks(text);
}

static const struct {
    enum sph_capability cap;
    const char *value;
} capability_values[] = {
    {SPH_CAP_GPIO, "[1,2,3]"},
    {SPH_CAP_I2C_MASTER, "[\"ISU2\"]"},
    {SPH_CAP_UART, "[]"},
    {SPH_CAP_ADC, "[\"ADC-CONTROLLER-0\"]"},
    {SPH_CAP_ALLOWED_CONNECTIONS, "[\"a b\\\"c\"]"},
    {SPH_CAP_ALLOWED_TCP_SERVER_PORTS, "[80]"},
    {SPH_CAP_MUTABLE_STORAGE, "{\"SizeKB\":8}"},
    {SPH_CAP_POWER_CONTROLS, "[\"ForceReboot\"]"},
    {SPH_CAP_HEAP_MEM_STATS, "true"},
    {SPH_CAP_WIFI_CONFIG, "true"},
};

/* Keys in any order, any of the capabilities, white space anywhere: read as written, and the same
 * again after packing, whose text holds no white space outside strings. */
static void random_manifests_are_read(void **state) {
    (void)state;
    static const char component[] = "\"ComponentId\":\"" SPH_TEST_COMPONENT "\"";
    static const char *const members[] = {"\"SchemaVersion\":1", "\"Name\":\"a  b\"", component,
                                          "\"EntryPoint\":\"/bin/app\"", "\"Extra\":[{}]"};
    enum { MEMBERS = SPH_ARRAY_SIZE(members), CAPABILITIES = SPH_ARRAY_SIZE(capability_values) };
    random_state = sph_draw_begin(20261122);
    for (unsigned round = 0; round < 2000; round++) {
        sph_autobuf struct sph_buf text = SPH_BUF_NULL, packed = SPH_BUF_NULL;
        unsigned order[MEMBERS + 1], caps[CAPABILITIES], cap_count = draw(CAPABILITIES + 1);
        uint64_t granted = 0;
        sph_draw_order(&random_state, order, MEMBERS + 1);
        sph_draw_order(&random_state, caps, CAPABILITIES);
        token(&text, "{");
        for (unsigned i = 0; i <= MEMBERS; i++) {
            if (i > 0)
                token(&text, ",");
            if (order[i] < MEMBERS) {
                token(&text, members[order[i]]);
                continue;
            }
            token(&text, "\"Capabilities\"");
            token(&text, ":");
            token(&text, "{");
            for (unsigned c = 0; c < cap_count; c++) {
                granted |= (uint64_t)1 << capability_values[caps[c]].cap;
                sph_buf_printf(&text, "%s\"%s\"", c > 0 ? "," : "",
                               sph_capability_name(capability_values[caps[c]].cap));
                token(&text, ":");
                token(&text, capability_values[caps[c]].value);
            }
            token(&text, "}");
        }
        token(&text, "}");
        struct sph_manifest source, again;
        struct sph_manifest_notes notes;
        struct sph_err err = SPH_ERR_NULL;
        if (parse(text.data, SPH_MANIFEST_SOURCE, &source, &notes, &err) < 0)
            fail_msg("%s\n%s", err.text, text.data);
        assert_int_equal(notes.warning_count, 1);
        assert_true(source.granted == granted);
        assert_int_equal(sph_manifest_pack(&source, NULL, 16, &packed, NULL, NULL), 0);
        assert_null(strpbrk(packed.data, "\t\r\n"));
        assert_int_equal(parse(packed.data, SPH_MANIFEST_PACKED, &again, NULL, NULL), 0);
        assert_true(again.granted == granted);
        assert_int_equal(again.application_runtime, 16);
        assert_int_equal(again.name.len, 4);
    }
}

static void entry_point_must_be_a_file(void **state) {
    (void)state;
    static const struct {
        const char *path;
        int code;
        uint32_t device_error;
        const char *sentence;
    } rows[] = {
        {"/bin/app", 0, 0, ""},
        {"/bin", -EBADMSG, SPH_MANIFEST_ERROR_ENTRY_POINT_NOT_FILE,
         "app_manifest.json: EntryPoint: '/bin' in the package is not a file"},
        {"/bin/\x1b[2J\xff", -ENOENT, SPH_MANIFEST_ERROR_ENTRY_POINT_ABSENT,
         "app_manifest.json: EntryPoint: the package has no file '/bin/?[2J?'"},
        {"/bin/ap", -ENOENT, SPH_MANIFEST_ERROR_ENTRY_POINT_ABSENT,
         "app_manifest.json: EntryPoint: the package has no file '/bin/ap'"},
    };
    sph_autobuf struct sph_buf body = SPH_BUF_NULL;
    struct sph_fs fs;
    assert_int_equal(sph_fs_build(sph_test_items, 1, &body, NULL), 0);
    assert_int_equal(sph_fs_check(body.data, body.len, &fs, NULL), 0);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_manifest manifest = {0};
        (void)strcpy(manifest.entry_point, rows[i].path);
        struct sph_manifest_notes notes = {0};
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(sph_manifest_check_entry_point(&manifest, &fs, &notes, &err),
                         rows[i].code);
        assert_err(&err, rows[i].code, rows[i].sentence);
        assert_int_equal(notes.device_error, rows[i].device_error);
        assert_int_equal(sph_manifest_check_entry_point(&manifest, &fs, NULL, NULL), rows[i].code);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_manifests_get_a_sentence),
        cmocka_unit_test(the_first_missing_key_is_named),
        cmocka_unit_test(every_key_is_read),
        cmocka_unit_test(bounds_are_kept),
        cmocka_unit_test(the_storage_bound_is_the_devices),
        cmocka_unit_test(cut_manifests_are_refused),
        cmocka_unit_test(random_manifests_are_read),
        cmocka_unit_test(entry_point_must_be_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
