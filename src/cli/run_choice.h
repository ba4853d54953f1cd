/* run_choice: which kind of device a program is run on. */
#ifndef SPH_CLI_RUN_CHOICE_H
#define SPH_CLI_RUN_CHOICE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "cli/device/host_meter.h"
#include "cli/image/elf_info.h"

enum sph_run_wish { SPH_RUN_ANY, SPH_RUN_NATIVE, SPH_RUN_VIRTUAL };

/* What it is decided on. */
struct sph_run_facts {
    struct sph_elf elf;
    enum sph_run_wish wish;
    enum sph_host_meter host; /* looked at only when sph_run_choice_asks_host() */
};

struct sph_run_choice {
    bool is_virtual;
    char why[80]; /* for the inside of a sentence: "it is a program for 32-bit ARM" */
};

/* All are pure.
 * Whether the choice depends on this machine, so that it need not be asked otherwise. */
bool sph_run_choice_asks_host(const struct sph_run_facts *facts);
/* -ENOEXEC with a sentence that tells what to do when no kind of device can run it, or not the one
 * that was wished for; -EOPNOTSUPP when only this machine could, and cannot meter. */
int sph_run_choose(const struct sph_run_facts *facts, struct sph_run_choice *ret_choice,
                   struct sph_err *err);
/* -ENOEXEC for a program that no virtual device can load: its libraries are not there. */
int sph_run_check_loader(const struct sph_elf *elf, struct sph_err *err);

#endif
