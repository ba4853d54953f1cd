/* ledger_reals: where the ledger's first page has the address of which real function (musl).
 *
 * The agent fills them in, libmalloc calls them: both know them by this order alone. */
#ifndef SPH_WIRE_LEDGER_REALS_H
#define SPH_WIRE_LEDGER_REALS_H

#include "wire/ledger.h"

enum sph_ledger_real {
#define SPH_HOOK(name) SPH_REAL_##name,
#define SPH_BEHALF(name) SPH_REAL_##name,
#include "wire/ledger_reals.def"
#undef SPH_HOOK
#undef SPH_BEHALF
    SPH_REAL_COUNT
};

_Static_assert((int)SPH_REAL_COUNT <= (int)SPH_LEDGER_REALS,
               "the ledger's first page has room for them");

#endif
