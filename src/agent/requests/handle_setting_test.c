/* What the device keeps for its clients, over a socket pair. */
#include "agent/requests/wire_client_test.h"

static struct sph_msg_setting_reply get(struct wire_client *client, const char *key) {
    struct sph_msg_setting_key asked = {.key = sph_slice_text(key)};
    struct sph_msg_setting_reply reply;
    wire_call(client, SPH_OP_SETTING_GET, &asked, &reply);
    return reply;
}

static void put(struct wire_client *client, const char *key, struct sph_slice value) {
    struct sph_msg_setting asked = {.key = sph_slice_text(key), .value = value};
    wire_call(client, SPH_OP_SETTING_PUT, &asked, NULL);
}

static bool drop(struct wire_client *client, const char *key) {
    struct sph_msg_setting_key asked = {.key = sph_slice_text(key)};
    struct sph_msg_setting_delete_reply reply;
    wire_call(client, SPH_OP_SETTING_DELETE, &asked, &reply);
    return reply.was_there;
}

/* The largest value goes there and back in one frame. */
static void test_settings(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    static char value[SPH_SETTING_VALUE_MAX];
    memset(value, 0xfe, sizeof(value));
    wire_connect(fixture, &client);
    assert_false(get(&client, "wifi").is_there);
    assert_false(drop(&client, "wifi"));
    put(&client, "wifi", sph_slice(value, sizeof(value)));
    struct sph_msg_setting_reply reply = get(&client, "wifi");
    assert_true(reply.is_there);
    assert_int_equal(reply.value.len, sizeof(value));
    assert_memory_equal(reply.value.data, value, sizeof(value));
    put(&client, "wifi", sph_slice(NULL, 0));
    reply = get(&client, "wifi");
    assert_true(reply.is_there);
    assert_int_equal(reply.value.len, 0);
    assert_true(drop(&client, "wifi"));
    assert_false(get(&client, "wifi").is_there);
    wire_disconnect(&client);
}

static void test_refused_settings(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    static char value[SPH_SETTING_VALUE_MAX + 1];
    wire_connect(fixture, &client);
    struct sph_msg_setting asked = {.key = sph_slice_text("a/b")};
    static const char sentence[] =
        "a setting's key has 1 to 48 characters a-z, 0-9, '.' and '-', the first of them a letter "
        "or a digit";
    wire_refused(&client, SPH_OP_SETTING_PUT, &asked, EINVAL, sentence);
    wire_refused(&client, SPH_OP_SETTING_GET, &(struct sph_msg_setting_key){.key = asked.key},
                 EINVAL, sentence);
    wire_refused(&client, SPH_OP_SETTING_DELETE, &(struct sph_msg_setting_key){.key = asked.key},
                 EINVAL, sentence);
    asked = (struct sph_msg_setting){.key = sph_slice_text("a"),
                                     .value = sph_slice(value, sizeof(value))};
    wire_refused(&client, SPH_OP_SETTING_PUT, &asked, EFBIG,
                 "the setting a has 16385 bytes: 16384 are the most of one");
    wire_disconnect(&client);
}

/* ---- capabilities ---- */

static const char denied[] = "Permission denied; application development capability may be "
                             "required ('azsphere device enable-development')";

static void set(struct wire_client *client, size_t count, const uint32_t *ids) {
    struct sph_msg_capabilities asked = {.ids = sph_slice(ids, count * sizeof(*ids))};
    wire_call(client, SPH_OP_CAPABILITIES_SET, &asked, NULL);
}

static void assert_capabilities(struct wire_client *client, size_t count, const uint32_t *ids) {
    struct sph_msg_capabilities reply;
    wire_call(client, SPH_OP_CAPABILITIES_GET, NULL, &reply);
    assert_int_equal(reply.ids.len, count * sizeof(*ids));
    for (size_t i = 0; i < count; i++)
        assert_int_equal(sph_slice_u32(reply.ids, i), ids[i]);
}

static const uint32_t development[] = {11};

/* As by the next agent of the device. */
static void restart(struct wire_fixture *fixture) {
    sph_server_free(fixture->device.server);
    sph_gpio_free(fixture->device.gpio);
    fixture_unload(&fixture->device);
    fixture_load(&fixture->device);
    assert_int_equal(sph_gpio_new(&fixture->device, &fixture->device.gpio, NULL), 0);
    assert_int_equal(sph_server_new(&fixture->device, NULL, &fixture->device.server, NULL), 0);
}

static void test_capabilities(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    static const uint32_t asked[] = {13, 12, 13}, kept[] = {12, 13};
    wire_connect(fixture, &client);
    assert_capabilities(&client, 1, development);
    set(&client, 3, asked);
    assert_capabilities(&client, 2, kept);
    wire_disconnect(&client);
    restart(fixture);
    wire_connect(fixture, &client);
    assert_capabilities(&client, 2, kept);
    set(&client, 0, NULL);
    assert_capabilities(&client, 0, NULL);
    wire_disconnect(&client);
}

static void test_refused_capabilities(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    static const uint32_t nine[9] = {11, 11, 11, 11, 11, 11, 11, 11, 11}, unknown[] = {14};
    static const char shape[] = "a device has at most 8 capabilities, each a number of 4 bytes";
    const struct {
        struct sph_slice ids;
        const char *sentence;
    } rows[] = {
        {sph_slice(nine, sizeof(nine)), shape},
        {sph_slice(nine, 3), shape},
        {sph_slice(unknown, sizeof(unknown)),
         "there is no device capability 14: 11 is app development, 12 RF test mode, 13 field "
         "servicing"},
    };
    wire_connect(fixture, &client);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_msg_capabilities asked = {.ids = rows[i].ids};
        wire_refused(&client, SPH_OP_CAPABILITIES_SET, &asked, EINVAL, rows[i].sentence);
    }
    assert_capabilities(&client, 1, development);
    wire_disconnect(&client);
}

/* device.json's word, until the device is told otherwise. */
static void test_first_state(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    fixture->device.no_development = true;
    restart(fixture);
    wire_connect(fixture, &client);
    assert_capabilities(&client, 0, NULL);
    wire_refused(&client, SPH_OP_MEMORY, NULL, 13, denied);
    set(&client, 1, development);
    wire_disconnect(&client);
    restart(fixture);
    wire_connect(fixture, &client);
    assert_capabilities(&client, 1, development);
    wire_call(&client, SPH_OP_MEMORY, NULL, NULL);
    wire_disconnect(&client);
}

/* What a device does in development mode only, before, while and after it is off. */
static void test_development_only(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    struct sph_msg_pages pages = {.component = fixture_component(1)};
    struct sph_msg_component component = {.component = fixture_component(1)};
    struct sph_msg_app_control debug = {.component = component.component,
                                        .trigger = SPH_TRIGGER_START_DEBUG};
    struct sph_msg_heap_reply heap;
    wire_connect(fixture, &client);
    wire_stage(&client, &(struct fixture_package){.component = 1});
    wire_call(&client, SPH_OP_INSTALL, NULL, NULL);
    fake_lifecycle.heap_state = SPH_HEAP_TRACKED;
    fake_lifecycle.heaps = 2;
    for (int round = 0; round < 2; round++) {
        set(&client, 1, development);
        fake_set_state(&component.component, SPH_SESSION_RUNNING);
        wire_call(&client, SPH_OP_MEMORY, NULL, NULL);
        wire_call(&client, SPH_OP_PAGES, &pages, NULL);
        wire_call(&client, SPH_OP_HEAP, &component, &heap);
        assert_int_equal(heap.state, SPH_HEAP_TRACKED);
        assert_int_equal(heap.processes.count, 2);
        set(&client, 0, NULL);
        fake_set_state(&component.component, SPH_SESSION_RUNNING);
        wire_refused(&client, SPH_OP_MEMORY, NULL, 13, denied);
        wire_refused(&client, SPH_OP_PAGES, &pages, 13, denied);
        wire_call(&client, SPH_OP_HEAP, &component, &heap);
        assert_int_equal(heap.state, SPH_HEAP_NO_DEVELOPMENT);
        assert_int_equal(heap.processes.count, 0);
        unsigned starts = fake_lifecycle.starts;
        wire_refused(&client, SPH_OP_APP_CONTROL, &debug, 13, denied);
        assert_int_equal(fake_lifecycle.starts, starts);
    }
    wire_disconnect(&client);
}

/* ---- cloud test ---- */

static struct sph_msg_app app_of(struct wire_client *client, unsigned number) {
    struct sph_msg_component asked = {.component = fixture_component(number)};
    struct sph_msg_app_list_reply reply;
    struct sph_msg_app app;
    wire_call(client, SPH_OP_APP_LIST, &asked, &reply);
    struct sph_list_iter iter = sph_list_iter(&reply.apps);
    assert_true(sph_list_next(&iter, &app));
    return app;
}

/* Of the signer of all test packages. */
static void trust(struct wire_fixture *fixture, struct wire_client *client, bool production) {
    const struct sph_trust_record *record =
        sph_trust_find(sph_trust_store_get(fixture->device.trust), sph_test_thumbprint);
    struct sph_msg_trust add = {.thumbprint = sph_slice(sph_test_thumbprint, 20),
                                .point = sph_slice(record->point, sizeof(record->point)),
                                .name = sph_slice_text("CN=Test"),
                                .production = production};
    wire_call(client, SPH_OP_TRUST_ADD, &add, NULL);
}

static void assert_noted(struct wire_fixture *fixture, const char *wanted) {
    struct sph_log_line line;
    char text[SPH_LOG_LINE_MAX + 1];
    for (uint64_t cursor = 0; sph_logring_next(fixture->device.log, &cursor, &line);) {
        (void)snprintf(text, sizeof(text), "%.*s", (int)line.len, line.text);
        if (strstr(text, wanted))
            return;
    }
    fail_msg("not in the log: %s", wanted);
}

static const char development_signer[] =
    "development is off, and 'CN=Test' is trusted for development only: enable it, or 'spherule "
    "trust add CERT.pem --production'";

/* What was running is stopped and does not start, by hand or by itself. */
static void test_cloud_test_stops(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    struct sph_msg_app_control start = {.component = fixture_component(1),
                                        .trigger = SPH_TRIGGER_START};
    wire_connect(fixture, &client);
    wire_stage(&client, &(struct fixture_package){.component = 1});
    wire_call(&client, SPH_OP_INSTALL, NULL, NULL);
    assert_int_equal(app_of(&client, 1).state, SPH_APP_RUNNING);
    assert_int_equal(app_of(&client, 1).hindrance, SPH_HINDRANCE_NONE);
    set(&client, 0, NULL);
    struct sph_msg_app app = app_of(&client, 1);
    assert_int_equal(app.state, SPH_APP_STOPPED);
    assert_int_equal(app.hindrance, SPH_HINDRANCE_DEVELOPMENT_SIGNER);
    assert_true(app.starts_by_itself); /* when it may again */
    assert_noted(fixture, "is stopped: development is off, and");
    fake_lifecycle.start_error = -EKEYREJECTED;
    wire_refused(&client, SPH_OP_APP_CONTROL, &start, 1048596, "the fake does not start apps");
    fake_lifecycle.start_error = 0;
    set(&client, 1, development);
    assert_int_equal(app_of(&client, 1).hindrance, SPH_HINDRANCE_NONE);
    wire_call(&client, SPH_OP_APP_CONTROL, &start, NULL);
    assert_int_equal(app_of(&client, 1).state, SPH_APP_RUNNING);
    wire_disconnect(&client);
}

/* What a production signer has signed goes on; a debugging session of it does not. */
static void test_cloud_test_lets_run(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    struct sph_msg_app_control debug = {.component = fixture_component(1),
                                        .trigger = SPH_TRIGGER_START_DEBUG};
    wire_connect(fixture, &client);
    wire_stage(&client, &(struct fixture_package){.component = 1});
    wire_call(&client, SPH_OP_INSTALL, NULL, NULL);
    trust(fixture, &client, true);
    set(&client, 0, NULL);
    assert_int_equal(app_of(&client, 1).state, SPH_APP_RUNNING);
    assert_int_equal(app_of(&client, 1).hindrance, SPH_HINDRANCE_NONE);
    set(&client, 1, development);
    fake_set_state(&debug.component, SPH_SESSION_NONE);
    wire_call(&client, SPH_OP_APP_CONTROL, &debug, NULL);
    assert_int_equal(app_of(&client, 1).state, SPH_APP_DEBUGGING);
    set(&client, 0, NULL);
    assert_int_equal(app_of(&client, 1).state, SPH_APP_STOPPED);
    assert_noted(fixture, "is stopped: development is switched off, and with it debugging app=");
    struct sph_msg_trust_remove remove = {.thumbprint = sph_slice(sph_test_thumbprint, 20)};
    wire_call(&client, SPH_OP_TRUST_REMOVE, &remove, NULL);
    assert_int_equal(app_of(&client, 1).hindrance, SPH_HINDRANCE_UNKNOWN_SIGNER);
    wire_disconnect(&client);
}

/* Neither staged nor, when it was staged before, installed. */
static void test_cloud_test_refuses_packages(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    struct sph_refusal refusal = SPH_REFUSAL_NULL;
    struct sph_msg_app_list_reply list;
    wire_connect(fixture, &client);
    wire_stage(&client, &(struct fixture_package){.component = 1});
    set(&client, 0, NULL);
    assert_int_equal(
        fixture_stage(&fixture->device, &(struct fixture_package){.component = 2}, &refusal),
        -EKEYREJECTED);
    assert_int_equal(refusal.device_error, 7340047);
    assert_string_equal(refusal.err.text, development_signer);
    wire_refused(&client, SPH_OP_INSTALL, NULL, 14680081, development_signer);
    wire_call(&client, SPH_OP_APP_LIST, NULL, &list);
    assert_int_equal(list.apps.count, 0);
    assert_false(list.has_staged);
    trust(fixture, &client, true);
    wire_stage(&client, &(struct fixture_package){.component = 1});
    wire_call(&client, SPH_OP_INSTALL, NULL, NULL);
    assert_int_equal(app_of(&client, 1).state, SPH_APP_RUNNING);
    wire_disconnect(&client);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, wire_make, wire_clean)
    const struct CMUnitTest tests[] = {
        TEST(test_settings),
        TEST(test_refused_settings),
        TEST(test_capabilities),
        TEST(test_refused_capabilities),
        TEST(test_first_state),
        TEST(test_development_only),
        TEST(test_cloud_test_stops),
        TEST(test_cloud_test_lets_run),
        TEST(test_cloud_test_refuses_packages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
