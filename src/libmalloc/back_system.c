/* The half of back.h that the kernel answers, of both C libraries. */
#include "libmalloc/back.h"
#include "libmalloc/system.h"

bool sph_back_is_readable(const struct sph_ledger *ledger, uintptr_t address) {
    enum { NO_SUCH_HOW = 9999, SET_BYTES = 8, BAD_ARGUMENT = -22 };
    (void)ledger;
    return sph_system_call(SPH_SYS_RT_SIGPROCMASK, NO_SUCH_HOW, (long)(address & ~(uintptr_t)7), 0,
                           SET_BYTES, 0) == BAD_ARGUMENT;
}

void sph_back_yield(const struct sph_ledger *ledger) {
    (void)ledger;
    (void)sph_system_call(SPH_SYS_SCHED_YIELD, 0, 0, 0, 0, 0);
}

void sph_back_rest(const struct sph_ledger *ledger) {
    const struct { long s, ns; } time = {0, 50000};
    (void)ledger;
    (void)sph_system_call(SPH_SYS_NANOSLEEP, (long)(uintptr_t)&time, 0, 0, 0, 0);
}
