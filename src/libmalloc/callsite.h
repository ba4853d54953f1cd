/* callsite: what the code before a return address called.
 *
 * A function that ends in a call of malloc jumps there, and malloc sees the return address of the
 * function's own caller, maybe in another object. So the call there is decoded, once for each site.
 *
 * Pure: over bytes, for each processor that a device may have, so that a host tests them all. */
#ifndef SPH_LIBMALLOC_CALLSITE_H
#define SPH_LIBMALLOC_CALLSITE_H

#include <stddef.h>
#include <stdint.h>

enum sph_call_kind {
    SPH_CALL_UNKNOWN = 0, /* through a register, or nothing that we know */
    SPH_CALL_DIRECT,      /* to `address`; with the thumb bit where the callee is Thumb code */
    SPH_CALL_SLOT,        /* to what stands at `address` */
};

struct sph_call {
    enum sph_call_kind kind;
    uint64_t address;
};

enum { SPH_CALL_BYTES = 8, SPH_STUB_BYTES = 24 }; /* as many as may be looked at */

/* `code`: the `len` bytes right before `caller`, a return address (on ARM with the thumb bit). */
struct sph_call sph_call_x86_64(const uint8_t *code, size_t len, uint64_t caller);
struct sph_call sph_call_arm(const uint8_t *code, size_t len, uint64_t caller);
/* `code`: the `len` bytes at `address`, where a call leads. A SLOT: it is an entry of a procedure
 * linkage table, which jumps to what stands there; else UNKNOWN. */
struct sph_call sph_stub_x86_64(const uint8_t *code, size_t len, uint64_t address);
struct sph_call sph_stub_arm(const uint8_t *code, size_t len, uint64_t address);

#endif
