/* Any JSON that passes the check is an answer to every call of the table of commands: rows are
 * whole, and no cell can steer a terminal. */
#include <stdint.h>
#include <string.h>

#include "cli/call.h"
#include "cli/device_capability.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_call(const struct sph_call *call, bool has_id, const struct sph_json_value *top) {
    sph_autotable struct sph_table table;
    sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT(1 << 20);
    sph_table_init(&table, call->columns);
    if (!sph_call_fill(call, has_id, top, &table) && table.n_cells > 0)
        __builtin_trap();
    if (!table.error && table.n_cells % table.n_columns != 0)
        __builtin_trap(); /* the columns would be shifted */
    sph_table_draw(&table, call->style, &buf);
    for (size_t i = 0; i < buf.len; i++)
        if ((unsigned char)buf.data[i] < 32 && buf.data[i] != '\n')
            __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct sph_json_value top;
    struct sph_device_capabilities set;
    if (sph_json_check((const char *)data, size, &top, NULL) < 0)
        return 0;
    if (sph_device_capabilities_parse((const char *)data, size, &set, NULL) == 0 &&
        set.count > SPH_DEVICE_CAPABILITIES_MAX)
        __builtin_trap();
    for (unsigned i = 0; sph_commands[i]; i++) {
        const struct sph_call *call = sph_commands[i]->call;
        if (!call || !call->columns)
            continue;
        check_call(call, false, &top);
        check_call(call, true, &top);
    }
    return 0;
}
