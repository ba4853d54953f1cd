/* Where the region lies, and whether it does. */
#include <sys/auxv.h>

#include "libmalloc/back.h"
#include "libmalloc/glibc.h"

struct sph_ledger *sph_glibc_region(void) {
    uintptr_t base = getauxval(AT_BASE);
    struct sph_ledger *ledger = (struct sph_ledger *)(base + SPH_LEDGER_REGION_DISTANCE);
    if (base == 0 || !sph_back_is_readable(NULL, (uintptr_t)ledger) || !sph_ledger_is_on(ledger) ||
        ledger->config.base != base)
        return NULL;
    return ledger;
}
