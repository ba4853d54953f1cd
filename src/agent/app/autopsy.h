/* autopsy: what is read from an app while it stands at its exit and its memory is still there. */
#ifndef SPH_AGENT_APP_AUTOPSY_H
#define SPH_AGENT_APP_AUTOPSY_H

#include <sys/types.h>

#include "agent/app/ration.h"
#include "agent/app/report.h"

/* All of this happens in the app's last moment, on the agent's time: the app stands still until it
 * is over, and so does the agent's loop. */

/* Process and thread numbers of a thread, from /proc/TID/status. */
struct sph_thread_place {
    pid_t tgid;
    pid_t parent;     /* of its process */
    pid_t tracer;     /* 0: none */
    unsigned threads; /* of its process, itself included */
};
/* Pure: the text of a status file. 0 or -EBADMSG. */
int sph_autopsy_parse_status(const char *text, size_t len, struct sph_thread_place *ret_place);
int sph_autopsy_place(pid_t tid, struct sph_thread_place *ret_place);

/* Figures alone, of an app whose pages cannot be looked at. */
void sph_autopsy_take_figures(const struct sph_memory_figures *group,
                              struct sph_report_facts *facts);
/* The same of the app alone, read at the same moment; after the group's. */
void sph_autopsy_take_own(const struct sph_memory_figures *own, struct sph_report_facts *facts);
/* Which address the refused page was asked for at, if `tid`, in its exit stop, is the thread that
 * crossed. Leaves it unknown where it cannot be told. */
void sph_autopsy_look_at_crossing(pid_t tid, const struct sph_meter *meter,
                                  struct sph_report_facts *facts);
/* Fills figures and page rows of `facts`; `tid` is stopped. `group` is what the ration says at this
 * moment, NULL when it cannot be read. What cannot be had is left out. */
void sph_autopsy_look(const struct sph_memory_figures *group, struct sph_ration_share *share,
                      pid_t tid, pid_t tgid, struct sph_report_facts *facts);

#endif
