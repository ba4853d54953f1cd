/* output: one app's stdout or stderr, read from its pipe into the log ring line by line. */
#ifndef SPH_AGENT_APP_OUTPUT_H
#define SPH_AGENT_APP_OUTPUT_H

#include <stdbool.h>

#include "agent/app/lines.h"
#include "agent/device/flow.h"
#include "agent/device/logring.h"
#include "base/err.h"
#include "base/guid.h"
#include "base/loop.h"

struct sph_device;

/* Called once, from the loop, when the last writer is gone and everything is read. The output may
 * be done or freed in it. */
typedef void sph_output_end_fn(void *context);

/* What is read, and for whom. */
struct sph_output_plan {
    struct sph_guid component;
    enum sph_log_source source;
    int fd; /* the caller's, non-blocking */
    sph_output_end_fn *ended;
    void *context;
};

/* One pipe. Embedded in the session; the unfinished line is the only thing that is kept between
 * reads. */
struct sph_output {
    struct sph_device *device;
    struct sph_output_plan plan;
    struct sph_watch *watch; /* NULL: not begun, or at its end */
    struct sph_flow_gate gate;
    bool is_paused; /* until a listener has caught up */
    struct sph_lines lines;
};
#define SPH_OUTPUT_NULL                                                                            \
    { .plan.fd = -1 }

/* `output` stays where it is until it is done. Lines go to device->log, the bytes themselves to
 * events. */
int sph_output_init(struct sph_output *output, struct sph_device *device,
                    const struct sph_output_plan *plan, struct sph_err *err);
/* Nothing more will come by itself. */
bool sph_output_has_ended(const struct sph_output *output);
/* After the last writer is gone: takes what is left in the pipe, whoever is slow, and the
 * unfinished line too. */
void sph_output_finish(struct sph_output *output);
/* Stops watching; takes one that was never started, or was finished. */
void sph_output_done(struct sph_output *output);

#endif
