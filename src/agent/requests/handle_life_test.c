/* What an app's life leaves, over a socket pair: its last end in the list, and the telemetry. */
#include "agent/requests/wire_client_test.h"

#include "agent/store/telemetry_store.h"
#include "wire/msg_setting.h"

static size_t read_telemetry(struct wire_client *client, struct sph_telemetry *ret_telemetry) {
    struct sph_msg_telemetry_reply reply;
    struct sph_err err = SPH_ERR_NULL;
    wire_call(client, SPH_OP_TELEMETRY_GET, NULL, &reply);
    assert_true(reply.data.len <= SPH_TELEMETRY_MAX);
    if (sph_telemetry_parse(reply.data.data, reply.data.len, ret_telemetry, &err) < 0)
        fail_msg("%s", err.text);
    return ret_telemetry->count;
}

static void test_telemetry(void **state) {
    struct wire_fixture *fixture = *state;
    const struct sph_telemetry_record record = {.pid = 7};
    struct wire_client client;
    struct sph_telemetry telemetry;
    wire_connect(fixture, &client);
    assert_int_equal(read_telemetry(&client, &telemetry), 0);
    for (unsigned i = 0; i < SPH_TELEMETRY_RECORDS; i++)
        assert_int_equal(sph_telemetry_store_add(fixture->device.state_fd, &record, NULL), 0);
    assert_int_equal(read_telemetry(&client, &telemetry), SPH_TELEMETRY_RECORDS);
    wire_call(&client, SPH_OP_TELEMETRY_CLEAR, NULL, NULL);
    assert_int_equal(read_telemetry(&client, &telemetry), 0);
    assert_int_equal(telemetry.last_number, SPH_TELEMETRY_RECORDS);
    assert_int_equal(
        sph_file_replace(fixture->device.state_fd, "telemetry", "rubbish", 7, 0600, NULL), 0);
    wire_refused(&client, SPH_OP_TELEMETRY_GET, NULL, 74,
                 "state/telemetry is damaged (these 7 bytes are no telemetry of a device): clear "
                 "it to begin anew");
    wire_call(&client, SPH_OP_TELEMETRY_CLEAR, NULL, NULL);
    assert_int_equal(read_telemetry(&client, &telemetry), 0);
    wire_disconnect(&client);
}

static struct sph_msg_app only_app(struct wire_client *client) {
    struct sph_msg_app_list_reply reply;
    struct sph_msg_app app = {.state = SPH_APP_NOT_PRESENT};
    wire_call(client, SPH_OP_APP_LIST, NULL, &reply);
    assert_int_equal(reply.apps.count, 1);
    struct sph_list_iter iter = sph_list_iter(&reply.apps);
    (void)sph_list_next(&iter, &app);
    return app;
}

/* Of the newest report of that app, whatever other apps have left since. */
static void test_last_end_and_next_start(void **state) {
    struct wire_fixture *fixture = *state;
    const struct sph_guid component = fixture_component(1), other = fixture_component(2);
    const struct {
        const struct sph_guid *component;
        uint32_t why, exit_code, signal;
    } reports[] = {
        {&component, SPH_END_CRASH, 0, 11},
        {&component, SPH_END_EXIT, 3, 0},
        {&other, SPH_END_KILLED, 0, 9},
    };
    struct wire_client client;
    wire_connect(fixture, &client);
    wire_stage(&client, &(struct fixture_package){.component = 1});
    wire_call(&client, SPH_OP_INSTALL, NULL, NULL);
    struct sph_msg_app app = only_app(&client);
    assert_int_equal(app.last_report_id + app.last_exit_code + app.last_signal, 0);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(reports); i++) {
        sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
        uint64_t number;
        const struct sph_msg_report report = {.id = i + 1,
                                              .component = *reports[i].component,
                                              .why = reports[i].why,
                                              .exit_code = reports[i].exit_code,
                                              .signal = reports[i].signal};
        assert_int_equal(sph_codec_encode(&sph_msg_report_codec, &report, &bytes, NULL), 0);
        assert_int_equal(sph_kill_store_add(fixture->device.kills, reports[i].component, bytes.data,
                                            bytes.len, &number, NULL),
                         0);
        app = only_app(&client);
        const size_t own = i < 2 ? i : 1;
        assert_int_equal(app.last_report_id, own + 1);
        assert_int_equal(app.last_why, reports[own].why);
        assert_int_equal(app.last_exit_code, reports[own].exit_code);
        assert_int_equal(app.last_signal, reports[own].signal);
        assert_int_equal(app.next_start_ms, 0);
    }
    fake_set_state(&component, SPH_SESSION_WAITING);
    app = only_app(&client);
    assert_int_equal(app.state, SPH_APP_STOPPED); /* it holds no memory */
    assert_int_equal(app.next_start_ms, 4000);    /* as the fake has it */
    wire_disconnect(&client);
}

static bool is_staged(struct wire_fixture *fixture, unsigned number) {
    const struct sph_guid component = fixture_component(number);
    return sph_stage_find(fixture->device.stage, &component) != NULL;
}

static unsigned version_of(struct wire_fixture *fixture, unsigned number) {
    const struct sph_guid component = fixture_component(number);
    const struct sph_installed_app *app = sph_registry_find(fixture->device.registry, &component);
    return app ? app->image.bytes[0] : 0;
}

/* Made unreadable on its way: an error of the device, not the package's. */
static void damage_staged(struct wire_fixture *fixture, unsigned number) {
    char path[80], guid[SPH_GUID_TEXT];
    const struct sph_guid component = fixture_component(number);
    (void)snprintf(path, sizeof(path), "staged/%s", sph_guid_format(&component, guid));
    assert_int_equal(unlinkat(fixture->device.state_fd, path, 0), 0);
}

/* The one in the middle is refused: the others get through, and the answer names it. */
static void test_one_of_several_is_refused(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    wire_connect(fixture, &client);
    for (unsigned i = 1; i <= 3; i++)
        wire_stage(&client, &(struct fixture_package){.component = i, .version = 7});
    damage_staged(fixture, 2);
    wire_refused(
        &client, SPH_OP_INSTALL, NULL, 7340056,
        "of 3 packages 2 were installed; 00000000-1111-2222-3333-000000000002: cannot open "
        "00000000-1111-2222-3333-000000000002: No such file or directory");
    assert_int_equal(version_of(fixture, 1), 7);
    assert_int_equal(version_of(fixture, 2), 0);
    assert_int_equal(version_of(fixture, 3), 7);
    assert_int_equal(fake_lifecycle.starts, 2);
    assert_false(is_staged(fixture, 1) || is_staged(fixture, 3));
    wire_disconnect(&client);
}

/* None of them starts: all are installed, and the first is told. */
static void test_none_of_several_starts(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    wire_connect(fixture, &client);
    wire_stage(&client, &(struct fixture_package){.component = 1, .version = 1});
    wire_stage(&client, &(struct fixture_package){.component = 2, .version = 1});
    fake_lifecycle.start_error = -ENOEXEC;
    wire_refused(&client, SPH_OP_INSTALL, NULL, 1048591,
                 "of 2 packages 2 were installed; 00000000-1111-2222-3333-000000000001: the fake "
                 "does not start apps");
    assert_int_equal(version_of(fixture, 1) + version_of(fixture, 2), 2);
    wire_call(&client, SPH_OP_INSTALL, NULL, NULL); /* nothing is left staged */
    wire_disconnect(&client);
}

/* Refused for itself: the running version hears nothing of it. */
static void test_untrusted_update_stops_nothing(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    wire_connect(fixture, &client);
    wire_stage(&client, &(struct fixture_package){.component = 1, .version = 1});
    wire_call(&client, SPH_OP_INSTALL, NULL, NULL);
    wire_stage(&client, &(struct fixture_package){.component = 1, .version = 2});
    assert_int_equal(sph_trust_store_remove(fixture->device.trust, sph_test_thumbprint, NULL), 0);
    unsigned starts = fake_lifecycle.starts, stops = fake_lifecycle.stops;
    (void)wire_request(&client, SPH_OP_INSTALL, NULL);
    struct sph_frame frame;
    assert_true(wire_receive(&client, 1000, &frame));
    assert_int_equal(frame.type, SPH_FRAME_ERROR);
    assert_int_equal(fake_lifecycle.starts, starts);
    assert_int_equal(fake_lifecycle.stops, stops);
    assert_int_equal(version_of(fixture, 1), 1);
    assert_false(is_staged(fixture, 1));
    wire_disconnect(&client);
}

/* Refused when its app is stopped already: the old version runs again as it had been started. */
static void test_old_version_comes_back_as_it_was(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    struct sph_frame frame;
    const struct sph_guid component = fixture_component(1);
    const struct {
        struct sph_msg_app_control control;
        unsigned flags;
    } rows[] = {
        {{.trigger = SPH_TRIGGER_START}, 0},
        {{.trigger = SPH_TRIGGER_START, .run_once = true}, SPH_START_ONCE},
        {{.trigger = SPH_TRIGGER_START, .heap = true, .heap_stacks = true},
         SPH_START_HEAP | SPH_START_STACKS},
        {{.trigger = SPH_TRIGGER_START_DEBUG}, SPH_START_DEBUG},
    };
    const struct sph_trust_record record =
        *sph_trust_find(sph_trust_store_get(fixture->device.trust), sph_test_thumbprint);
    wire_connect(fixture, &client);
    wire_stage(&client, &(struct fixture_package){.component = 1, .version = 1});
    wire_call(&client, SPH_OP_INSTALL, &(struct sph_msg_install){.manual = true}, NULL);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_msg_app_control control = rows[i].control;
        control.component = component;
        wire_call(&client, SPH_OP_APP_CONTROL, &control, NULL);
        assert_int_equal(fake_lifecycle.last_flags, rows[i].flags);
        wire_stage(&client, &(struct fixture_package){.component = 1, .version = 2});
        fake_lifecycle.holds_stops = true;
        (void)wire_request(&client, SPH_OP_INSTALL, NULL);
        assert_false(wire_receive(&client, 20, &frame));
        assert_int_equal(sph_trust_store_remove(fixture->device.trust, sph_test_thumbprint, NULL),
                         0);
        fake_lifecycle.last_flags = ~0U;
        fake_finish_stops();
        fake_lifecycle.holds_stops = false;
        assert_true(wire_receive(&client, 1000, &frame));
        assert_int_equal(frame.type, SPH_FRAME_ERROR);
        assert_int_equal(fake_lifecycle.last_flags, rows[i].flags);
        assert_int_equal(version_of(fixture, 1), 1);
        assert_int_equal(sph_trust_store_add(fixture->device.trust, &record, NULL), 0);
        control.trigger = SPH_TRIGGER_STOP;
        wire_call(&client, SPH_OP_APP_CONTROL, &control, NULL);
    }
    wire_disconnect(&client);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, wire_make, wire_clean)
    const struct CMUnitTest tests[] = {
        TEST(test_telemetry),
        TEST(test_last_end_and_next_start),
        TEST(test_one_of_several_is_refused),
        TEST(test_none_of_several_starts),
        TEST(test_untrusted_update_stops_nothing),
        TEST(test_old_version_comes_back_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
