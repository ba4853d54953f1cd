/* The device restarts what ends, so "has ended" is seen in its count of restarts, which a start by
 * hand and an installation begin anew, or in the wait for the next one. */
#include "cli/early_end.h"

#include <unistd.h>

#include "cli/app_list.h"
#include "cli/cli.h"

/* A loader that misses a library ends within 3 ms natively and 30 ms on a virtual device. */
enum { MOMENT_MS = 200 };

void sph_early_end_warn(struct sph_target *target, const char *const *ids, unsigned count) {
    struct sph_app_list list;
    if (count == 0)
        return;
    (void)usleep(MOMENT_MS * 1000);
    if (sph_app_list_read(target, &list, NULL) < 0)
        return;
    for (unsigned i = 0; i < count; i++) {
        sph_autobuf struct sph_buf end = SPH_BUF_NULL;
        const struct sph_app_row *row = sph_app_list_find(&list, ids[i]);
        if (!row || (row->restarts == 0 && row->next_start_ms == 0) || row->last_report == 0)
            continue;
        sph_app_row_write_end(row, &end);
        sph_say_warn("application %s ended right after its start: %s; 'device app show-kills "
                     "%llu' has the story",
                     row->id, end.data ? end.data : "", (unsigned long long)row->last_report);
    }
}
