/* crc32: the check sum of zlib and Ethernet, over bytes that may come in pieces. */
#ifndef SPH_BASE_CRC32_H
#define SPH_BASE_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* Start with crc = 0; go on with the last result. */
uint32_t sph_crc32(uint32_t crc, const void *data, size_t len);

#endif
