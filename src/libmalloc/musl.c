/* libmalloc.so.0 for programs of musl: hooks before the functions that allocate.
 *
 * The program's loader, which is its C library, is shown to it in a copy whose symbols lead here
 * (docs/spec/ledger.md). The dynamic linker does not know this library: nothing relocates it, and
 * it has nothing that is written. A region that is switched off has its first page all the same,
 * with the addresses of the real functions: calls are passed on.
 *
 * musl's calloc, memalign and posix_memalign call functions that lead here too: those calls come
 * from within the C library and are told by the thread's busy_sp. */
#include "libmalloc/musl.h"
#include "libmalloc/unwind_here.h"

#define SPH_API __attribute__((visibility("default")))
#define CALLER ((uintptr_t)__builtin_return_address(0))
#define FRAME ((uintptr_t)__builtin_frame_address(0))
#define REAL(type, name) ((type)sph_musl_real(ledger, SPH_REAL_##name))

SPH_API void *malloc(size_t bytes);
SPH_API void *calloc(size_t count, size_t bytes);
SPH_API void *realloc(void *block, size_t bytes);
SPH_API void *reallocarray(void *block, size_t count, size_t bytes);
SPH_API void free(void *block);
SPH_API void *memalign(size_t alignment, size_t bytes);
SPH_API void *aligned_alloc(size_t alignment, size_t bytes);
SPH_API int posix_memalign(void **ret_block, size_t alignment, size_t bytes);
SPH_API void *valloc(size_t bytes);

static inline bool is_libc(const struct sph_ledger *ledger, uintptr_t caller) {
    return caller >= ledger->config.libc_lo && caller < ledger->config.libc_hi;
}

/* Only the C library calls its own functions: everyone else is spared the look at the thread. */
static inline bool passes_on(struct sph_ledger *ledger, uintptr_t caller, uintptr_t sp) {
    if (SPH_UNLIKELY(ledger->config.state != SPH_LEDGER_ON))
        return true;
    return SPH_UNLIKELY(is_libc(ledger, caller)) && sph_is_within(ledger, sp);
}

static inline void *note(struct sph_ledger *ledger, void *block, size_t bytes, uintptr_t caller,
                         uintptr_t sp) {
    if (SPH_LIKELY(block != NULL))
        sph_note_alloc(ledger, block, bytes, caller, sp);
    return block;
}

/* The compiler does not know where it points: so all of the ledger is so far from one register,
 * instead of each table so far from the code, which takes an instruction more. */
static inline struct sph_ledger *in_register(struct sph_ledger *ledger) {
    __asm__("" : "+r"(ledger));
    return ledger;
}

/* What malloc and free have in common for most calls asks only whether there is a ledger. Calls
 * from within calloc and its like need no look of their own: what the C library asks for is never
 * at hand as its own (SPH_LEDGER_RECENT_PASSES), and what it gives back then is in no ledger.
 *
 * The rare halves of malloc and free are jumped to, so that the common ones keep few registers: a
 * frame of theirs is where the hook's was. */
SPH_SLOW void *sph_musl_malloc_rest(void *block, size_t bytes, uintptr_t caller);
SPH_SLOW void sph_musl_free_rest(void *block, uintptr_t caller);

void *sph_musl_malloc_rest(void *block, size_t bytes, uintptr_t caller) {
    struct sph_ledger *ledger = sph_musl_ledger();
    if (block == NULL || passes_on(ledger, caller, FRAME))
        return block;
    return sph_note_alloc_slow(ledger, block, bytes, caller, FRAME);
}

void *malloc(size_t bytes) {
    struct sph_ledger *ledger = sph_musl_ledger();
    void *block = REAL(void *(*)(size_t), malloc)(bytes);
    ledger = in_register(ledger);
    if (SPH_LIKELY(ledger->config.state == SPH_LEDGER_ON) &&
        SPH_LIKELY(sph_try_alloc(ledger, (uintptr_t)block, bytes, CALLER, false, false)))
        return block;
    return sph_musl_malloc_rest(block, bytes, CALLER);
}

void sph_musl_free_rest(void *block, uintptr_t caller) {
    struct sph_ledger *ledger = sph_musl_ledger();
    if (block != NULL && !passes_on(ledger, caller, FRAME) && !sph_note_free_slow(ledger, block))
        sph_note_unknown(ledger);
    REAL(void (*)(void *), free)(block);
}

void free(void *block) {
    struct sph_ledger *ledger = in_register(sph_musl_ledger());
    if (SPH_LIKELY(ledger->config.state == SPH_LEDGER_ON) &&
        SPH_LIKELY(sph_try_free(ledger, (uintptr_t)block, false, false)))
        REAL(void (*)(void *), free)(block);
    else
        sph_musl_free_rest(block, CALLER);
}

void *calloc(size_t count, size_t bytes) {
    struct sph_ledger *ledger = sph_musl_ledger();
    void *(*real)(size_t, size_t) = REAL(void *(*)(size_t, size_t), calloc);
    if (passes_on(ledger, CALLER, FRAME))
        return real(count, bytes);
    sph_enter(ledger, FRAME);
    void *block = real(count, bytes);
    sph_leave(ledger);
    return note(ledger, block, count * bytes, CALLER, FRAME);
}

static inline void *reallocate(struct sph_ledger *ledger, void *block, size_t bytes,
                               uintptr_t caller, uintptr_t sp) {
    void *(*real)(void *, size_t) = REAL(void *(*)(void *, size_t), realloc);
    if (passes_on(ledger, caller, sp))
        return real(block, bytes);
    uint64_t taken = sph_note_realloc(ledger, block);
    void *moved = real(block, bytes);
    if (SPH_LIKELY(moved != NULL)) /* of no bytes too: musl's realloc never frees */
        sph_note_realloc_end(ledger, taken, moved, bytes, caller, sp);
    else
        sph_note_realloc_failed(ledger, taken, block);
    return moved;
}

void *realloc(void *block, size_t bytes) {
    return reallocate(sph_musl_ledger(), block, bytes, CALLER, FRAME);
}

void *reallocarray(void *block, size_t count, size_t bytes) {
    struct sph_ledger *ledger = sph_musl_ledger();
    size_t whole;
    if (__builtin_mul_overflow(count, bytes, &whole)) /* it fails, and sets errno */
        return REAL(void *(*)(void *, size_t, size_t), reallocarray)(block, count, bytes);
    return reallocate(ledger, block, whole, CALLER, FRAME);
}

static inline void *align(struct sph_ledger *ledger, void *(*real)(size_t, size_t),
                          size_t alignment, size_t bytes, uintptr_t caller, uintptr_t sp) {
    if (passes_on(ledger, caller, sp))
        return real(alignment, bytes);
    sph_enter(ledger, sp);
    void *block = real(alignment, bytes);
    sph_leave(ledger);
    return note(ledger, block, bytes, caller, sp);
}

void *memalign(size_t alignment, size_t bytes) {
    struct sph_ledger *ledger = sph_musl_ledger();
    return align(ledger, REAL(void *(*)(size_t, size_t), memalign), alignment, bytes, CALLER,
                 FRAME);
}

void *aligned_alloc(size_t alignment, size_t bytes) {
    struct sph_ledger *ledger = sph_musl_ledger();
    return align(ledger, REAL(void *(*)(size_t, size_t), aligned_alloc), alignment, bytes, CALLER,
                 FRAME);
}

int posix_memalign(void **ret_block, size_t alignment, size_t bytes) {
    struct sph_ledger *ledger = sph_musl_ledger();
    int (*real)(void **, size_t, size_t) = REAL(int (*)(void **, size_t, size_t), posix_memalign);
    if (passes_on(ledger, CALLER, FRAME))
        return real(ret_block, alignment, bytes);
    sph_enter(ledger, FRAME);
    int code = real(ret_block, alignment, bytes);
    sph_leave(ledger);
    if (code == 0)
        (void)note(ledger, *ret_block, bytes, CALLER, FRAME);
    return code;
}

void *valloc(size_t bytes) {
    struct sph_ledger *ledger = sph_musl_ledger();
    void *(*real)(size_t) = REAL(void *(*)(size_t), valloc);
    if (passes_on(ledger, CALLER, FRAME))
        return real(bytes);
    sph_enter(ledger, FRAME);
    void *block = real(bytes);
    sph_leave(ledger);
    return note(ledger, block, bytes, CALLER, FRAME);
}

uintptr_t sph_musl_behalf(uintptr_t sp, uintptr_t caller, unsigned index) {
    struct sph_ledger *ledger = sph_musl_ledger();
    if (ledger->config.state == SPH_LEDGER_ON)
        sph_note_behalf(ledger, sp, caller, sph_unwind_kept(FRAME));
    return sph_musl_real(ledger, index);
}
