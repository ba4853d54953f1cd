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

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, wire_make, wire_clean)
    const struct CMUnitTest tests[] = {
        TEST(test_telemetry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
