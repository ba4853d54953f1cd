/* Bytes as code before a call, as a linkage table, and as the notes of an object. */
#include <stdint.h>
#include <string.h>

#include "libmalloc/callsite.h"
#include "libmalloc/object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(const uint8_t *data, size_t size) {
    static struct sph_call (*const decoders[])(const uint8_t *, size_t, uint64_t) = {
        sph_call_x86_64, sph_call_arm, sph_stub_x86_64, sph_stub_arm};
    for (size_t i = 0; i < sizeof(decoders) / sizeof(decoders[0]); i++)
        for (uint64_t bit = 0; bit < 2; bit++)
            if (decoders[i](data, size, 0x1000 | bit).kind == SPH_CALL_UNKNOWN &&
                decoders[i](data, size, 0x1000 | bit).address != 0)
                __builtin_trap();
}

static void read_notes(const uint8_t *data, size_t size) {
    static _Alignas(4096) uint8_t image[4096];
    uint8_t id[20];
    if (size > sizeof(image))
        size = sizeof(image);
    memcpy(image, data, size);
    const ElfW(Phdr) headers[] = {
        {.p_type = PT_LOAD, .p_flags = PF_R, .p_memsz = size},
        {.p_type = PT_NOTE, .p_memsz = size},
    };
    struct sph_object object = {
        .bias = (uintptr_t)image, .headers = headers, .n_headers = 2, .kind = SPH_OBJECT_LIBRARY};
    if (sph_object_build_id(&object, id, sizeof(id)) > sizeof(id))
        __builtin_trap();
    if (sph_object_parse((uintptr_t)image, &object)) {
        uintptr_t lo, hi;
        (void)sph_object_bounds(&object, &lo, &hi);
        (void)sph_object_holds(&object, (uintptr_t)image, 1, PF_R);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    decode(data, size);
    read_notes(data, size);
    return 0;
}
