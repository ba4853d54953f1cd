/* Commands about devices, pins and signers, and the frame of the program: forms of the answer,
 * help, mistakes. */
#include "cli/device/fake_gateway_test.h"

#include <sys/stat.h>

#include "cli/commands/commands.h"

#define NOT_RUNNING "error: device 'd' is not running; start it with 'spherule device start d'\n"

static void put(const struct fake_gateway *fake, const char *name, const char *text) {
    assert_int_equal(sph_file_replace(fake->home_fd, name, text, strlen(text), 0644, NULL), 0);
}

static const struct talk creations[] = {
    {"device create a", NULL, 0, "",
     "Device 'a' created. Start it with 'spherule device start a'.\n"},
    {"device create a", NULL, 1, "", "error: there is a device 'a' already\n"},
    {"device create -o none b --ram 16K --flash 1G", NULL, 0, "", ""},
    {"-d c device create", NULL, 0, "",
     "Device 'c' created. Start it with 'spherule device start c'.\n"},
    {"device create", NULL, 0, "",
     "Device 'default' created. Start it with 'spherule device start default'.\n"},
    {"device create x --ram 5", NULL, 2, "",
     "error: --ram must be from 16 KiB to 1048576 KiB, not 5 bytes\n"},
    {"device create x --flash much", NULL, 2, "",
     "error: 'much' is no size for --flash: write bytes, or 256K, or 1M\n"},
    {"device create x --network", NULL, 2, "",
     "error: --network is for a virtual device: give --virtual, too\n"},
    {"device create x --forward 1:2", NULL, 2, "",
     "error: --forward is for a virtual device: give --virtual, too\n"},
    {"device create x --virtual --host-libraries", NULL, 2, "",
     "error: --host-libraries cannot go together with --virtual: this machine's libraries are not "
     "for the virtual device's processor\n"},
    {"device create x --virtual --forward 80", NULL, 2, "",
     "error: '80' is no forward: write this machine's port and the device's, each from 1 to 65535, "
     "as in 8080:80\n"},
    {"device create x --virtual --forward 1:2 --forward 1:3", NULL, 2, "",
     "error: port 1 of this machine is forwarded twice\n"},
    {"device create x --virtual --ram 64M", NULL, 2, "",
     "error: --ram of a virtual device must be from 16 KiB to 32768 KiB, not 67108864 bytes\n"},
    {"device create x --profile /nowhere", NULL, 4, "",
     "error: cannot open the profile '/nowhere': No such file or directory\n"},
    {"device create x --profile /", NULL, 4, "", "error: the profile '/' is not a file\n"},
    {"device create -x", NULL, 2, "",
     "error: unknown option '-x'\nSee 'spherule device create --help'.\n"},
    {"device create ../x", NULL, 2, "",
     "error: '../x' is no name for a device: use 1 to 32 letters, digits, '.', '_' and '-', "
     "beginning with a letter or digit\n"},
    {"device list -o tsv", NULL, 0,
     "a\tstopped\tnative\tmt3620\t262144\t1048576\n"
     "b\tstopped\tnative\tmt3620\t16384\t1073741824\n"
     "c\tstopped\tnative\tmt3620\t262144\t1048576\n"
     "d\tstopped\tnative\tmt3620\t262144\t1048576\n"
     "default\tstopped\tnative\tmt3620\t262144\t1048576\n",
     ""},
};

static void test_create(void **state) {
    check_talks(state, creations, SPH_ARRAY_SIZE(creations));
}

/* What is in device.json is what the gateway starts its machine by. */
static void test_create_virtual(void **state) {
    static const struct talk talks[] = {
        {"device create v --virtual", NULL, 0, "",
         "Device 'v' created. Start it with 'spherule device start v'.\n"},
        {"device create w --virtual --network --forward 8080:80 --forward 65535:1 --ram 32M", NULL,
         0, "", "Device 'w' created. Start it with 'spherule device start w'.\n"},
        {"device list -o tsv", NULL, 0,
         "d\tstopped\tnative\tmt3620\t262144\t1048576\n"
         "v\tstopped\tvirtual\tmt3620\t262144\t1048576\n"
         "w\tstopped\tvirtual\tmt3620\t33554432\t1048576\n",
         ""},
    };
    struct fake_gateway *fake = *state;
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    check_talks(state, talks, SPH_ARRAY_SIZE(talks));
    assert_int_equal(sph_file_read(fake->home_fd, "devices/w/device.json", &text, NULL), 0);
    assert_string_equal(text.data,
                        "{\"name\":\"w\",\"backend\":\"virtual\",\"profile\":{\"name\":\"mt3620\","
                        "\"ramBytes\":33554432,\"flashBytes\":1048576,\"storageBytes\":65536,"
                        "\"pageBytes\":4096,\"core\":\"cortex-a7\"},\"hostLibraries\":false,"
                        "\"network\":true,\"forwards\":[\"8080:80\",\"65535:1\"]}\n");
}

/* The options hold over the profile, the profile over the default. */
static void test_create_with_a_profile(void **state) {
    char line[160];
    struct fake_gateway *fake = *state;
    put(fake, "profile.json", "{\"name\":\"tiny\",\"ramBytes\":16384,\"flashBytes\":32768}");
    (void)snprintf(line, sizeof(line), "device create x --flash 64K --profile %s/profile.json",
                   fake->home);
    const struct talk create = {line, NULL, 0, "",
                                "Device 'x' created. Start it with 'spherule device start x'.\n"};
    check_talk(fake, &create);
    static const struct talk list = {"device list -o tsv", NULL, 0,
                                     "d\tstopped\tnative\tmt3620\t262144\t1048576\n"
                                     "x\tstopped\tnative\ttiny\t16384\t65536\n",
                                     ""};
    check_talk(fake, &list);
}

static void test_a_wrong_profile_makes_nothing(void **state) {
    char line[160], sentence[200];
    struct fake_gateway *fake = *state;
    put(fake, "profile.json", "{\n \"rambytes\": 1}");
    (void)snprintf(line, sizeof(line), "device create x --profile %s/profile.json", fake->home);
    (void)snprintf(sentence, sizeof(sentence),
                   "error: %s/profile.json: line 2, column 14: 'rambytes' is not a key of a "
                   "profile\n",
                   fake->home);
    const struct talk create = {line, NULL, 4, "", sentence};
    check_talk(fake, &create);
    assert_int_equal(faccessat(fake->home_fd, "devices/x", F_OK, 0), -1);
}

static const struct talk lists[] = {
    {"device list", NULL, 0,
     "Name  State    Backend  Profile  RAM     Flash\n"
     "d     stopped  native   mt3620   262144  1048576\n",
     ""},
    {"device list -o json", NULL, 0,
     "[\n  {\n    \"name\": \"d\",\n    \"state\": \"stopped\",\n    \"backend\": \"native\",\n"
     "    \"profile\": \"mt3620\",\n    \"ramBytes\": 262144,\n    \"flashBytes\": 1048576\n  }\n"
     "]\n",
     ""},
    {"device list -o none", NULL, 0, "", ""},
    {"device start nobody", NULL, 6, "",
     "error: there is no device 'nobody'; make it with 'spherule device create nobody'\n"},
    {"device stop", NULL, 0, "", "Device 'd' is not running.\n"},
    {"device stop -o none", NULL, 0, "", ""},
    {"device delete", NULL, 2, "", "error: say which device to delete\n"},
    {"device delete x", NULL, 6, "",
     "error: there is no device 'x'; make it with 'spherule device create x'\n"},
    {"device delete d", NULL, 0, "", "Device 'd' deleted.\n"},
    {"device delete d", NULL, 6, "",
     "error: there is no device 'd'; make it with 'spherule device create d'\n"},
    {"device list", NULL, 0, "Name  State  Backend  Profile  RAM  Flash\n", ""},
    {"device log", NULL, 6, "",
     "error: there is no device; make one with 'spherule device create'\n"},
};

static void test_list_and_delete(void **state) {
    check_talks(state, lists, SPH_ARRAY_SIZE(lists));
}

/* A device that cannot be understood is seen, with the reason: hiding it would lose it. */
static void test_broken_devices_are_listed(void **state) {
    static const struct {
        const char *json, *warning;
    } rows[] = {
        {"", "line 1, column 1: expected a value, but found the end of the text"},
        {"[]", "line 1, column 1: a device is a JSON object"},
        {"7", "line 1, column 1: a device is a JSON object"},
        {"{\"profile\":7}", "line 1, column 12: a profile is a JSON object"},
        {"{\"profile\":{\"ramBytes\":1}}",
         "line 1, column 24: ramBytes must be from 16 KiB to 1048576 KiB, not 1 bytes"},
    };
    struct fake_gateway *fake = *state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        char warning[200];
        put(fake, "devices/d/device.json", rows[i].json);
        (void)snprintf(warning, sizeof(warning), "warn: device 'd': device.json: %s\n",
                       rows[i].warning);
        const struct talk talk = {"device list -o tsv", NULL, 0, "d\tbroken\t\t\t\t\n", warning};
        check_talk(fake, &talk);
    }
}

static const struct fake_route pins[] = {
    {.request = "GET /spherule/v1/gpio",
     .body = "{\"pins\":[{\"pin\":12,\"value\":0,\"use\":\"output\",\"mode\":\"pushPull\","
             "\"componentId\":\"x\"},{\"pin\":13,\"value\":1,\"use\":\"free\"}]}"},
    {.request = "GET /spherule/v1/gpio/12", .body = "{\"pin\":12,\"value\":1,\"use\":\"input\"}"},
    {.request = "PUT /spherule/v1/gpio/12", .body = "{}"},
    {.request = "PUT /spherule/v1/gpio/13",
     .status = 409,
     .body = "{\"error\":16,\"message\":\"GPIO 13 is driven.\"}"},
    {.request = NULL},
};

static const struct talk gpio[] = {
    {"device gpio list", pins, 0,
     "Pin  Value  Use     Mode      Held by\n"
     "12   0      output  pushPull  x\n"
     "13   1      free              \n",
     ""},
    {"device gpio get 12", pins, 0, "1\n", ""},
    {"device gpio get 12 -o tsv", pins, 0, "12\t1\tinput\t\t\n", ""},
    {"device gpio get 76", pins, 2, "", "error: '76' is no pin: they have the numbers 0 to 75\n"},
    {"device gpio get x", pins, 2, "", "error: 'x' is no pin: they have the numbers 0 to 75\n"},
    {"device gpio get %", pins, 2, "", "error: '' is no pin: they have the numbers 0 to 75\n"},
    {"device gpio set 12 0", pins, 0, "", ""},
    {"device gpio set 13 1", pins, 1, "", "error: The resource is in use (GPIO 13 is driven.)\n"},
    {"device gpio set 77 1", pins, 2, "", "error: '77' is no pin: they have the numbers 0 to 75\n"},
    {"device gpio set 12 0", NULL, 3, "", NOT_RUNNING},
};

static void test_gpio(void **state) {
    check_talks(state, gpio, SPH_ARRAY_SIZE(gpio));
}

/* What the help says of pins that are not listed is what the device does: free and high. */
static void test_the_help_on_pins(void **state) {
    (void)state;
    assert_string_equal(sph_cmd_device_gpio_list.details, "Every other pin is free and high.");
}

#define THUMBPRINT "00112233445566778899aabbccddeeff00112233"
static const struct fake_route trust[] = {
    {.request = "GET /spherule/v1/trust",
     .body = "{\"entries\":[{\"thumbprint\":\"" THUMBPRINT "\",\"name\":\"me\","
             "\"kind\":\"production\"},{}]}"},
    {.request = "DELETE /spherule/v1/trust/" THUMBPRINT, .body = "{}"},
    {.request = "POST /spherule/v1/trust", .status = 201, .body = "{}"},
    {.request = NULL},
};
static const struct fake_route trusted_already[] = {
    {.request = "", .status = 409, .body = "{\"error\":17}"}};
static const struct fake_route trust_refused[] = {
    {.request = "", .status = 403, .body = "{\"error\":13,\"message\":\"Not you.\"}"}};

static const struct talk signers[] = {
    {"trust list", trust, 0,
     "Thumbprint                                Kind        Name\n" THUMBPRINT "  production  me\n"
     "                                                      \n",
     ""},
    {"trust remove " THUMBPRINT, trust, 0, "", "Device 'd' no longer trusts " THUMBPRINT ".\n"},
    {"trust remove 00112233445566778899AABBCCDDEEFF00112233", trust, 0, "",
     "Device 'd' no longer trusts " THUMBPRINT ".\n"},
    {"trust remove 0011", trust, 2, "",
     "error: '0011' is no thumbprint: it has 40 hexadecimal digits\n"},
    {"trust remove 0011223344556677889900112233445566778899x", trust, 2, "",
     "error: '0011223344556677889900112233445566778899x' is no thumbprint: it has 40 hexadecimal "
     "digits\n"},
    {"trust remove ffffffffffffffffffffffffffffffffffffffff", trust, 1, "",
     "error: device 'd' answered with HTTP status 404\n"},
    {"trust add", trust, 2, "", "error: give either a certificate or --sdk-development\n"},
    {"trust add x --sdk-development", trust, 2, "",
     "error: give either a certificate or --sdk-development\n"},
    {"trust add --sdk-development --production", trust, 2, "",
     "error: anybody can sign with the original SDK's key: it is for development only\n"},
    {"trust add /nowhere.pem", trust, 4, "",
     "error: cannot open the certificate '/nowhere.pem': No such file or directory\n"},
    {"trust add --sdk-development -o none", trust, 0, "", ""},
    {"trust add --sdk-development -o none", trusted_already, 0, "", ""},
    {"trust add --sdk-development", trust_refused, 5, "", "error: Permission denied (Not you.)\n"},
};

static void test_trust(void **state) {
    check_talks(state, signers, SPH_ARRAY_SIZE(signers));
}

/* Without a thumbprint the development key's is meant; it is made when it is not there yet. */
static void test_the_development_key_is_removed_by_default(void **state) {
    static const struct fake_route any[] = {{.request = "", .body = "{}"}};
    static struct spoken spoken;
    struct stat st;
    struct fake_gateway *fake = *state;
    fake_start(fake, any);
    speak("trust remove -o none", &spoken);
    fake_stop(fake);
    assert_int_equal(spoken.status, 0);
    assert_memory_equal(fake->seen, "DELETE /spherule/v1/trust/", 26);
    assert_int_equal(strspn(fake->seen + 26, "0123456789abcdef"), 40);
    assert_int_equal(fstatat(fake->home_fd, "sdk/sdk-development-key.pem", &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static const struct fake_route restarts[] = {
    {.request = "GET /spherule/v1/device", .body = "{\"bootId\":\"a\"}"},
    {.request = "", .status = 500, .body = ""},
};

static void test_a_restart_that_is_refused(void **state) {
    static const struct talk talk = {"device restart", restarts, 1, "",
                                     "error: device 'd' answered with HTTP status 500\n"};
    check_talk(*state, &talk);
}

static const struct talk frames[] = {
    {"--version", NULL, 0, "Spherule " SPH_VERSION "\n", ""},
    {"version -o json", NULL, 0,
     "{\n  \"Azure Sphere SDK\": \"" SPH_VERSION "\",\n  \"Spherule\": \"" SPH_VERSION "\"\n}\n",
     ""},
    {"version -o jsonc", NULL, 0, /* no terminal, no colour */
     "{\n  \"Azure Sphere SDK\": \"" SPH_VERSION "\",\n  \"Spherule\": \"" SPH_VERSION "\"\n}\n",
     ""},
    {"show-version -o tsv", NULL, 0, "Spherule\t" SPH_VERSION "\n", ""},
    {"version -o none", NULL, 0, "", ""},
    {"devise", NULL, 2, "", "error: 'spherule' has no command 'devise'; did you mean 'device'?\n"},
    {"device lst", NULL, 2, "",
     "error: 'spherule device' has no command 'lst'; did you mean 'list'?\n"},
    {"device list x", NULL, 2, "",
     "error: unexpected argument 'x'\nSee 'spherule device list --help'.\n"},
    {"run", NULL, 125, "",
     "error: argument PACKAGE-or-EXECUTABLE is missing\nSee 'spherule run --help'.\n"},
    {"run /nowhere", NULL, 125, "",
     "error: cannot open the file '/nowhere': No such file or directory\n"},
    {"run --ram 5 x", NULL, 125, "",
     "error: --ram must be from 16 KiB to 1048576 KiB, not 5 bytes\n"},
    {"completion tcsh", NULL, 2, "",
     "error: 'tcsh' is no value for SHELL; use bash, zsh or fish\n"
     "See 'spherule completion --help'.\n"},
};

static void test_the_frame(void **state) {
    check_talks(state, frames, SPH_ARRAY_SIZE(frames));
}

/* Every command's --help goes to standard output and asks nothing of any device. */
static void test_help_of_every_command(void **state) {
    (void)state;
    static struct spoken spoken;
    for (unsigned i = 1; sph_commands[i]; i++) {
        char line[160];
        (void)snprintf(line, sizeof(line), "%s --help", sph_commands[i]->path);
        speak(line, &spoken);
        assert_int_equal(spoken.status, 0);
        assert_string_equal(spoken.err, "");
        assert_memory_equal(spoken.out, "Usage:\n spherule ", 17);
    }
}

/* A group without a command: its help explains the mistake, but is no data. */
static void test_groups_alone(void **state) {
    (void)state;
    static struct spoken spoken;
    for (unsigned i = 0; sph_commands[i]; i++) {
        if (sph_commands[i]->run)
            continue;
        char expected[120];
        speak(sph_commands[i]->path, &spoken);
        assert_int_equal(spoken.status, SPH_EXIT_USAGE);
        assert_string_equal(spoken.out, "");
        (void)snprintf(expected, sizeof(expected), "error: 'spherule%s%s' needs a command\n",
                       *sph_commands[i]->path ? " " : "", sph_commands[i]->path);
        assert_memory_equal(spoken.err, expected, strlen(expected));
    }
}

/* A full disk behind standard output is a failure of its own, for every form of the answer. */
static void test_a_full_disk(void **state) {
    static const char *const lines[] = {"version",        "version -o json", "version -o tsv",
                                        "version --help", "device list",     "completion zsh"};
    (void)state;
    static struct spoken spoken;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    if (full < 0)
        skip();
    for (size_t i = 0; i < SPH_ARRAY_SIZE(lines); i++) {
        char text[80];
        char *argv[8] = {NULL};
        char *save = NULL;
        int argc = 0, saved_out, saved_err;
        (void)snprintf(text, sizeof(text), "spherule %s", lines[i]);
        for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save))
            argv[argc++] = word;
        int out = capture_begin(STDOUT_FILENO, &saved_out);
        int err = capture_begin(STDERR_FILENO, &saved_err);
        (void)dup2(full, STDOUT_FILENO);
        int status = sph_cli_main(argc, argv);
        capture_end(STDERR_FILENO, saved_err, err, spoken.err, sizeof(spoken.err));
        capture_end(STDOUT_FILENO, saved_out, out, spoken.out, sizeof(spoken.out));
        assert_string_equal(spoken.err, "error: cannot write to standard output: No space left on "
                                        "device\n");
        assert_int_equal(status, SPH_EXIT_IO);
    }
    (void)close(full);
}

/* Text that was lost on the way (no memory, over its limit) is not shown as if it were whole. */
static void test_a_text_that_was_lost(void **state) {
    static const enum sph_output forms[] = {SPH_OUTPUT_TABLE, SPH_OUTPUT_JSON};
    (void)state;
    static char out_text[64], err_text[256];
    for (size_t i = 0; i < SPH_ARRAY_SIZE(forms); i++) {
        const struct sph_cli cli = {.program = "spherule", .output = forms[i]};
        sph_autobuf struct sph_buf lost = SPH_BUF_LIMIT(8);
        sph_buf_puts(&lost, "[1,2");
        sph_buf_puts(&lost, ",3,4,5]");
        assert_int_equal(lost.error, -EFBIG);
        int saved_out, saved_err;
        int out = capture_begin(STDOUT_FILENO, &saved_out);
        int err = capture_begin(STDERR_FILENO, &saved_err);
        int status = sph_cli_answer(&cli, &(struct sph_answer){.human = &lost, .json = &lost});
        capture_end(STDERR_FILENO, saved_err, err, err_text, sizeof(err_text));
        capture_end(STDOUT_FILENO, saved_out, out, out_text, sizeof(out_text));
        assert_string_equal(err_text, "error: cannot make the answer: File too large\n");
        assert_string_equal(out_text, "");
        assert_int_equal(status, SPH_EXIT_IO);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_DEVICE(test_create),
        WITH_DEVICE(test_create_virtual),
        WITH_DEVICE(test_create_with_a_profile),
        WITH_DEVICE(test_a_wrong_profile_makes_nothing),
        WITH_DEVICE(test_list_and_delete),
        WITH_DEVICE(test_broken_devices_are_listed),
        WITH_DEVICE(test_gpio),
        WITH_DEVICE(test_the_help_on_pins),
        WITH_DEVICE(test_trust),
        WITH_DEVICE(test_the_development_key_is_removed_by_default),
        WITH_DEVICE(test_a_restart_that_is_refused),
        WITH_DEVICE(test_the_frame),
        WITH_DEVICE(test_help_of_every_command),
        WITH_DEVICE(test_groups_alone),
        WITH_DEVICE(test_a_full_disk),
        WITH_DEVICE(test_a_text_that_was_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
