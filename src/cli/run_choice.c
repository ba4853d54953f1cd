/* The program's processor decides, since a device of each kind runs one only; a wish is checked
 * against it and never overrules it. Running ARM programs on this machine through an emulator of
 * their processor alone was rejected: the kernel's counters would then be of the emulator. */
#include "cli/run_choice.h"

#include <errno.h>
#include <stdio.h>

#define BUILD_FOR_ARM "build it with 'spherule-cc --target arm'"

bool sph_run_choice_asks_host(const struct sph_run_facts *facts) {
    return facts->elf.machine == SPH_ELF_THIS && facts->wish == SPH_RUN_ANY;
}

int sph_run_check_loader(const struct sph_elf *elf, struct sph_err *err) {
    if (elf->machine != SPH_ELF_ARM || elf->needs != SPH_ELF_HOST)
        return 0;
    return SPH_FAIL(err, -ENOEXEC,
                    "this program needs the loader '%s' and the C library behind it, which a "
                    "virtual device does not have: " BUILD_FOR_ARM ", or link it statically",
                    elf->loader);
}

static int choose_for_arm(const struct sph_run_facts *facts, struct sph_run_choice *choice,
                          struct sph_err *err) {
    if (facts->wish == SPH_RUN_NATIVE)
        return SPH_FAIL(err, -ENOEXEC,
                        "this program is for %s and this machine is %s: it runs on a virtual "
                        "device, without --native",
                        sph_elf_machine_name(SPH_ELF_ARM), sph_elf_machine_name(SPH_ELF_THIS));
    choice->is_virtual = true;
    (void)snprintf(choice->why, sizeof(choice->why), "it is a program for %s",
                   sph_elf_machine_name(SPH_ELF_ARM));
    return sph_run_check_loader(&facts->elf, err);
}

/* A wish for this machine is granted without asking it: the agent's refusal says more. */
static int choose_for_this(const struct sph_run_facts *facts, struct sph_run_choice *choice,
                           struct sph_err *err) {
    const char *name = sph_elf_machine_name(SPH_ELF_THIS);
    if (facts->wish == SPH_RUN_VIRTUAL)
        return SPH_FAIL(
            err, -ENOEXEC,
            "this program is for %s and a virtual device runs those for %s: " BUILD_FOR_ARM, name,
            sph_elf_machine_name(SPH_ELF_ARM));
    if (facts->wish == SPH_RUN_ANY && facts->host != SPH_HOST_METERS)
        return SPH_FAIL(
            err, -EOPNOTSUPP,
            "this program is for %s, and this machine cannot meter it (%s): " BUILD_FOR_ARM
            ", and it runs on a virtual device",
            name, sph_host_meter_reason(facts->host));
    (void)snprintf(choice->why, sizeof(choice->why), "%s",
                   facts->wish == SPH_RUN_NATIVE ? "--native asks for it"
                                                 : "this machine can meter it");
    return 0;
}

int sph_run_choose(const struct sph_run_facts *facts, struct sph_run_choice *ret_choice,
                   struct sph_err *err) {
    struct sph_run_choice choice = {.is_virtual = false};
    int r = facts->elf.machine == SPH_ELF_ARM ? choose_for_arm(facts, &choice, err)
                                              : choose_for_this(facts, &choice, err);
    if (r == 0)
        *ret_choice = choice;
    return r;
}
