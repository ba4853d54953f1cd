/* host_meter: whether applications can be metered on this machine itself. */
#ifndef SPH_CLI_DEVICE_HOST_METER_H
#define SPH_CLI_DEVICE_HOST_METER_H

#include <stdbool.h>

enum sph_host_meter {
    SPH_HOST_METERS,
    SPH_HOST_OLD_KERNEL, /* its counters are not exact */
    SPH_HOST_NO_RIGHTS,  /* neither root, with a root's rights, nor a sudo that asks no password */
};

/* What the answer rests on. */
struct sph_host_facts {
    bool is_root;     /* with CAP_SYS_ADMIN, which root in a container often lacks */
    bool has_sudo;    /* 'sudo -n' works */
    char release[65]; /* of the kernel */
};

/* Pure. Linux 6.2 is the first whose counters are exact; a text that is no release is old. */
bool sph_host_kernel_is_exact(const char *release);
enum sph_host_meter sph_host_meter_decide(const struct sph_host_facts *facts);
/* Why not, for the inside of a sentence; "" for SPH_HOST_METERS. */
const char *sph_host_meter_reason(enum sph_host_meter meter);

/* Asks this machine; sudo only when there is need of it. Never fails: what cannot be found out
 * counts as absent. An agent that is started there may still find that it cannot meter. */
void sph_host_facts_read(struct sph_host_facts *ret_facts);

#endif
