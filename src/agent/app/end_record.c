/* The site is found in the report's rows, as the report's readers find it: the mapping that has the
 * program counter, and the lowest one of the same file. Rows are of resident pages, which a file's
 * first page is from its start on. */
#include "agent/app/end_record.h"

#include <string.h>

#include "base/text.h"

static const struct sph_kept_row *find_row(const struct sph_report_facts *facts, pid_t pid,
                                           uint64_t address) {
    for (size_t i = 0; i < facts->n_rows; i++) {
        const struct sph_msg_mapping *row = &facts->rows[i].row;
        if (row->pid == (uint32_t)pid && row->start <= address && address < row->end)
            return &facts->rows[i];
    }
    return NULL;
}

static void take_site(const struct sph_report_facts *facts, pid_t pid,
                      struct sph_telemetry_record *record) {
    const struct sph_kept_row *of = find_row(facts, pid, record->pc);
    if (!of || of->path[0] != '/')
        return;
    uint64_t base = of->row.start;
    for (size_t i = 0; i < facts->n_rows; i++) {
        const struct sph_msg_mapping *row = &facts->rows[i].row;
        if (row->pid == (uint32_t)pid && row->start < base &&
            strcmp(facts->rows[i].path, of->path) == 0)
            base = row->start;
    }
    if (record->pc - base > UINT32_MAX)
        return;
    record->has_site = true;
    record->site_offset = (uint32_t)(record->pc - base);
    (void)sph_slice_copy(sph_slice_text(sph_text_file_name(of->path)), record->site,
                         sizeof(record->site));
}

/* As the report tells them: of the ration the thread that crossed, of a crash the signal. */
static void take_place(const struct sph_report_facts *facts, struct sph_telemetry_record *record) {
    const struct sph_growth *crossing = &facts->crossing;
    const struct sph_end_signs *signs = &facts->signs;
    pid_t pid = facts->pid;
    if (crossing->is_known) {
        pid = crossing->tgid;
        record->has_pc = crossing->n_stack > 0;
        record->pc = record->has_pc ? crossing->stack[0] : 0;
        record->has_address = facts->has_crossing_address;
        record->address = facts->crossing_address;
    } else if (facts->verdict.why == SPH_END_CRASH && signs->has_fault && signs->fault.pc) {
        record->has_pc = true;
        record->pc = signs->fault.pc;
        record->has_address = signs->fault.is_fault;
        record->address = signs->fault.is_fault ? signs->fault.address : 0;
    }
    if (record->has_pc)
        take_site(facts, pid, record);
}

static uint32_t capped(uint64_t value) {
    return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

void sph_end_record_make(const struct sph_report_facts *facts,
                         const struct sph_end_circumstances *circumstances,
                         struct sph_telemetry_record *ret_record) {
    *ret_record = (struct sph_telemetry_record){
        .wall_ms = facts->wall_ms,
        .uptime_ms = facts->uptime_ms,
        .run_ms = facts->run_ms,
        .component = facts->component,
        .image = facts->image,
        .why = (uint8_t)facts->verdict.why,
        .will_restart = facts->will_restart,
        .signal = (uint8_t)facts->verdict.signal,
        .exit_code = (uint8_t)facts->verdict.exit_code,
        .restarts = circumstances->restarts,
        .restart_delay_ms = capped(circumstances->wait_ms),
        .pid = facts->pid > 0 ? (uint32_t)facts->pid : 0,
        .report = circumstances->report_number,
    };
    (void)sph_slice_copy(sph_slice_text(facts->name), ret_record->name, sizeof(ret_record->name));
    if (facts->has_figures) {
        ret_record->has_figures = true;
        ret_record->user_exact = facts->figures.user_exact;
        ret_record->kernel_exact = facts->figures.kernel_exact;
        ret_record->user_bytes = facts->figures.user;
        ret_record->peak_user_bytes = facts->figures.peak;
        ret_record->total_bytes = facts->figures.total;
    }
    take_place(facts, ret_record);
}
