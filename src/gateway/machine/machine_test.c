/* What of device.json the gateway takes, and the command line that it makes of it. */
#include "base/testing.h"

#include <errno.h>
#include <string.h>

#include "gateway/machine/machine.h"

#define PROFILE "\"profile\":{\"flashBytes\":1048576,\"storageBytes\":65536}"
#define HEAD "{\"backend\":\"virtual\"," PROFILE

static int parse(const char *text, struct sph_machine_config *ret_config, struct sph_err *err) {
    return sph_machine_parse(text, strlen(text), ret_config, err);
}

static void native_devices_have_nothing_here(void **state) {
    (void)state;
    struct sph_machine_config config = {.is_virtual = true};
    assert_int_equal(parse("{\"backend\":\"native\"}", &config, NULL), 0);
    assert_false(config.is_virtual);
}

static void everything_that_is_taken(void **state) {
    (void)state;
    struct sph_machine_config config;
    assert_int_equal(
        parse(HEAD ",\"network\":true,\"forwards\":[\"8080:80\",\"1:65535\"]}", &config, NULL), 0);
    assert_true(config.is_virtual && config.network);
    assert_int_equal(config.forward_count, 2);
    assert_int_equal(config.forwards[0].host, 8080);
    assert_int_equal(config.forwards[0].device, 80);
    assert_int_equal(config.forwards[1].host, 1);
    assert_int_equal(config.forwards[1].device, 65535);
    assert_int_equal(config.flash_bytes, 1048576);
    assert_int_equal(config.storage_bytes, 65536);
    assert_int_equal(parse(HEAD "}", &config, NULL), 0);
    assert_false(config.network || config.forward_count);
}

#define NO_FORWARD                                                                                 \
    "device.json: forwards holds something that is no \"8080:80\" (host port, device port)"

static void what_is_wrong_has_its_sentence(void **state) {
    (void)state;
    static const struct {
        const char *text, *sentence;
    } cases[] = {
        {"", "device.json: line 1, column 1: expected a value, but found the end of the text"},
        {"[]", "device.json: backend is missing"},
        {"{}", "device.json: backend is missing"},
        {"{\"backend\":7}", "device.json: backend is neither \"native\" nor \"virtual\""},
        {"{\"backend\":\"x\"}", "device.json: backend is neither \"native\" nor \"virtual\""},
        {"{\"backend\":\"virtual\"}", "device.json: profile is missing"},
        {"{\"backend\":\"virtual\",\"profile\":{}}",
         "device.json: profile.flashBytes is not a number up to 1073741824"},
        {"{\"backend\":\"virtual\",\"profile\":{\"flashBytes\":1073741825}}",
         "device.json: profile.flashBytes is not a number up to 1073741824"},
        {"{\"backend\":\"virtual\",\"profile\":{\"flashBytes\":1,\"storageBytes\":-1}}",
         "device.json: profile.storageBytes is not a number up to 1073741824"},
        {HEAD ",\"network\":1}", "device.json: network is not true or false"},
        {HEAD ",\"forwards\":\"1:2\"}", "device.json: forwards is not an array"},
        {HEAD ",\"forwards\":[12]}", NO_FORWARD},
        {HEAD ",\"forwards\":[\"\"]}", NO_FORWARD},
        {HEAD ",\"forwards\":[\"80\"]}", NO_FORWARD},
        {HEAD ",\"forwards\":[\"0:80\"]}", NO_FORWARD},
        {HEAD ",\"forwards\":[\"80:0\"]}", NO_FORWARD},
        {HEAD ",\"forwards\":[\"65536:80\"]}", NO_FORWARD},
        {HEAD ",\"forwards\":[\"80:80,hostfwd=tcp::1-:2\"]}", NO_FORWARD},
        {HEAD ",\"forwards\":[\"80:80 \"]}", NO_FORWARD},
        {HEAD ",\"forwards\":[\"81:80\",\"80:80\",\"81:82\"]}",
         "device.json: forwards has the host port 81 twice"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        struct sph_machine_config config = {.forward_count = 77};
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(parse(cases[i].text, &config, &err), -EBADMSG);
        assert_err(&err, -EBADMSG, cases[i].sentence);
        assert_int_equal(config.forward_count, 77); /* untouched */
    }
}

/* As many as may be, then one more. */
static void forwards_are_bounded(void **state) {
    (void)state;
    for (int more = 0; more < 2; more++) {
        char text[1024] = HEAD ",\"forwards\":[";
        for (int i = 0; i < SPH_MACHINE_FORWARDS + more; i++)
            (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\"%d:%d\"",
                           i ? "," : "", 65500 + i, 65500 + i);
        (void)strcat(text, "]}");
        struct sph_machine_config config;
        struct sph_machine_words words;
        struct sph_err err = SPH_ERR_NULL;
        if (more) {
            assert_int_equal(parse(text, &config, &err), -EBADMSG);
            assert_err(&err, -EBADMSG, "device.json: there are more than 16 forwards");
        } else {
            assert_int_equal(parse(text, &config, &err), 0);
            assert_int_equal(sph_machine_compose(&config, "/k", "/i", UINT64_MAX, &words, &err), 0);
        }
    }
}

static void disks_grow_with_their_device(void **state) {
    (void)state;
    static const struct {
        uint64_t flash, storage, mib;
    } cases[] = {{0, 0, 8}, {1, 0, 9}, {1 << 20, 64 << 10, 14}, {16 << 20, 0, 72}};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        const struct sph_machine_config config = {.flash_bytes = cases[i].flash,
                                                  .storage_bytes = cases[i].storage};
        assert_int_equal(sph_machine_disk_bytes(&config), cases[i].mib << 20);
    }
}

/* The word behind `option`, the first time that it is there. */
static const char *value_of(const struct sph_machine_words *words, const char *option) {
    for (unsigned i = 0; i + 1 < words->count; i++)
        if (strcmp(words->words[i], option) == 0)
            return words->words[i + 1];
    return "";
}

static bool has(const struct sph_machine_words *words, const char *word) {
    for (unsigned i = 0; i < words->count; i++)
        if (strcmp(words->words[i], word) == 0)
            return true;
    return false;
}

static void command_lines(void **state) {
    (void)state;
    struct sph_machine_config config = {.is_virtual = true};
    struct sph_machine_words words;
    assert_int_equal(sph_machine_compose(&config, "/k", "/i", 1700000000123, &words, NULL), 0);
    assert_string_equal(words.words[0], "qemu-system-arm");
    assert_null(words.words[words.count]);
    assert_string_equal(value_of(&words, "-cpu"), "cortex-a7");
    assert_string_equal(value_of(&words, "-kernel"), "/k");
    assert_string_equal(value_of(&words, "-initrd"), "/i");
    assert_string_equal(value_of(&words, "-append"),
                        "console=ttyAMA0 quiet panic=-1 rootfstype=ramfs "
                        "rdinit=/bin/spherule-agent spherule.time_ms=1700000000123 -- --machine");
    assert_string_equal(value_of(&words, "-netdev"), "user,id=net,restrict=on");
    assert_true(has(&words, "virtserialport,chardev=agent,name=spherule.agent"));
    assert_true(has(&words, "virtio-blk-device,drive=config,serial=spherule-config"));
    assert_true(has(&words, "virtio-blk-device,drive=state,serial=spherule-state"));

    config.network = true;
    config.forward_count = 2;
    config.forwards[0] = (struct sph_machine_forward){8080, 80};
    config.forwards[1] = (struct sph_machine_forward){1, 2};
    assert_int_equal(sph_machine_compose(&config, "/k", "/i", 0, &words, NULL), 0);
    assert_string_equal(
        value_of(&words, "-netdev"),
        "user,id=net,restrict=off,hostfwd=tcp:127.0.0.1:8080-:80,hostfwd=tcp:127.0.0.1:1-:2");
}

static void a_word_too_long_is_refused(void **state) {
    (void)state;
    static char path[SPH_MACHINE_TEXT + 1];
    memset(path, 'x', SPH_MACHINE_TEXT);
    const struct sph_machine_config config = {.is_virtual = true};
    struct sph_machine_words words;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_machine_compose(&config, path, "/i", 0, &words, &err), -ENOSPC);
    assert_err(&err, -ENOSPC, "the virtual machine's command line is too long");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(native_devices_have_nothing_here),
        cmocka_unit_test(everything_that_is_taken),
        cmocka_unit_test(what_is_wrong_has_its_sentence),
        cmocka_unit_test(forwards_are_bounded),
        cmocka_unit_test(disks_grow_with_their_device),
        cmocka_unit_test(command_lines),
        cmocka_unit_test(a_word_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
