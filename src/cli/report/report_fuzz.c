/* Any JSON that passes the check becomes a report without control characters, and a status of the
 * document's table. */
#include <stdint.h>
#include <string.h>

#include "cli/report/report.h"
#include "cli/run_app.h"
#include "cli/syntax/exit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct sph_json_value top;
    char note[160];
    if (sph_json_check((const char *)data, size, &top, NULL) < 0)
        return 0;
    sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT(1 << 20);
    sph_report_write(&top, &buf);
    for (size_t i = 0; i < buf.len; i++)
        if ((unsigned char)buf.data[i] < 32 && buf.data[i] != '\n')
            __builtin_trap(); /* a device must not steer a terminal */
    int status = sph_run_status(&top, note, sizeof(note));
    if (status < 0 || (status > SPH_RUN_APP_MAX && status < SPH_RUN_RATION) ||
        status > SPH_RUN_FAILED)
        __builtin_trap();
    return 0;
}
