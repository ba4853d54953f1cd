/* The device restarts what ends, so "has ended" is seen in its count of restarts, which a start by
 * hand and an installation begin anew, or in the wait for the next one. */
#include "cli/early_end.h"

#include <unistd.h>

#include "cli/app_list.h"
#include "cli/frame/cli.h"

/* A loader that misses a library ends within 3 ms natively; on a virtual device whose host is busy
 * it was seen to take a quarter of a second. */
enum { MOMENT_MS = 400, STEP_MS = 100 };

static bool has_ended(const struct sph_app_row *row) {
    return row && (row->restarts > 0 || row->next_start_ms > 0) && row->last_report > 0;
}

static bool have_all_ended(const struct sph_app_list *list, const char *const *ids,
                           unsigned count) {
    unsigned ended = 0;
    for (unsigned i = 0; i < count; i++)
        ended += has_ended(sph_app_list_find(list, ids[i]));
    return ended == count;
}

void sph_early_end_warn(struct sph_target *target, const char *const *ids, unsigned count) {
    struct sph_app_list list;
    if (count == 0)
        return;
    for (unsigned waited = 0; waited < MOMENT_MS; waited += STEP_MS) {
        (void)usleep(STEP_MS * 1000);
        if (sph_app_list_read(target, &list, NULL) < 0)
            return;
        if (have_all_ended(&list, ids, count))
            break;
    }
    for (unsigned i = 0; i < count; i++) {
        sph_autobuf struct sph_buf end = SPH_BUF_NULL;
        const struct sph_app_row *row = sph_app_list_find(&list, ids[i]);
        if (!has_ended(row))
            continue;
        sph_app_row_write_end(row, &end);
        sph_say_warn("application %s ended right after its start: %s; 'device app show-kills "
                     "%llu' has the story",
                     row->id, end.data ? end.data : "", (unsigned long long)row->last_report);
    }
}
