/* rig: a device put together by hand in a temporary folder, for tests of running apps. */
#ifndef SPH_AGENT_TESTS_RIG_H
#define SPH_AGENT_TESTS_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/app/lifecycle.h"
#include "agent/device/device.h"
#include "base/guid.h"
#include "wire/msg_report.h"

struct sph_event_listener;

enum { RIG_ENDS = 64, RIG_OUTPUT = 1 << 20 };

struct rig {
    struct sph_device device;
    struct sph_event_listener *listener;
    char folder[64];
    struct sph_guid component;
    struct sph_app_end ends[RIG_ENDS]; /* as they came; the newest RIG_ENDS of n_ends */
    unsigned n_ends;
    bool stopped; /* set by rig_stopped() */
    char *output; /* of all apps, as events brought it; NUL-terminated, cut at RIG_OUTPUT */
    size_t output_len;
    uint64_t output_total; /* bytes, those cut included */
};

/* Exits the test with 77 and a reason where apps cannot be run and metered. */
void rig_require(void);

/* A running device with one installed app: the program at `program_path` with this manifest tail
 * (members of Capabilities, "" for none). Fails the test on any error. */
struct rig *rig_new(const char *program_path, const char *capabilities);
void rig_free(struct rig *rig);
int rig_teardown(void **state); /* the same, for cmocka */
/* Installs a further app under this id. */
void rig_install(struct rig *rig, const struct sph_guid *component, const char *program_path,
                 const char *capabilities);

/* Installs the program under an id of its own and starts it, waiting. */
void rig_start_other(struct rig *rig, const char *program_path, struct sph_guid *ret_component);

/* Installs a debugger: a package of that type with this gdbserver in it. */
void rig_install_debugger(struct rig *rig, const struct sph_guid *component, const char *gdbserver);

/* Starts the app once with these arguments (a NULL-terminated list). The start's result. */
int rig_start(struct rig *rig, const char *const *arguments, unsigned flags, struct sph_err *err);
/* Fails the test when it does not start. */
void rig_must_start(struct rig *rig, const char *const *arguments, unsigned flags);
void rig_forget_output(struct rig *rig); /* what came so far */
#define RIG_ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})
/* Runs the loop until the next end (counted from rig->n_ends at the call), or fails after `ms`. */
const struct sph_app_end *rig_await_end(struct rig *rig, unsigned ms);
void rig_await_output(struct rig *rig, const char *text, unsigned ms);
void rig_run(struct rig *rig, unsigned ms);
void rig_stopped(void *rig); /* a sph_lifecycle_done_fn */
void rig_await_stopped(struct rig *rig, unsigned ms);
/* start, await, report: the usual test. The report points into memory that the next call frees. */
const struct sph_msg_report *rig_run_app(struct rig *rig, const char *const *arguments);
const struct sph_msg_report *rig_report(struct rig *rig, uint64_t number);
uint64_t rig_page_sum(const struct sph_msg_report *of); /* anonymous and shared pages */
/* The first number of a line of /proc/PID/status that begins with `field`; 0 when there is none. */
unsigned long rig_read_status(pid_t pid, const char *field);
/* Processes of that user, however they are related; zombies are not counted: they do nothing. */
unsigned rig_count_processes(unsigned uid);

#endif
