/* Live is what was asked for, resident what of it stands in pages: an allocator takes a page when
 * it is first written, so 25 blocks of 20,000 bytes fit in 256 KiB as long as nobody writes them.
 * Both stand side by side wherever there is one, and a line says it when they are far apart. */
#include "cli/report/heap_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/text.h"
#include "cli/text/table.h"

enum {
    PLACE_WIDTH = 44, /* what 80 columns leave beside four figures of seven digits */
    SENTENCE_WIDTH = 160,
    REPORT_SITES = 10,
    FAR_APART_BYTES = 8192, /* below it, a single page more or less makes the difference */
};

/* Characters and not bytes are cut; a width is one of columns, near enough for paths. */
void sph_heap_shorten(const char *text, size_t width, char *ret_text, size_t size) {
    size_t len = strlen(text);
    if (len <= width || width < 4) {
        (void)snprintf(ret_text, size, "%s", text);
        return;
    }
    size_t head = (width - 1) / 3, tail = width - 1 - head;
    while (head > 0 && (text[head] & 0xc0) == 0x80)
        head--;
    const char *end = text + len - tail;
    while ((*end & 0xc0) == 0x80)
        end++;
    (void)snprintf(ret_text, size, "%.*s…%s", (int)head, text, end);
}

/* "name:line", with as much of the path before it as there is room. */
static void write_file(const struct sph_symbol *at, size_t width, struct sph_buf *buf) {
    char line[320];
    char text[320];
    (void)snprintf(line, sizeof(line), "%s:%u", at->file, at->line);
    sph_heap_shorten(line, width, text, sizeof(text));
    sph_buf_puts(buf, text);
}

/* The object's file. A program's own name is empty for its loader; its row is a title, no name. */
static const char *object_name(const struct sph_heap *heap, const struct sph_symbol *at) {
    const struct sph_heap_caller *caller = &heap->callers[at->object];
    if (*caller->path)
        return sph_text_file_name(caller->path);
    return at->object == 0 ? "app" : caller->name;
}

void sph_heap_write_place(const struct sph_heap *heap, const struct sph_symbol *at, size_t width,
                          struct sph_buf *buf) {
    char whole[208];
    char function[208];
    if (at->address == 0 && !*at->function) {
        sph_buf_puts(buf, "(places that were not kept)");
        return;
    }
    if (!*at->function && at->line > 0) {
        write_file(at, width, buf);
        return;
    }
    if (!*at->function) {
        sph_heap_shorten(object_name(heap, at), width - 19, function, sizeof(function));
        sph_buf_printf(buf, "%s+0x%" PRIx64, function, at->address);
        return;
    }
    if (*at->inlined_into)
        (void)snprintf(whole, sizeof(whole), "%s (in %s)", at->function, at->inlined_into);
    else if (at->line == 0)
        (void)snprintf(whole, sizeof(whole), "%s+0x%" PRIx64, at->function, at->offset);
    else
        (void)snprintf(whole, sizeof(whole), "%s", at->function);
    sph_heap_shorten(whole, width * 3 / 5, function, sizeof(function));
    sph_buf_printf(buf, "%s ", function);
    size_t rest = width - 1 - (strlen(function) < width - 9 ? strlen(function) : width - 9);
    if (at->line > 0) {
        write_file(at, rest, buf);
        return;
    }
    sph_heap_shorten(object_name(heap, at), rest, function, sizeof(function));
    sph_buf_puts(buf, function);
}

/* Per second, to one place; "-" where nothing can be said. */
static void add_rate(struct sph_table *table, uint64_t now, uint64_t before, uint64_t ms) {
    char text[40];
    if (ms == 0 || now < before) {
        sph_table_add(table, "-");
        return;
    }
    (void)snprintf(text, sizeof(text), "%.1f", (double)(now - before) * 1000.0 / (double)ms);
    sph_table_add(table, text);
}

/* The same caller in an earlier reading, wherever it stood then; NULL: it was not there. */
static const struct sph_heap_caller *earlier(const struct sph_heap *before,
                                             const struct sph_heap_caller *caller) {
    for (unsigned i = 0; before && i < before->n_callers; i++)
        if (strcmp(before->callers[i].name, caller->name) == 0 &&
            strcmp(before->callers[i].path, caller->path) == 0)
            return &before->callers[i];
    return NULL;
}

static void write_notes(const struct sph_heap *heap, struct sph_buf *buf) {
    if (heap->live_bytes >= FAR_APART_BYTES && heap->resident_bytes < heap->live_bytes / 2)
        sph_buf_printf(buf,
                       "Of %" PRIu64 " bytes asked for, %" PRIu64 " are resident: a page counts "
                       "against the\nration only once it is written.\n",
                       heap->live_bytes, heap->resident_bytes);
    if (heap->peaks_are_rough)
        sph_buf_puts(buf, "Peaks are not exact: several threads ask for memory.\n");
    if (heap->counts_are_rough)
        sph_buf_puts(buf, "Allocations are not exact: some were not counted.\n");
    if (heap->damage > 0)
        sph_buf_printf(buf,
                       "The figures may be wrong: the application has written over its ledger "
                       "(%" PRIu64 " time%s something\nin it could not be right); look for a stray "
                       "write.\n",
                       heap->damage, heap->damage == 1 ? "" : "s");
    if (heap->blocks_lost > 0)
        sph_buf_printf(buf,
                       "The figures are too low: %" PRIu64 " blocks found no place in the "
                       "ledger.\n",
                       heap->blocks_lost);
    else if (heap->is_incomplete && heap->damage == 0)
        sph_buf_puts(buf, "The figures may be too low: tracking did not see every call.\n");
}

void sph_heap_write_callers(const struct sph_heap *heap, const struct sph_heap *before,
                            struct sph_buf *buf) {
    static const struct sph_column rated[] = {{"Caller", ""},   {"Live", ""},   {"Resident", ""},
                                              {"Peak", ""},     {"Blocks", ""}, {"Allocs", ""},
                                              {"Allocs/s", ""}, {.title = NULL}};
    static const struct sph_column plain[] = {{"Caller", ""}, {"Live", ""},   {"Resident", ""},
                                              {"Peak", ""},   {"Blocks", ""}, {"Allocs", ""},
                                              {.title = NULL}};
    sph_autotable struct sph_table table;
    char name[64];
    uint64_t ms =
        before && heap->uptime_ms > before->uptime_ms ? heap->uptime_ms - before->uptime_ms : 0;
    sph_table_init(&table, before ? rated : plain);
    for (unsigned i = 0; i < heap->n_callers; i++) {
        const struct sph_heap_caller *caller = &heap->callers[i];
        sph_heap_shorten(caller->name, 22, name, sizeof(name));
        sph_table_add(&table, name);
        sph_table_add_number(&table, caller->live_bytes);
        sph_table_add_number(&table, caller->resident_bytes);
        sph_table_add_number(&table, caller->peak_bytes);
        sph_table_add_number(&table, caller->live_blocks);
        sph_table_add_number(&table, caller->allocations);
        const struct sph_heap_caller *was = earlier(before, caller);
        if (before)
            add_rate(&table, caller->allocations, was ? was->allocations : 0, ms);
    }
    sph_table_draw(&table, SPH_TABLE_PLAIN, buf);
    write_notes(heap, buf);
}

/* An object without a build id cannot be found again, whatever files there are. */
static void write_missing(const struct sph_heap *heap, unsigned n, struct sph_buf *buf) {
    if (heap->lacks_libdw) {
        sph_buf_puts(buf, "Functions are not named: install libdw1 (elfutils) for that.\n");
        return;
    }
    for (unsigned i = 0; i < n; i++) {
        const struct sph_symbol *at = &heap->sites[i].at;
        if (at->address == 0 || *at->function || at->line > 0 ||
            heap->callers[at->object].build_id_len > 0)
            continue;
        sph_buf_printf(buf,
                       "%s has no build id by which its symbols are found: link it with "
                       "-Wl,--build-id.\n",
                       object_name(heap, at));
        return;
    }
}

/* Rows without figures: who called the function of the row above. */
static void add_frames(const struct sph_heap *heap, const struct sph_heap_site *site,
                       struct sph_table *table, struct sph_buf *buf) {
    for (unsigned i = 0; i < site->n_frames; i++) {
        sph_autobuf struct sph_buf place = SPH_BUF_NULL;
        for (unsigned empty = 0; empty < 4; empty++)
            sph_table_add(table, "");
        sph_buf_puts(&place, "    < ");
        sph_heap_write_place(heap, &heap->frames[site->first_frame + i], PLACE_WIDTH - 6, &place);
        sph_table_add(table, place.data ? place.data : "");
        if (place.error && !buf->error)
            buf->error = place.error;
    }
}

void sph_heap_write_sites(const struct sph_heap *heap, unsigned n, struct sph_buf *buf) {
    static const struct sph_column columns[] = {{"Live", ""},        {"Resident", ""},
                                                {"Blocks", ""},      {"Allocs", ""},
                                                {"  Call site", ""}, {.title = NULL}};
    sph_autotable struct sph_table table;
    unsigned shown = n < heap->n_sites ? n : heap->n_sites;
    uint64_t others = heap->n_sites - shown + heap->sites_dropped;
    bool has_grown = false;
    sph_table_init(&table, columns);
    for (unsigned i = 0; i < shown; i++) {
        const struct sph_heap_site *site = &heap->sites[i];
        sph_autobuf struct sph_buf place = SPH_BUF_NULL;
        sph_table_add_number(&table, site->live_bytes);
        sph_table_add_number(&table, site->resident_bytes);
        sph_table_add_number(&table, site->live_blocks);
        sph_table_add_number(&table, site->allocations);
        sph_buf_puts(&place, site->only_grew ? "+ " : "  ");
        sph_heap_write_place(heap, &site->at, PLACE_WIDTH - 2, &place);
        sph_table_add(&table, place.data ? place.data : "");
        if (place.error && !buf->error)
            buf->error = place.error; /* a line without its place is no line */
        has_grown |= site->only_grew;
        add_frames(heap, site, &table, buf);
    }
    if (shown > 0)
        sph_table_draw(&table, SPH_TABLE_PLAIN, buf);
    if (has_grown)
        sph_buf_puts(buf, "(+ only grew: nothing that was made there was ever given back)\n");
    if (others > 0)
        sph_buf_printf(buf, "(%" PRIu64 " further call site%s not listed)\n", others,
                       others == 1 ? " is" : "s are");
    if (heap->has_stacks && heap->n_frames == 0)
        sph_buf_puts(buf, "(stacks end at the call sites: compile with -funwind-tables to see who "
                          "called)\n");
    write_missing(heap, shown, buf);
}

static void write_crossing(const struct sph_heap *heap, struct sph_buf *buf) {
    sph_buf_printf(
        buf, "\nIt crossed at the page at +%" PRIu64 " of a block of %" PRIu64 " bytes made by ",
        heap->crossing_offset, heap->crossing_bytes);
    sph_heap_write_place(heap, &heap->crossing, SENTENCE_WIDTH, buf);
    sph_buf_puts(buf, ".\n");
}

void sph_heap_write_report(const struct sph_heap *heap, bool was_good, struct sph_buf *buf) {
    if (heap->has_crossing)
        write_crossing(heap, buf);
    if (heap->live_blocks == 0) {
        sph_buf_printf(buf, "\nHeap: every block was given back (%" PRIu64 " allocations).\n",
                       heap->allocations);
        return;
    }
    sph_buf_printf(buf,
                   "\nHeap by caller, in bytes asked for (%s%" PRIu64 " in %" PRIu64 " block%s):\n",
                   was_good ? "not given back at its end: " : "", heap->live_bytes,
                   heap->live_blocks, heap->live_blocks == 1 ? "" : "s");
    sph_heap_write_callers(heap, NULL, buf);
    if (heap->n_sites == 0)
        return;
    sph_buf_puts(buf, "\nHeap by call site:\n");
    sph_heap_write_sites(heap, REPORT_SITES, buf);
}
