#include "libmalloc/callsite.h"

static uint64_t relative(const uint8_t *field, uint64_t next) {
    uint32_t value =
        field[0] | (uint32_t)field[1] << 8 | (uint32_t)field[2] << 16 | (uint32_t)field[3] << 24;
    return next + (uint64_t)(int64_t)(int32_t)value;
}

struct sph_call sph_call_x86_64(const uint8_t *code, size_t len, uint64_t caller) {
    const uint8_t *end = code + len;
    if (len >= 5 && end[-5] == 0xe8) /* call rel32 */
        return (struct sph_call){SPH_CALL_DIRECT, relative(end - 4, caller)};
    if (len >= 6 && end[-6] == 0xff && end[-5] == 0x15) /* call *rel32(%rip): -fno-plt */
        return (struct sph_call){SPH_CALL_SLOT, relative(end - 4, caller)};
    return (struct sph_call){SPH_CALL_UNKNOWN, 0};
}

struct sph_call sph_stub_x86_64(const uint8_t *code, size_t len, uint64_t address) {
    static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
    size_t at = 0;
    while (at < sizeof(endbr64) && at < len && code[at] == endbr64[at])
        at++;
    if (at != sizeof(endbr64))
        at = 0;
    if (at < len && code[at] == 0xf2) /* bnd */
        at++;
    if (len < at + 6 || code[at] != 0xff || code[at + 1] != 0x25) /* jmp *rel32(%rip) */
        return (struct sph_call){SPH_CALL_UNKNOWN, 0};
    return (struct sph_call){SPH_CALL_SLOT, relative(code + at + 2, address + at + 6)};
}
