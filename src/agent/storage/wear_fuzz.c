/* Any bytes as the record file of an app's wear: refused, or figures that can be written and read
 * again. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/storage/wear.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct sph_wear wear, again;
    struct sph_err err = SPH_ERR_NULL;
    uint64_t number, number_again;
    uint8_t file[SPH_WEAR_SLOT + SPH_WEAR_RECORD] = {0};
    if (sph_wear_parse(data, size, &wear, &number, &err) < 0) {
        if (err.text[0] == '\0')
            abort();
        return 0;
    }
    if (wear.idle_writes > wear.writes)
        abort();
    sph_wear_format(&wear, number, file + sph_wear_place(number));
    if (sph_wear_parse(file, sizeof(file), &again, &number_again, NULL) < 0 ||
        number != number_again || memcmp(&wear, &again, sizeof(wear)) != 0)
        abort();
    return 0;
}
