/* What an app's life leaves, over a socket pair: its last end in the list, and the telemetry. */
#include "agent/wire_client_test.h"

#include "agent/telemetry_store.h"
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

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, wire_make, wire_clean)
    const struct CMUnitTest tests[] = {
        TEST(test_telemetry),
        TEST(test_last_end_and_next_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
