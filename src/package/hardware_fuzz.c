/* Any text as a hardware definition, which also stands for every file that it imports. */
#include <stdlib.h>
#include <string.h>

#include "package/hardware.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *data;
    size_t size;
};

static int read_input(void *context, const char *path, struct sph_buf *ret_text,
                      struct sph_err *err) {
    const struct input *input = context;
    (void)path;
    (void)err;
    sph_buf_append(ret_text, input->data, input->size);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"LED", "BUTTON", "A", ""};
    static const char *const types[] = {"Gpio", "Uart"};
    struct input input = {data, size};
    SPH_CLEANUP(sph_hardware_freep) struct sph_hardware *hardware = NULL;
    struct sph_err err = SPH_ERR_NULL;
    if (sph_hardware_load("target", read_input, &input, &hardware, &err) < 0) {
        if (err.text[0] == '\0')
            abort();
        return 0;
    }
    for (size_t i = 0; i < SPH_ARRAY_SIZE(names) * SPH_ARRAY_SIZE(types); i++) {
        struct sph_json_value value;
        struct sph_err why = SPH_ERR_NULL;
        if (sph_hardware_resolve(hardware, names[i / 2], types[i % 2], &value, &why) < 0 &&
            why.text[0] == '\0')
            abort();
    }
    return 0;
}
