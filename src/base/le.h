/* le: little-endian integers at any address, as packages and frames store them.
 *
 * Composed from bytes: a cast would need alignment, and the machine's order to be the format's. gcc
 * and clang make one load of it where that is so. */
#ifndef SPH_BASE_LE_H
#define SPH_BASE_LE_H

#include <stdint.h>

static inline uint16_t sph_le16_get(const uint8_t *at) {
    return (uint16_t)(at[0] | at[1] << 8);
}
static inline uint32_t sph_le32_get(const uint8_t *at) {
    return (uint32_t)sph_le16_get(at) | (uint32_t)sph_le16_get(at + 2) << 16;
}
static inline uint64_t sph_le64_get(const uint8_t *at) {
    return (uint64_t)sph_le32_get(at) | (uint64_t)sph_le32_get(at + 4) << 32;
}
static inline void sph_le16_put(uint8_t *at, uint16_t value) {
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}
static inline void sph_le32_put(uint8_t *at, uint32_t value) {
    sph_le16_put(at, (uint16_t)value);
    sph_le16_put(at + 2, (uint16_t)(value >> 16));
}
static inline void sph_le64_put(uint8_t *at, uint64_t value) {
    sph_le32_put(at, (uint32_t)value);
    sph_le32_put(at + 4, (uint32_t)(value >> 32));
}

#endif
