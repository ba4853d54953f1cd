/* What the device keeps for its clients, over a socket pair. */
#include "agent/wire_client_test.h"

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

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, wire_make, wire_clean)
    const struct CMUnitTest tests[] = {
        TEST(test_settings),
        TEST(test_refused_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
