/* Only long options: the gateway is started by a program, not typed. What is wrong is said with the
 * word as it was given, so that the log of a failed start is enough. */
#include "gateway/machine/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

const char sph_options_help[] =
    "usage: spheruled --device DIR [--owner UID] [--agent NAME] [--ready-fd N]\n"
    "\n"
    "Serves the REST interface of one device on DIR/rest.sock.\n"
    "\n"
    "  --device DIR   the device's folder\n"
    "  --owner UID    the user that it serves as; needed when started by root\n"
    "  --agent NAME   the agent's socket in DIR (agent.sock)\n"
    "  --ready-fd N   descriptor that gets \"ok\" once it serves, or why it does not\n"
    "  --help, --version\n";

enum { OPT_DEVICE = 256, OPT_OWNER, OPT_AGENT, OPT_READY_FD, OPT_HELP, OPT_VERSION };

/* May be shortened as far as they are clear, as getopt_long has it. */
static const struct option long_options[] = {
    {"device", required_argument, NULL, OPT_DEVICE},
    {"owner", required_argument, NULL, OPT_OWNER},
    {"agent", required_argument, NULL, OPT_AGENT},
    {"ready-fd", required_argument, NULL, OPT_READY_FD},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

/* The largest number is (uid_t)-1: "leave it as it is" to setresuid. */
static int read_owner(const char *text, struct sph_options *options, struct sph_err *err) {
    uint64_t number = 0;
    if (sph_text_to_u64(text, UINT32_MAX - 1, &number) < 0)
        return SPH_FAIL(err, -EINVAL, "--owner takes a user id, not \"%s\"", text);
    options->owner = (uid_t)number;
    options->has_owner = true;
    return 0;
}

/* 0 to 2 are ours: a line of readiness there would be taken for input or log. */
static int read_ready_fd(const char *text, struct sph_options *options, struct sph_err *err) {
    uint64_t number = 0;
    if (sph_text_to_u64(text, INT_MAX, &number) < 0 || number < 3)
        return SPH_FAIL(err, -EINVAL, "--ready-fd takes a descriptor from 3 on, not \"%s\"", text);
    options->ready_fd = (int)number;
    return 0;
}

/* A name, no path: the socket is found through the folder's descriptor, without root. */
static int read_agent(const char *text, struct sph_options *options, struct sph_err *err) {
    if (*text == '\0' || strchr(text, '/'))
        return SPH_FAIL(err, -EINVAL, "--agent takes a name in the device's folder, not \"%s\"",
                        text);
    options->agent = text;
    return 0;
}

/* getopt_long's '?': an unknown word, a letter (all of them are unknown, also in the middle of a
 * word, where optind does not point behind it yet), or a value for an option that takes none. */
static int refuse_option(const char *word, struct sph_err *err) {
    if (optopt == 0)
        return SPH_FAIL(err, -EINVAL, "there is no option %s; see --help", word);
    if (optopt < OPT_DEVICE)
        return SPH_FAIL(err, -EINVAL, "there is no option -%c; see --help", optopt);
    return SPH_FAIL(err, -EINVAL, "%s: this option takes no value; see --help", word);
}

static int read_option(int option, const char *word, struct sph_options *options,
                       struct sph_err *err) {
    switch (option) {
    case OPT_DEVICE:
        options->device = optarg;
        return 0;
    case OPT_OWNER:
        return read_owner(optarg, options, err);
    case OPT_AGENT:
        return read_agent(optarg, options, err);
    case OPT_READY_FD:
        return read_ready_fd(optarg, options, err);
    case OPT_HELP:
        options->wants_help = true;
        return 0;
    case OPT_VERSION:
        options->wants_version = true;
        return 0;
    case ':':
        return SPH_FAIL(err, -EINVAL, "%s needs a value; see --help", word);
    default:
        return refuse_option(word, err);
    }
}

/* Help wins over everything that may be wrong after it; what is wrong before it is told first. */
int sph_options_parse(int argc, char **argv, struct sph_options *ret_options, struct sph_err *err) {
    struct sph_options options = {.agent = "agent.sock", .ready_fd = -1};
    int option;
    optind = 0; /* start anew, also in a test that parses twice */
    while ((option = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
        const char *word = optind > 0 && optind <= argc ? argv[optind - 1] : "?";
        int rc = read_option(option, word, &options, err);
        if (rc < 0)
            return rc;
    }
    *ret_options = options;
    if (options.wants_help || options.wants_version)
        return 0;
    if (optind < argc)
        return SPH_FAIL(err, -EINVAL, "\"%s\" is not expected; see --help", argv[optind]);
    if (!options.device || *options.device == '\0')
        return SPH_FAIL(err, -EINVAL, "--device DIR is missing; see --help");
    return 0;
}
