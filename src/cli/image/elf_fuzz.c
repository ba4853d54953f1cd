/* Any file is inspected or refused with a sentence; the copy in memory has the file's exact size,
 * so that a byte read too far is seen. */
#include <stdint.h>

#include "cli/image/elf_info.h"
#include "cli/image/elf_sizes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct sph_err err = SPH_ERR_NULL;
    struct sph_elf elf;
    int r = sph_elf_inspect(data, size, &elf, &err);
    if (r < 0 && err.text[0] == '\0')
        __builtin_trap(); /* every refusal has its reason */
    struct sph_elf_sizes sizes;
    if (sph_elf_sizes_read(data, size, &sizes) < 0)
        return 0;
    uint64_t sum = sizes.other_bytes;
    for (unsigned i = 0; i < sizes.n_sections; i++)
        sum += sizes.sections[i].bytes;
    if (sum != size)
        __builtin_trap();
    sph_elf_sizes_done(&sizes);
    return 0;
}
