/* Instead of glibc_region.c in the tests' library: it takes the region from a descriptor, since a
 * test cannot map anything into a process before its first instruction. */
#include <sys/auxv.h>
#include <sys/mman.h>

#include "libmalloc/glibc.h"
#include "libmalloc/truth.h"

struct sph_ledger *sph_glibc_region(void) {
    char *at = (char *)getauxval(AT_BASE) + SPH_LEDGER_REGION_DISTANCE;
    struct sph_ledger *ledger = (struct sph_ledger *)at;
    if (mmap(at, sizeof(*ledger), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE,
             TRUTH_REGION_FD, 0) != at)
        return NULL;
    ledger->config.base = getauxval(AT_BASE);
    if (mprotect(at, SPH_LEDGER_FIXED_BYTES, PROT_READ) != 0 || !sph_ledger_is_on(ledger))
        return NULL;
    return ledger;
}
