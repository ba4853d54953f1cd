/* Long options only, nearly all with one value: the agent is started by the command line and by
 * service managers, hardly by hand. getopt_long() was rejected: it prints by itself, and its
 * sentences cannot be tested here. */
#include "agent/machine/options.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/text.h"

/* The value of `--name VALUE` or `--name=VALUE`; NULL when argv[*at] is another option. */
static const char *value_of(const char *name, int argc, char *const *argv, int *at, int *ret_code,
                            struct sph_err *err) {
    size_t len = strlen(name);
    const char *arg = argv[*at];
    if (strncmp(arg, name, len) != 0 || (arg[len] != '\0' && arg[len] != '='))
        return NULL;
    if (arg[len] == '=')
        return arg + len + 1;
    if (*at + 1 == argc) {
        *ret_code = SPH_FAIL(err, -EINVAL, "%s needs a value", name);
        return NULL;
    }
    return argv[++*at];
}

/* Digits only: a sign or a blank is a mistake of whoever starts us. */
static int parse_number(const char *name, const char *text, uint64_t max, uint64_t *ret_number,
                        struct sph_err *err) {
    if (sph_text_to_u64(text, max, ret_number) < 0)
        return SPH_FAIL(err, -EINVAL, "%s: \"%s\" is not a number up to %llu", name, text,
                        (unsigned long long)max);
    return 0;
}

/* Advances *at when the value is an argument of its own. */
static int parse_one(int argc, char *const *argv, int *at, struct sph_options *options,
                     struct sph_err *err) {
    const char *value;
    uint64_t number;
    int code = 0;
    if (strcmp(argv[*at], "--help") == 0)
        return SPH_OPTIONS_E_HELP;
    if (strcmp(argv[*at], "--version") == 0)
        return SPH_OPTIONS_E_VERSION;
    if (strcmp(argv[*at], "--sweep") == 0) {
        options->sweep = true;
        return 0;
    }
    if (strcmp(argv[*at], "--machine") == 0 || strcmp(argv[*at], "--machine-again") == 0) {
        options->machine = true;
        options->again = argv[*at][sizeof("--machine") - 1] != '\0';
        return 0;
    }
    /* value_of() gives NULL both for "not this one" and for a missing value: `code` tells them
     * apart. */
    if ((value = value_of("--device", argc, argv, at, &code, err)) != NULL) {
        options->device_dir = value;
    } else if (code == 0 && (value = value_of("--owner", argc, argv, at, &code, err)) != NULL) {
        code = parse_number("--owner", value, UINT32_MAX - 1, &number, err);
        if (code == 0)
            options->owner = (uid_t)number;
    } else if (code == 0 && (value = value_of("--ready-fd", argc, argv, at, &code, err)) != NULL) {
        code = parse_number("--ready-fd", value, INT_MAX, &number, err);
        if (code == 0)
            options->ready_fd = (int)number;
    } else if (code == 0) {
        code = SPH_FAIL(err, -EINVAL, "there is no option \"%s\": see --help", argv[*at]);
    }
    return code;
}

/* --help and --version win over mistakes that come after them. */
int sph_options_parse(int argc, char *const *argv, struct sph_options *ret_options,
                      struct sph_err *err) {
    struct sph_options options = {.device_dir = NULL, .owner = 0, .ready_fd = -1};
    for (int at = 1; at < argc; at++) {
        int code = parse_one(argc, argv, &at, &options, err);
        if (code != 0)
            return code;
    }
    if (options.machine) {
        if (argc != 2)
            return SPH_FAIL(err, -EINVAL, "--machine is given alone: see --help");
        options.device_dir = SPH_OPTIONS_MACHINE_DIR;
    }
    if (!options.device_dir || !*options.device_dir)
        return SPH_FAIL(err, -EINVAL, "--device DIR is missing: see --help");
    *ret_options = options;
    return 0;
}
