/* output: one app's stdout or stderr, read from its pipe into the log ring line by line. */
#ifndef SPH_AGENT_OUTPUT_H
#define SPH_AGENT_OUTPUT_H

#include "agent/lines.h"
#include "agent/logring.h"
#include "base/err.h"
#include "base/guid.h"
#include "base/loop.h"

struct sph_device;

/* One pipe. Embedded in the session; the unfinished line is the only thing that is kept between
 * reads. */
struct sph_output {
    struct sph_device *device;
    struct sph_guid component;
    enum sph_log_source source;
    int fd; /* the caller's, non-blocking */
    struct sph_watch *watch;
    struct sph_lines lines;
};
#define SPH_OUTPUT_NULL                                                                            \
    { .fd = -1 }

/* `output` stays where it is until it is done. Lines go to device->log, the bytes themselves to
 * events. */
int sph_output_init(struct sph_output *output, struct sph_device *device,
                    const struct sph_guid *component, enum sph_log_source source, int fd,
                    struct sph_err *err);
/* After the last writer is gone: takes what is left in the pipe, the unfinished line too. */
void sph_output_finish(struct sph_output *output);
/* Stops watching; takes one that was never started, or was finished. */
void sph_output_done(struct sph_output *output);

#endif
