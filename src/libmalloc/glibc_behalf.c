/* The C half of glibc_trampolines.S: which function it was, and where the real one is. */
#include <dlfcn.h>
#include <errno.h>

#include "libmalloc/glibc.h"

/* One block of text and offsets: a table of pointers would be relocated, in the app's memory. */
static const struct {
#define SPH_BEHALF(name) char name##_text[sizeof(#name)];
#include "libmalloc/glibc_behalf.def"
#undef SPH_BEHALF
} names = {
#define SPH_BEHALF(name) #name,
#include "libmalloc/glibc_behalf.def"
#undef SPH_BEHALF
};
static const uint16_t offsets[] = {
#define SPH_BEHALF(name) offsetof(__typeof__(names), name##_text),
#include "libmalloc/glibc_behalf.def"
#undef SPH_BEHALF
};

static SPH_ON_THE_PAGE void *reals[SPH_BEHALF_COUNT];
static SPH_ON_THE_PAGE uintptr_t first_new, last_new; /* of the forms of `new` among them */
enum { NEW_BYTES = 256 };                             /* the longest of them is shorter */

/* Both are called by glibc_trampolines.S. */
SPH_HIDDEN void *sph_glibc_behalf(uintptr_t sp, uintptr_t caller, uint32_t index);
SPH_HIDDEN void *sph_glibc_resolve(uint32_t index);

/* Whether one form of `new` calls another: the first is asked for somebody, the second for it. */
static bool is_in_new(uintptr_t caller) {
    if (SPH_LIKELY(caller - first_new >= last_new - first_new + NEW_BYTES))
        return false;
    for (unsigned n = SPH_BEHALF__Znwm; n < SPH_BEHALF_COUNT; n++)
        if (caller - (uintptr_t)reals[n] < NEW_BYTES)
            return true;
    return false;
}

/* The real function; NULL: sph_glibc_resolve() is to be called. */
void *sph_glibc_behalf(uintptr_t sp, uintptr_t caller, uint32_t index) {
    struct sph_ledger *ledger = sph_the_ledger;
    if (SPH_UNLIKELY(ledger == NULL))
        ledger = sph_glibc_ledger();
    if (SPH_LIKELY(ledger != NULL) && (index < SPH_BEHALF__Znwm || !is_in_new(caller)))
        sph_note_behalf(ledger, sp, caller, 0); /* tables lead through glibc */
    return reals[index];
}

void *sph_glibc_resolve(uint32_t index) {
    int saved = errno;
    void *real = dlsym(RTLD_NEXT, (const char *)&names + offsets[index]);
    errno = saved;
    if (real == NULL)
        __builtin_trap(); /* whoever calls it saw our symbol alone: nothing can be right */
    reals[index] = real;
    if (index >= SPH_BEHALF__Znwm) {
        if (first_new == 0 || (uintptr_t)real < first_new)
            first_new = (uintptr_t)real;
        if ((uintptr_t)real > last_new)
            last_new = (uintptr_t)real;
    }
    return real;
}
