/* The report is on the disk before anybody is told of the end, so that who is told can read it. The
 * order in here is therefore fixed: judge, decide about the restart (the report says it), keep
 * report and telemetry, note, tell. Rejected: writing the report later, from a timer. An agent that
 * is killed in between would have told of a report that does not exist. */
#include "agent/app/ending.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "agent/app/end_record.h"
#include "agent/device/device.h"
#include "agent/device/events.h"
#include "agent/store/kill_store.h"
#include "agent/store/telemetry_store.h"
#include "base/clock.h"

enum { LOG_LINES = 40 }; /* of the app's last ones, in SPH_REPORT_LOG_MAX bytes */

/* As half a sentence behind the app's name. */
static const char *why_text(enum sph_end_why why) {
    switch (why) {
    case SPH_END_RATION:
        return "went over the RAM limit and was killed";
    case SPH_END_CRASH:
        return "crashed";
    case SPH_END_KILLED:
        return "was killed from elsewhere";
    case SPH_END_EXIT:
        return "exited by itself";
    case SPH_END_STOPPED:
        return "stopped as asked";
    case SPH_END_SIGTERM_IGNORED:
        return "did not stop when asked and was killed";
    case SPH_END_START_FAILED:
        return "could not be started again";
    case SPH_END_UNKNOWN:
        break;
    }
    return "ended for an unknown reason";
}

/* One line in the device's log, in the agent's form: words, then key=value. */
static void note(const struct sph_session *session, const struct sph_ending *ending) {
    const struct sph_end_verdict *verdict = &session->facts.verdict;
    char detail[64] = "", restart[48] = "";
    if (verdict->signal > 0)
        (void)snprintf(detail, sizeof(detail), " signal=%u", verdict->signal);
    else if (verdict->why == SPH_END_EXIT || verdict->why == SPH_END_STOPPED)
        (void)snprintf(detail, sizeof(detail), " exit_code=%u", verdict->exit_code);
    if (ending->end.restarts)
        (void)snprintf(restart, sizeof(restart), " restart_in_ms=%llu",
                       (unsigned long long)ending->wait_ms);
    sph_device_note(session->device, &session->component, "%s %s%s run_ms=%llu report=%llu%s",
                    session->name, why_text(verdict->why), detail,
                    (unsigned long long)session->facts.run_ms,
                    (unsigned long long)ending->end.report_number, restart);
}

/* A full or broken disk must not keep an app from being started again: the loss is noted, no more.
 */
static void keep_report(struct sph_session *session, struct sph_slice said,
                        struct sph_ending *ending) {
    struct sph_device *device = session->device;
    struct sph_buf log SPH_CLEANUP(sph_buf_done) = SPH_BUF_LIMIT(SPH_REPORT_LOG_MAX + 1);
    struct sph_buf report SPH_CLEANUP(sph_buf_done) = SPH_BUF_LIMIT(SPH_KILL_STORE_ONE_BYTES);
    struct sph_err err = SPH_ERR_NULL;
    /* What the app said last, else why it could not be started: a start that failed has no output
     * of its own, and that of the run before would be taken for it. */
    if (said.len == 0) {
        (void)sph_logring_tail(device->log, &session->component, LOG_LINES, SPH_REPORT_LOG_MAX,
                               &log);
        said = sph_slice(log.data, log.len);
    }
    session->facts.number = sph_kill_store_next_number(device->kills);
    int rc = sph_report_encode(&session->facts, said, &report, &err);
    if (rc == 0)
        rc = sph_kill_store_add(device->kills, &session->component, report.data, report.len,
                                &ending->end.report_number, &err);
    if (rc < 0)
        sph_device_note(device, &session->component, "The report of %s's end is lost: %s",
                        session->name, err.text);
}

/* As the report: lost rather than in the way. */
static void keep_record(const struct sph_session *session, const struct sph_ending *ending) {
    struct sph_device *device = session->device;
    const struct sph_end_circumstances circumstances = {.report_number = ending->end.report_number,
                                                        .restarts = session->restarts,
                                                        .wait_ms = ending->wait_ms};
    struct sph_telemetry_record record;
    struct sph_err err = SPH_ERR_NULL;
    sph_end_record_make(&session->facts, &circumstances, &record);
    int rc = sph_telemetry_store_add(device->state_fd, &record, &err);
    if (rc < 0)
        sph_device_note(device, &session->component, "The telemetry of %s's end is lost: %s",
                        session->name, err.text);
    else if (rc == SPH_TELEMETRY_STORE_E_ANEW)
        sph_device_note(device, NULL, "The telemetry begins anew: what was kept was damaged.");
}

/* ENDED for every end; STOPPED after it when nothing will follow. */
static void publish(const struct sph_session *session, const struct sph_ending *ending) {
    const struct sph_report_facts *facts = &session->facts;
    struct sph_msg_event event = {
        .kind = SPH_EVENT_ENDED,
        .component = session->component,
        .name = sph_slice_text(session->name),
        .pid = facts->pid > 0 ? (uint32_t)facts->pid : 0,
        .user_bytes = facts->figures.user,
        .peak_user_bytes = facts->figures.peak,
        .total_bytes = facts->figures.total,
        .limit_bytes = facts->limit_bytes,
        .report_id = ending->end.report_number,
        .why = facts->verdict.why,
        .exit_code = facts->verdict.exit_code,
        .signal = facts->verdict.signal,
        .restarts = session->restarts,
        .will_restart = ending->end.restarts,
        .restart_delay_ms = ending->wait_ms,
    };
    sph_events_publish(session->device->events, &event);
    if (ending->end.restarts)
        return;
    event = (struct sph_msg_event){.kind = SPH_EVENT_STOPPED,
                                   .component = session->component,
                                   .name = sph_slice_text(session->name)};
    sph_events_publish(session->device->events, &event);
}

void sph_ending_conclude(struct sph_session *session, struct sph_slice said,
                         struct sph_ending *ending) {
    struct sph_report_facts *facts = &session->facts;
    sph_report_judge(&facts->signs, &facts->verdict);
    facts->wall_ms = sph_clock_wall_ms();
    facts->uptime_ms = sph_clock_monotonic_ms() - session->device->started_ms;
    /* Four reasons against it, each enough: the device ends, the start was for one run, somebody
     * asked for the stop, or what ended it is what a stop does. */
    bool restarts = ending->may_restart && !(session->flags & SPH_START_ONCE) &&
                    !facts->signs.stop_asked && sph_report_is_unexpected(facts->verdict.why);
    facts->will_restart = restarts;
    /* Asked only when it restarts: the back-off counts ends that are followed by a start. */
    ending->wait_ms = restarts ? sph_backoff_next(&session->backoff, facts->run_ms) : 0;
    ending->end = (struct sph_app_end){
        .component = session->component,
        .why = facts->verdict.why,
        .exit_code =
            facts->verdict.signal || facts->signs.start_failed ? -1 : (int)facts->verdict.exit_code,
        .signal = (int)facts->verdict.signal,
        .restarts = restarts,
    };
    keep_report(session, said, ending);
    keep_record(session, ending);
    note(session, ending);
    publish(session, ending);
}
