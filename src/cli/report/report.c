/* Mappings are summed by their name: an application of six shared objects has thirty of them,
 * and what a person asks is which file or heap held the pages.
 *
 * The input is the device's JSON, checked for syntax and for nothing else: every member may be
 * absent or of another type, and the report then lacks a line. Nothing here does I/O, so the
 * fuzz target and the tests run the very code that the commands do. Addresses become
 * "file+offset" by the lowest mapping of the same file, which is what addr2line wants; symbols
 * are not looked up, since the file on this machine may be another build. */
#include "cli/report/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "cli/device/target.h"
#include "cli/report/heap_text.h"
#include "cli/text/table.h"

enum {
    PAGE_ROWS_MAX = 24,  /* a screen; no page is lost, the last row takes the rest */
    STACK_ROWS_MAX = 32, /* the meter records no more */
};

/* The pages of all mappings of one name. */
struct page_row {
    char name[96];
    char class[16];
    uint64_t anonymous, shared, file;
};

struct page_rows {
    struct page_row rows[PAGE_ROWS_MAX]; /* the last takes what has no row of its own */
    unsigned count;
};

/* A linear search: an application has some thirty mappings, and the table 24 rows. */
static struct page_row *find_row(struct page_rows *rows, const char *name, const char *class) {
    for (unsigned i = 0; i < rows->count; i++)
        if (strcmp(rows->rows[i].name, name) == 0 && strcmp(rows->rows[i].class, class) == 0)
            return &rows->rows[i];
    if (rows->count == PAGE_ROWS_MAX) {
        struct page_row *others = &rows->rows[PAGE_ROWS_MAX - 1];
        if (strcmp(others->class, class) != 0)
            (void)snprintf(others->class, sizeof(others->class), "mixed");
        return others;
    }
    struct page_row *row = &rows->rows[rows->count++];
    memset(row, 0, sizeof(*row));
    (void)snprintf(row->name, sizeof(row->name), "%s", name);
    (void)snprintf(row->class, sizeof(row->class), "%s", class);
    if (rows->count == PAGE_ROWS_MAX)
        (void)snprintf(row->name, sizeof(row->name), "(others)");
    return row;
}

/* Sums cannot overflow: 2^64 pages are more than there are. Hostile figures may wrap, and are wrong
 * then as they were before. */
static void add_mapping(struct page_rows *rows, const struct sph_json_value *mapping) {
    char name[96];
    char class[16];
    sph_answer_text(mapping, "path", name, sizeof(name));
    sph_answer_text(mapping, "class", class, sizeof(class));
    struct page_row *row = find_row(rows, *name ? name : "(no file)", class);
    row->anonymous += sph_answer_u64(mapping, "anonymousPages");
    row->shared += sph_answer_u64(mapping, "sharedPages");
    row->file += sph_answer_u64(mapping, "filePages");
}

/* By what counts against the ration, then by file pages, then by name for a stable order. */
static int compare_rows(const void *a, const void *b) {
    const struct page_row *x = a;
    const struct page_row *y = b;
    uint64_t user_x = x->anonymous + x->shared;
    uint64_t user_y = y->anonymous + y->shared;
    if (user_x != user_y)
        return user_x < user_y ? 1 : -1;
    if (x->file != y->file)
        return x->file < y->file ? 1 : -1;
    return strcmp(x->name, y->name);
}

/* Mappings without a resident page say nothing and are left out. */
static void write_pages(const struct sph_json_value *report, struct sph_buf *buf) {
    static const struct sph_column columns[] = {{"User pages", "userPages"},
                                                {"File pages", "filePages"},
                                                {"Kind", "class"},
                                                {"Mapping", "path"},
                                                {.title = NULL}};
    struct page_rows rows = {.count = 0};
    struct sph_json_iter iter;
    struct sph_json_value mapping;
    if (sph_answer_array(report, "mappings", &iter))
        while (sph_json_next(&iter, NULL, &mapping))
            add_mapping(&rows, &mapping);
    if (rows.count == 0)
        return;
    qsort(rows.rows, rows.count, sizeof(rows.rows[0]), compare_rows);
    sph_autotable struct sph_table table;
    sph_table_init(&table, columns);
    for (unsigned i = 0; i < rows.count; i++) {
        const struct page_row *row = &rows.rows[i];
        if (row->anonymous + row->shared + row->file == 0)
            continue;
        sph_table_add_number(&table, row->anonymous + row->shared);
        sph_table_add_number(&table, row->file);
        sph_table_add(&table, row->class);
        sph_table_add(&table, row->name);
    }
    /* the page that crosses is in the map already, though its write never completed */
    sph_buf_printf(buf, "\nPages by mapping (user pages count against the ration%s):\n",
                   sph_json_get(report, "crossing", &mapping) ? "; with the one that crossed it"
                                                              : "");
    sph_table_draw(&table, SPH_TABLE_PLAIN, buf);
    uint64_t dropped = sph_answer_u64(report, "mappingsDropped");
    if (dropped)
        sph_buf_printf(buf, "(%" PRIu64 " further mappings are not listed)\n", dropped);
}

/* An address as the report writes it: "0x…". */
static uint64_t read_address(const struct sph_json_value *object, const char *key) {
    char text[32];
    return strtoull(sph_answer_text(object, key, text, sizeof(text)), NULL, 16);
}

/* "PATH+0xOFFSET", counted from the lowest mapping of the same file: what addr2line wants of a
 * position-independent program. Nothing for an address outside every file. */
static void write_place(const struct sph_json_value *report, uint64_t address,
                        struct sph_buf *buf) {
    struct sph_json_iter iter;
    struct sph_json_value mapping;
    char path[128];
    char found[128] = "";
    uint64_t base = UINT64_MAX;
    if (!sph_answer_array(report, "mappings", &iter))
        return;
    while (sph_json_next(&iter, NULL, &mapping)) {
        if (address >= read_address(&mapping, "start") && address < read_address(&mapping, "end"))
            sph_answer_text(&mapping, "path", found, sizeof(found));
    }
    sph_json_iter_init(&iter, &iter.parent);
    while (*found == '/' && sph_json_next(&iter, NULL, &mapping)) {
        uint64_t start = read_address(&mapping, "start");
        sph_answer_text(&mapping, "path", path, sizeof(path));
        if (strcmp(path, found) == 0 && start < base)
            base = start;
    }
    if (*found == '/' && base <= address)
        sph_buf_printf(buf, "  %s+0x%" PRIx64, found, address - base);
}

static void write_stack(const struct sph_json_value *report, const struct sph_json_value *object,
                        const char *title, struct sph_buf *buf) {
    struct sph_json_iter iter;
    struct sph_json_value frame;
    unsigned count = 0;
    if (!sph_answer_array(object, "stack", &iter))
        return;
    while (count < STACK_ROWS_MAX && sph_json_next(&iter, NULL, &frame)) {
        char raw[32] = "";
        char text[32]; /* what a device calls an address may be anything, a terminal's order too */
        (void)sph_json_to_text(&frame, raw, sizeof(raw));
        sph_text_printable(raw, strlen(raw), text, sizeof(text));
        if (count == 0)
            sph_buf_printf(buf, "\n%s, innermost first:\n", title);
        sph_buf_printf(buf, "  #%-2u %s", count++, text);
        write_place(report, strtoull(text, NULL, 16), buf);
        sph_buf_puts(buf, "\n");
    }
}

/* The last lines, indented, what is no text made visible. */
static void write_log(const struct sph_json_value *report, struct sph_buf *buf) {
    struct sph_json_value value;
    sph_autobuf struct sph_buf raw = SPH_BUF_NULL;
    if (!sph_json_get(report, "log", &value) || sph_json_to_buf(&value, &raw) < 0 || raw.len == 0)
        return;
    sph_buf_puts(buf, "\nIts last lines:\n");
    for (size_t at = 0; at < raw.len;) {
        const char *end = memchr(raw.data + at, '\n', raw.len - at);
        size_t len = end ? (size_t)(end - raw.data) - at : raw.len - at;
        char line[512];
        sph_text_printable(raw.data + at, len, line, sizeof(line));
        sph_buf_printf(buf, "  %s\n", line);
        at += len + 1;
    }
}

static const struct {
    const char *name, *key, *exact_key, *how_key;
} figures[] = {
    {"Total (Kernel + User Mode)", "totalBytes", "kernelExact", "kernelHow"},
    {"User Mode", "userBytes", "userExact", "userHow"},
    {"Peak User Mode", "peakUserBytes", "userExact", "userHow"},
    {"RAM Limit (User Mode)", "limitBytes", NULL, NULL},
};

/* A figure that is not exact never stands without a line that says so. */
static void write_note(const struct sph_json_value *report, size_t figure, struct sph_buf *buf) {
    char how[160];
    if (!figures[figure].exact_key || sph_answer_bool(report, figures[figure].exact_key))
        return;
    sph_answer_text(report, figures[figure].how_key, how, sizeof(how));
    if (*how)
        sph_buf_printf(buf, "%s is not exact: taken from %s.\n", figures[figure].name, how);
    else
        sph_buf_printf(buf, "%s is not known.\n", figures[figure].name);
}

/* Only where others held something too: else it would say the same twice. */
static void write_own(const struct sph_json_value *report, struct sph_buf *buf) {
    struct sph_json_value own;
    if (!sph_json_get(report, "own", &own) || own.type != SPH_JSON_OBJECT ||
        sph_answer_u64(&own, "userBytes") == sph_answer_u64(report, "userBytes"))
        return;
    sph_buf_printf(buf,
                   "Of User Mode this application held %" PRIu64 " bytes, the rest is others'.\n",
                   sph_answer_u64(&own, "userBytes"));
}

/* The table of show-memory-stats with the limit as a fourth row. */
static void write_figures(const struct sph_json_value *report, struct sph_buf *buf) {
    static const struct sph_column columns[] = {
        {"Name", "name"}, {"Usage (bytes)", "usageInBytes"}, {.title = NULL}};
    sph_autotable struct sph_table table;
    sph_table_init(&table, columns);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(figures); i++) {
        sph_table_add(&table, figures[i].name);
        sph_table_add_number(&table, sph_answer_u64(report, figures[i].key));
    }
    sph_table_draw(&table, SPH_TABLE_RULED, buf);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(figures); i++)
        write_note(report, i, buf);
    write_own(report, buf);
}

static void write_ration(const struct sph_json_value *report, struct sph_buf *buf) {
    struct sph_json_value crossing;
    sph_buf_printf(buf, "it went over its ration of %" PRIu64 " bytes",
                   sph_answer_u64(report, "limitBytes"));
    if (sph_json_get(report, "crossing", &crossing))
        sph_buf_printf(buf, " (the next page would have made %" PRIu64 ")",
                       sph_answer_u64(&crossing, "userBytes"));
}

/* In the device's words this is `why` with its members (docs/spec/rest.md, section 3.7). */
void sph_report_write_reason(const struct sph_json_value *report, struct sph_buf *buf) {
    char why[24];
    char signal_name[24];
    char address[32];
    sph_answer_text(report, "why", why, sizeof(why));
    sph_answer_text(report, "signalName", signal_name, sizeof(signal_name));
    sph_answer_text(report, "faultAddress", address, sizeof(address));
    unsigned exit_code = (unsigned)sph_answer_u64(report, "exitCode");
    if (strcmp(why, "ration") == 0)
        write_ration(report, buf);
    else if (strcmp(why, "crash") == 0)
        sph_buf_printf(buf, "it crashed by %s%s%s", signal_name, *address ? " at address " : "",
                       address);
    else if (strcmp(why, "killed") == 0)
        sph_buf_printf(buf, "it was killed by %s from elsewhere", signal_name);
    else if (strcmp(why, "exit") == 0)
        sph_buf_printf(buf, "it exited with status %u", exit_code);
    else if (strcmp(why, "stopped") == 0)
        sph_buf_printf(buf, "it was asked to stop, and did, with status %u", exit_code);
    else if (strcmp(why, "sigtermIgnored") == 0)
        sph_buf_puts(buf, "it was asked to stop, did not, and was killed after the grace time");
    else if (strcmp(why, "startFailed") == 0)
        sph_buf_puts(buf, "it could not be started");
    else
        sph_buf_puts(buf, "for a reason that the device does not know");
}

/* A good end needs no autopsy: its report stays short. */
bool sph_report_is_failure(const struct sph_json_value *report) {
    char why[24];
    sph_answer_text(report, "why", why, sizeof(why));
    bool ended = strcmp(why, "exit") == 0 || strcmp(why, "stopped") == 0;
    return !ended || sph_answer_u64(report, "exitCode") != 0;
}

static void write_heading(const struct sph_json_value *report, struct sph_buf *buf) {
    char name[64];
    char id[SPH_GUID_TEXT];
    char when[SPH_CLOCK_TEXT];
    uint64_t run_ms = sph_answer_u64(report, "runMs");
    sph_answer_text(report, "name", name, sizeof(name));
    sph_answer_text(report, "componentId", id, sizeof(id));
    sph_clock_format(sph_answer_u64(report, "timeMs"), when);
    sph_buf_printf(buf, "%s (%s) ended at %s after %" PRIu64 ".%03" PRIu64 " s: ", name, id, when,
                   run_ms / 1000, run_ms % 1000);
    sph_report_write_reason(report, buf);
    sph_buf_puts(buf, ".\n");
}

/* Why there is no heap, where somebody asked for one. */
static void write_heap_state(const struct sph_json_value *report, struct sph_buf *buf) {
    char state[24];
    struct sph_json_value value;
    if (sph_json_get(report, "heap", &value) && value.type == SPH_JSON_OBJECT) {
        sph_buf_puts(buf, "No heap figures: there was no memory to read them.\n");
        return;
    }
    sph_answer_text(report, "heapState", state, sizeof(state));
    if (*state && strcmp(state, "notAsked") != 0 && strcmp(state, "tracked") != 0)
        sph_buf_printf(buf, "%s.\n", sph_heap_reason(state));
}

struct sph_heap *sph_report_heap(const struct sph_json_value *report) {
    struct sph_json_value value;
    return sph_json_get(report, "heap", &value) ? sph_heap_parse(&value) : NULL;
}

void sph_report_write(const struct sph_json_value *report, struct sph_buf *buf) {
    sph_autofree struct sph_heap *heap = sph_report_heap(report);
    sph_report_write_with(report, heap, buf);
}

/* Of a good end the figures and what was not given back are enough; a longer text would hide them.
 */
void sph_report_write_with(const struct sph_json_value *report, const struct sph_heap *heap,
                           struct sph_buf *buf) {
    struct sph_json_value growth;
    write_heading(report, buf);
    write_figures(report, buf);
    if (heap)
        sph_heap_write_report(heap, !sph_report_is_failure(report), buf);
    else
        write_heap_state(report, buf);
    if (!sph_report_is_failure(report))
        return;
    write_pages(report, buf);
    write_stack(report, report, "Stack", buf);
    if (sph_json_get(report, "growth", &growth))
        write_stack(report, &growth, "Stack of the last growth before", buf);
    write_log(report, buf);
}
