/* Any bytes as an app's entry point: a good answer with a name that ends, or a sentence. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/process/program.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct sph_program program;
    struct sph_err err = SPH_ERR_NULL;
    int rc = sph_program_parse(data, size, &program, &err);
    if (rc == 0 ? memchr(program.interpreter, '\0', sizeof(program.interpreter)) == NULL
                : err.text[0] == '\0')
        abort();
    return 0;
}
