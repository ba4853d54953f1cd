/* The choice of a device: every program with every wish on every machine. */
#include "cli/run_choice.h"

#include "base/testing.h"

#include <errno.h>
#include <string.h>

#include "base/attr.h"

static const struct {
    struct sph_run_facts facts;
    int code;
    bool is_virtual;
    const char *text; /* why, or the sentence; HOST stands for this machine's processor */
} rows[] = {
    {{.elf = {SPH_ELF_ARM, SPH_ELF_STATIC, ""}}, 0, true, "it is a program for 32-bit ARM"},
    {{.elf = {SPH_ELF_ARM, SPH_ELF_MUSL, "x"}, .host = SPH_HOST_OLD_KERNEL},
     0,
     true,
     "it is a program for 32-bit ARM"},
    {{.elf = {SPH_ELF_ARM, SPH_ELF_MUSL, "x"}, .wish = SPH_RUN_VIRTUAL},
     0,
     true,
     "it is a program for 32-bit ARM"},
    {{.elf = {SPH_ELF_ARM, SPH_ELF_HOST, "/lib/ld-linux-armhf.so.3"}},
     -ENOEXEC,
     false,
     "this program needs the loader '/lib/ld-linux-armhf.so.3' and the C library behind it, which "
     "a virtual device does not have: build it with 'spherule-cc --target arm', or link it "
     "statically"},
    {{.elf = {SPH_ELF_ARM, SPH_ELF_STATIC, ""}, .wish = SPH_RUN_NATIVE},
     -ENOEXEC,
     false,
     "this program is for 32-bit ARM and this machine is HOST: it runs on a virtual device, "
     "without --native"},
    {{.elf = {SPH_ELF_THIS, SPH_ELF_HOST, "x"}}, 0, false, "this machine can meter it"},
    {{.elf = {SPH_ELF_THIS, SPH_ELF_STATIC, ""}}, 0, false, "this machine can meter it"},
    {{.elf = {SPH_ELF_THIS, SPH_ELF_STATIC, ""}, .host = SPH_HOST_OLD_KERNEL},
     -EOPNOTSUPP,
     false,
     "this program is for HOST, and this machine cannot meter it (its kernel is older than Linux "
     "6.2): build it with 'spherule-cc --target arm', and it runs on a virtual device"},
    {{.elf = {SPH_ELF_THIS, SPH_ELF_STATIC, ""}, .host = SPH_HOST_NO_RIGHTS},
     -EOPNOTSUPP,
     false,
     "this program is for HOST, and this machine cannot meter it (that needs root, or a sudo "
     "without a password): build it with 'spherule-cc --target arm', and it runs on a virtual "
     "device"},
    {{.elf = {SPH_ELF_THIS, SPH_ELF_STATIC, ""},
      .wish = SPH_RUN_NATIVE,
      .host = SPH_HOST_NO_RIGHTS},
     0,
     false,
     "--native asks for it"},
    {{.elf = {SPH_ELF_THIS, SPH_ELF_STATIC, ""}, .wish = SPH_RUN_VIRTUAL},
     -ENOEXEC,
     false,
     "this program is for HOST and a virtual device runs those for 32-bit ARM: build it with "
     "'spherule-cc --target arm'"},
};

/* `text` with this machine's name in it. */
static void name_host(const char *text, char *ret_text, size_t size) {
    const char *at = strstr(text, "HOST");
    (void)snprintf(ret_text, size, "%.*s%s%s", (int)(at ? at - text : (long)strlen(text)), text,
                   at ? sph_elf_machine_name(SPH_ELF_THIS) : "", at ? at + 4 : "");
}

static void test_every_row(void **state) {
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_err err = SPH_ERR_NULL;
        struct sph_run_choice choice = {.why = "untouched"};
        char expected[320];
        name_host(rows[i].text, expected, sizeof(expected));
        int r = sph_run_choose(&rows[i].facts, &choice, &err);
        assert_string_equal(r < 0 ? err.text : choice.why, expected);
        assert_int_equal(r, rows[i].code);
        assert_int_equal(choice.is_virtual, rows[i].is_virtual);
        if (r < 0)
            assert_string_equal(choice.why, "untouched");
    }
}

/* sudo is asked for nothing where the answer would change nothing. */
static void test_when_the_host_is_asked(void **state) {
    static const enum sph_run_wish wishes[] = {SPH_RUN_ANY, SPH_RUN_NATIVE, SPH_RUN_VIRTUAL};
    (void)state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(wishes); i++) {
        struct sph_run_facts facts = {.elf = {.machine = SPH_ELF_ARM}, .wish = wishes[i]};
        assert_false(sph_run_choice_asks_host(&facts));
        facts.elf.machine = SPH_ELF_THIS;
        assert_int_equal(sph_run_choice_asks_host(&facts), wishes[i] == SPH_RUN_ANY);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row),
        cmocka_unit_test(test_when_the_host_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
