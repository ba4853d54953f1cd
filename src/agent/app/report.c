/* Judging and encoding are pure: every way to end can be tried without a process. What a figure
 * rests on is said beside it, so that a reader knows which of them hold to the byte. */
#include "agent/app/report.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"

/* A signal that its own processes or the processor raised. One from outside its pid namespace has
 * no sender that it could see. */
static bool is_own_making(const struct sph_end_signs *signs, int number) {
    if (signs->debugged)
        return !signs->debugger_died && sph_tracer_may_be_fault(number);
    if (!signs->has_fault || signs->fault.signal != number)
        return false;
    return signs->fault.code > 0 || signs->fault.code == SI_TIMER || signs->fault.sender != 0;
}

/* SIGKILL has no sender that could be seen: what the agent has not done itself came from elsewhere.
 */
static enum sph_end_why judge_signal(const struct sph_end_signs *signs, int number) {
    if (number == SIGKILL && signs->debugged && signs->stop_asked)
        return SPH_END_STOPPED; /* the agent asks no app that a debugger may hold still */
    if (number == SIGKILL && signs->grace_over)
        return SPH_END_SIGTERM_IGNORED;
    if (number == SIGTERM && signs->stop_asked)
        return SPH_END_STOPPED;
    return is_own_making(signs, number) ? SPH_END_CRASH : SPH_END_KILLED;
}

void sph_report_judge(const struct sph_end_signs *signs, struct sph_end_verdict *ret_verdict) {
    struct sph_end_verdict verdict = {.why = SPH_END_UNKNOWN};
    if (signs->start_failed) {
        verdict.why = SPH_END_START_FAILED;
    } else if (WIFSIGNALED(signs->status)) {
        verdict.signal = (uint32_t)WTERMSIG(signs->status);
        verdict.why = judge_signal(signs, WTERMSIG(signs->status));
    } else if (WIFEXITED(signs->status)) {
        verdict.exit_code = (uint32_t)WEXITSTATUS(signs->status);
        verdict.why = signs->stop_asked ? SPH_END_STOPPED : SPH_END_EXIT;
    }
    /* A child may have crossed the line and its parent have ended by that: it is the ration all the
     * same. */
    if (signs->over_ration && !signs->start_failed)
        verdict.why = SPH_END_RATION;
    *ret_verdict = verdict;
}

/* An exit with 0 is unexpected as well: apps of such a device are not meant to end. */
bool sph_report_is_unexpected(enum sph_end_why why) {
    return why != SPH_END_STOPPED && why != SPH_END_SIGTERM_IGNORED;
}

void sph_growth_take(struct sph_growth *growth, const struct sph_meter_event *event) {
    *growth = (struct sph_growth){
        .is_known = true,
        .user_bytes = event->group_bytes,
        .growth_bytes = event->growth_bytes,
        .time_ns = event->time_ns,
        .tgid = event->tgid,
        .tid = event->tid,
        .shared = event->shared,
        .n_stack = event->n_stack < SPH_METER_STACK_MAX ? event->n_stack : SPH_METER_STACK_MAX,
    };
    if (growth->n_stack > 0)
        memcpy(growth->stack, event->stack, growth->n_stack * sizeof(growth->stack[0]));
}

/* What the debugger's server holds is no part of it. */
void sph_growth_take_crossing(struct sph_growth *growth, const struct sph_meter_event *event) {
    sph_growth_take(growth, event);
    growth->user_bytes = event->counted_bytes;
}

static struct sph_slice stack_slice(const struct sph_growth *growth) {
    return sph_slice(growth->stack, growth->n_stack * sizeof(growth->stack[0]));
}

/* The tracepoint tells how many pages, not which: the address is what the thread's last instruction
 * was found to have asked for (crossing.h). */
static void fill_crossing(const struct sph_report_facts *facts, struct sph_msg_report *report) {
    const struct sph_growth *crossing = &facts->crossing;
    if (!crossing->is_known)
        return;
    report->has_fault_address = facts->has_crossing_address;
    report->fault_address = facts->crossing_address;
    report->has_crossing = true;
    report->crossing_user_bytes = crossing->user_bytes;
    report->has_pc = crossing->n_stack > 0;
    report->pc = report->has_pc ? crossing->stack[0] : 0;
    report->stack = stack_slice(crossing);
    report->stack_how = sph_slice_text("meter's event of the crossing: first address exact, the "
                                       "others by frame pointer");
}

/* One address: to walk on from here would mean to read the stack of a process that has just shown
 * that its memory is not what it thinks. */
static void fill_crash(const struct sph_end_signs *signs, struct sph_msg_report *report) {
    if (report->why != SPH_END_CRASH || !signs->has_fault || signs->fault.pc == 0)
        return;
    report->has_fault_address = signs->fault.is_fault;
    report->fault_address = signs->fault.address;
    report->has_pc = true;
    report->pc = signs->fault.pc;
    report->stack = sph_slice(&report->pc, sizeof(report->pc));
    report->stack_how = sph_slice_text("registers at the signal");
}

/* Times are the device's uptime, as in its log: wall time may be set in between. */
static void fill_growth(const struct sph_report_facts *facts, struct sph_msg_report *report) {
    const struct sph_growth *growth = &facts->last_growth;
    if (!growth->is_known)
        return;
    report->has_growth = true;
    report->growth_user_bytes = growth->user_bytes;
    if (growth->time_ns > facts->device_start_ns)
        report->growth_uptime_ms = (growth->time_ns - facts->device_start_ns) / 1000000;
    report->growth_stack = stack_slice(growth);
}

/* Without figures all of them stay away: a zero would be read as one. */
static void fill_figures(const struct sph_report_facts *facts, struct sph_msg_report *report) {
    report->limit_bytes = facts->limit_bytes;
    if (!facts->has_figures)
        return;
    report->user_bytes = facts->figures.user;
    report->peak_user_bytes = facts->figures.peak;
    report->total_bytes = facts->figures.total;
    report->kernel_bytes = facts->figures.kernel;
    report->user_exact = facts->figures.user_exact;
    report->kernel_exact = facts->figures.kernel_exact;
    report->user_how = sph_slice_text(facts->user_how);
    report->kernel_how = sph_slice_text(facts->figures.kernel_source);
}

static void fill_own(const struct sph_report_facts *facts, struct sph_msg_report *report) {
    report->has_own = facts->has_figures && facts->has_own;
    report->own_user_bytes = report->has_own ? facts->own.user : 0;
    report->own_total_bytes = report->has_own ? facts->own.total : 0;
}

/* Rows that have to give way to the heap are counted, as those over the limit. */
static void fill_rows(const struct sph_report_facts *facts, const struct sph_msg_mapping *rows,
                      struct sph_msg_report *report) {
    size_t count = facts->n_rows;
    if (facts->heap && count > SPH_REPORT_MAPPINGS_WITH_HEAP)
        count = SPH_REPORT_MAPPINGS_WITH_HEAP;
    report->mappings = SPH_LIST(rows, count);
    report->mappings_dropped = facts->rows_dropped + (uint32_t)(facts->n_rows - count);
}

static void fill_heap(const struct sph_report_facts *facts, struct sph_msg_report *report) {
    report->heap_state = facts->heap_state;
    if (facts->heap)
        report->heaps = SPH_LIST(&facts->heap->heap, 1);
}

/* The list wants an array of the nested struct alone. */
static struct sph_msg_mapping *plain_rows(struct sph_report_facts *facts) {
    struct sph_msg_mapping *rows = calloc(facts->n_rows ? facts->n_rows : 1, sizeof(*rows));
    for (size_t i = 0; rows && i < facts->n_rows; i++) {
        rows[i] = facts->rows[i].row;
        rows[i].path = sph_slice_text(facts->rows[i].path);
    }
    return rows;
}

int sph_report_encode(struct sph_report_facts *facts, struct sph_slice log, struct sph_buf *out,
                      struct sph_err *err) {
    struct sph_msg_report report = {
        .id = facts->number,
        .component = facts->component,
        .image = facts->image,
        .name = sph_slice_text(facts->name),
        .wall_ms = facts->wall_ms,
        .uptime_ms = facts->uptime_ms,
        .run_ms = facts->run_ms,
        .pid = facts->pid > 0 ? (uint32_t)facts->pid : 0,
        .why = facts->verdict.why,
        .exit_code = facts->verdict.exit_code,
        .signal = facts->verdict.signal,
        .will_restart = facts->will_restart,
        .pages_how = sph_slice_text(facts->pages_how),
        .log = log,
    };
    fill_figures(facts, &report);
    fill_own(facts, &report);
    fill_crossing(facts, &report);
    fill_crash(&facts->signs, &report);
    fill_growth(facts, &report);
    sph_autofree struct sph_msg_mapping *rows = plain_rows(facts);
    if (!rows)
        return SPH_FAIL(err, -ENOMEM, "No memory for the report of the app's end.");
    fill_rows(facts, rows, &report);
    fill_heap(facts, &report);
    return sph_codec_encode(&sph_msg_report_codec, &report, out, err);
}

void sph_report_facts_done(struct sph_report_facts *facts) {
    free(facts->rows);
    sph_heap_report_free(facts->heap);
    *facts = (struct sph_report_facts){.rows = NULL};
}
