/* Scripts differ in the words before a command and in some options; the commands and what they do
 * are the same. So the words are taken off here, and args.c takes the options of Azure's that mean
 * nothing to a device of ours. */
#include "cli/syntax/spelling.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

bool sph_spelling_is_az(const char *program) {
    return strcmp(program, SPH_SPELLING_AZ) == 0;
}

static bool is_word(int argc, char **argv, int at, const char *word) {
    return at < argc && strcmp(argv[at], word) == 0;
}

/* "-of FILE": the only option of two letters; getopt would read "-o f". */
static void write_options_out(int argc, char **argv) {
    static char long_form[] = "--output-file";
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "-of") == 0)
            argv[i] = long_form;
}

/* Any other name is ours, a renamed copy's too. */
int sph_spelling_read(int argc, char **argv, struct sph_spelling *ret_spelling,
                      struct sph_err *err) {
    const char *called = sph_text_file_name(argc > 0 ? argv[0] : "");
    bool is_az = strcmp(called, "az") == 0;
    int skip = !is_az && is_word(argc, argv, 1, "az") ? 1 : 0;
    is_az |= skip > 0;
    if (is_word(argc, argv, skip + 1, "sphere")) {
        *ret_spelling = (struct sph_spelling){.program = SPH_SPELLING_AZ, .skip = skip + 1};
        write_options_out(argc, argv);
        return 0;
    }
    *ret_spelling = (struct sph_spelling){.program = is_az ? SPH_SPELLING_AZ
                                                     : strcmp(called, "azsphere") == 0 ? "azsphere"
                                                                                       : "spherule",
                                          .skip = skip};
    /* "az version" and "az --help" are asked of any az */
    if (!is_az || is_word(argc, argv, skip + 1, "version") ||
        (skip + 1 < argc && argv[skip + 1][0] == '-'))
        return 0;
    return SPH_FAIL(err, -EINVAL, "this is Spherule, which knows no group of az but 'az sphere'");
}
