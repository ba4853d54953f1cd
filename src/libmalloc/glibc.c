/* libmalloc.so.0 for programs of glibc: hooks before the functions that allocate.
 *
 * It is preloaded, so it must cost the program next to nothing: all that it writes, relocations
 * included, is one page (FIRST begins it; a test looks), which moves into the region as soon as
 * there is one; it has no thread-local storage, and it calls dlsym() only for functions that are
 * there (one that is not makes an error message, from the app's heap). */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "libmalloc/glibc.h"
#include "libmalloc/system.h"

#define SPH_API __attribute__((visibility("default")))
#define CALLER ((uintptr_t)__builtin_return_address(0))

struct reals {
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void (*free)(void *);
    void *(*memalign)(size_t, size_t);
    void *(*aligned_alloc)(size_t, size_t);
    int (*posix_memalign)(void **, size_t, size_t);
    void *(*valloc)(size_t);
    void *(*pvalloc)(size_t);
    size_t (*malloc_usable_size)(void *);
    int (*dlclose)(void *);
};

enum { BOOT_NOT, BOOT_RUNS, BOOT_DONE };

/* The linker puts it before all else that is written: from here on it is one page. */
__attribute__((section(".data.rel.ro"), aligned(4096), used, retain)) static void *first = &first;
static void *boot_malloc(size_t bytes);
static SPH_ON_THE_PAGE struct reals real = {.malloc = boot_malloc};
SPH_ON_THE_PAGE struct sph_ledger *sph_the_ledger;
static SPH_ON_THE_PAGE uint32_t boot_state;
static SPH_ON_THE_PAGE uint32_t pool_used;
/* For calls that come while the real functions are looked up. All of .bss, so pages of their own,
 * which nobody touches else. */
enum { POOL_BYTES = 8192 };
__attribute__((aligned(4096))) static char pool[POOL_BYTES];

static void *look_up(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL)
        __builtin_trap(); /* a glibc without malloc */
    return found;
}

/* The page becomes one of the region's file: the app's memory is what it is without it. A mapping
 * that is shared and is moved with an old size of 0 stays where it is, and is there twice. Where it
 * fails, the page stays the app's. */
static void give_page_away(struct sph_ledger *ledger) {
    enum { READ = 1, WRITE = 2, MAYMOVE = 1, FIXED = 2 };
    long page = (long)&first, at = (long)ledger->library_page, bytes = SPH_LEDGER_PAGE_BYTES;
    if (sph_system_call(SPH_SYS_MPROTECT, at, bytes, READ | WRITE, 0, 0) != 0)
        return;
    memcpy(ledger->library_page, (const void *)page, SPH_LEDGER_PAGE_BYTES);
    (void)sph_system_call(SPH_SYS_MREMAP, at, 0, bytes, MAYMOVE | FIXED, page);
    (void)sph_system_call(SPH_SYS_MPROTECT, at, bytes, READ, 0, 0);
}

SPH_SLOW bool sph_glibc_boot(void);
/* At the first call, or as the library's DT_INIT: a program may never allocate, and its page is
 * given away all the same. (A constructor would be noted on a page more.) False: it runs right now,
 * and this call is of its own making. */
bool sph_glibc_boot(void) {
    uint32_t state = BOOT_NOT;
    if (!__atomic_compare_exchange_n(&boot_state, &state, BOOT_RUNS, false, __ATOMIC_ACQUIRE,
                                     __ATOMIC_ACQUIRE))
        return state == BOOT_DONE;
    int saved = errno;
    real.calloc = (void *(*)(size_t, size_t))look_up("calloc");
    real.realloc = (void *(*)(void *, size_t))look_up("realloc");
    real.free = (void (*)(void *))look_up("free");
    real.malloc = (void *(*)(size_t))look_up("malloc");
    errno = saved;
    /* Last: where there is a ledger, all else is known, and no new block is of the pool. */
    __atomic_store_n(&sph_the_ledger, sph_glibc_region(), __ATOMIC_RELEASE);
    __atomic_store_n(&boot_state, BOOT_DONE, __ATOMIC_RELEASE);
    if (sph_the_ledger != NULL)
        give_page_away(sph_the_ledger);
    return true;
}

struct sph_ledger *sph_glibc_ledger(void) {
    if (SPH_UNLIKELY(boot_state != BOOT_DONE) && !sph_glibc_boot())
        return NULL;
    return sph_the_ledger;
}

static bool is_in_pool(const void *block) {
    return (uintptr_t)block - (uintptr_t)pool < POOL_BYTES;
}

/* Each block follows its size. Zeroed, as nothing here is used twice. */
SPH_SLOW void *sph_pool_take(size_t alignment, size_t bytes);
void *sph_pool_take(size_t alignment, size_t bytes) {
    if (alignment < 16)
        alignment = 16;
    if (bytes > POOL_BYTES || alignment > POOL_BYTES)
        return NULL;
    uint32_t used = __atomic_load_n(&pool_used, __ATOMIC_RELAXED);
    size_t at, end;
    do {
        at = (used + 16 + alignment - 1) & ~(alignment - 1);
        end = at + bytes;
        if (end > POOL_BYTES)
            return NULL;
    } while (!__atomic_compare_exchange_n(&pool_used, &used, (uint32_t)end, true, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    memcpy(pool + at - sizeof(bytes), &bytes, sizeof(bytes));
    return pool + at;
}

/* The real malloc, until it is known: so the common path need not ask whether it is. */
static void *boot_malloc(size_t bytes) {
    return sph_glibc_boot() ? real.malloc(bytes) : sph_pool_take(0, bytes);
}

static size_t pool_size(const void *block) {
    size_t bytes;
    memcpy(&bytes, (const char *)block - sizeof(bytes), sizeof(bytes));
    return bytes;
}

static inline bool is_ready(void) {
    return SPH_LIKELY(boot_state == BOOT_DONE) || sph_glibc_boot();
}

static inline void *note(void *block, size_t bytes, uintptr_t caller) {
    struct sph_ledger *ledger = sph_the_ledger;
    if (SPH_LIKELY(ledger != NULL))
        return sph_note_alloc(ledger, block, bytes, caller, 0);
    return block;
}

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): glibc's are __size and so on */
SPH_API void *malloc(size_t bytes) {
    void *block = real.malloc(bytes);
    return note(block, bytes, CALLER);
}

SPH_API void *calloc(size_t count, size_t bytes) {
    if (SPH_UNLIKELY(!is_ready())) {
        size_t whole;
        return __builtin_mul_overflow(count, bytes, &whole) ? NULL : sph_pool_take(0, whole);
    }
    return note(real.calloc(count, bytes), count * bytes, CALLER);
}

/* What the ledger does not know may be of the pool, and stays there. */
SPH_SLOW void sph_free_slow(void *block);
void sph_free_slow(void *block) {
    if (block == NULL || is_in_pool(block) || !is_ready())
        return;
    if (sph_the_ledger != NULL && !sph_note_free_slow(sph_the_ledger, block))
        sph_note_unknown(sph_the_ledger);
    real.free(block);
}

SPH_API void free(void *block) {
    struct sph_ledger *ledger = sph_the_ledger;
    if (SPH_LIKELY(ledger != NULL) &&
        SPH_LIKELY(sph_try_free(ledger, (uintptr_t)block, false, false)))
        real.free(block);
    else
        sph_free_slow(block); /* both are jumps: nothing is kept on the stack meanwhile */
}

/* A block of the pool stays there; what it holds moves to a real one. */
SPH_SLOW void *sph_pool_move(void *block, size_t bytes, uintptr_t caller);
void *sph_pool_move(void *block, size_t bytes, uintptr_t caller) {
    void *moved = is_ready() ? note(real.malloc(bytes), bytes, caller) : sph_pool_take(0, bytes);
    size_t old = block == NULL ? 0 : pool_size(block);
    if (moved != NULL && block != NULL)
        memcpy(moved, block, old < bytes ? old : bytes);
    return moved;
}

static inline void *reallocate(void *block, size_t bytes, uintptr_t caller) {
    if (SPH_UNLIKELY(is_in_pool(block)) || SPH_UNLIKELY(!is_ready()))
        return sph_pool_move(block, bytes, caller);
    struct sph_ledger *ledger = sph_the_ledger;
    if (SPH_UNLIKELY(ledger == NULL))
        return real.realloc(block, bytes);
    uint64_t taken = sph_note_realloc(ledger, block);
    void *moved = real.realloc(block, bytes);
    if (SPH_LIKELY(moved != NULL))
        sph_note_realloc_end(ledger, taken, moved, bytes, caller, 0);
    else if (bytes == 0 && block != NULL) /* glibc takes it for free() */
        sph_note_realloc_freed(ledger, taken);
    else
        sph_note_realloc_failed(ledger, taken, block);
    return moved;
}

SPH_API void *realloc(void *block, size_t bytes) {
    return reallocate(block, bytes, CALLER);
}

SPH_API void *reallocarray(void *block, size_t count, size_t bytes) {
    size_t whole;
    if (__builtin_mul_overflow(count, bytes, &whole)) {
        errno = ENOMEM;
        return NULL;
    }
    return reallocate(block, whole, CALLER);
}

/* The others are rare: each is looked up when a program first calls it. */
#define NEED(name)                                                                                 \
    if (SPH_UNLIKELY(real.name == NULL))                                                           \
    real.name = (__typeof__(real.name))look_up(#name)

SPH_API void *memalign(size_t alignment, size_t bytes) {
    if (SPH_UNLIKELY(!is_ready()))
        return sph_pool_take(alignment, bytes);
    NEED(memalign);
    return note(real.memalign(alignment, bytes), bytes, CALLER);
}

SPH_API void *aligned_alloc(size_t alignment, size_t bytes) {
    if (SPH_UNLIKELY(!is_ready()))
        return sph_pool_take(alignment, bytes);
    NEED(aligned_alloc);
    return note(real.aligned_alloc(alignment, bytes), bytes, CALLER);
}

SPH_API int posix_memalign(void **ret_block, size_t alignment, size_t bytes) {
    if (SPH_UNLIKELY(!is_ready())) {
        *ret_block = sph_pool_take(alignment, bytes);
        return *ret_block == NULL ? ENOMEM : 0;
    }
    NEED(posix_memalign);
    int code = real.posix_memalign(ret_block, alignment, bytes);
    if (code == 0)
        (void)note(*ret_block, bytes, CALLER);
    return code;
}

SPH_API void *valloc(size_t bytes) {
    if (SPH_UNLIKELY(!is_ready()))
        return sph_pool_take(4096, bytes);
    NEED(valloc);
    return note(real.valloc(bytes), bytes, CALLER);
}

SPH_API void *pvalloc(size_t bytes) {
    if (SPH_UNLIKELY(!is_ready()))
        return sph_pool_take(4096, bytes);
    NEED(pvalloc);
    return note(real.pvalloc(bytes), bytes, CALLER);
}

SPH_API size_t malloc_usable_size(void *block) {
    if (block == NULL || SPH_UNLIKELY(!is_ready()))
        return 0;
    NEED(malloc_usable_size);
    return is_in_pool(block) ? pool_size(block) : real.malloc_usable_size(block);
}

/* Of older and newer C libraries than ours. */
SPH_API void cfree(void *block);
SPH_API void free_sized(void *block, size_t bytes);
SPH_API void free_aligned_sized(void *block, size_t alignment, size_t bytes);

void cfree(void *block) {
    free(block);
}

void free_sized(void *block, size_t bytes) {
    (void)bytes;
    free(block);
}

void free_aligned_sized(void *block, size_t alignment, size_t bytes) {
    (void)alignment;
    (void)bytes;
    free(block);
}

SPH_API int dlclose(void *handle) {
    struct sph_ledger *ledger = sph_glibc_ledger();
    NEED(dlclose);
    int code = real.dlclose(handle);
    if (ledger != NULL)
        sph_note_unload(ledger);
    return code;
}
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
