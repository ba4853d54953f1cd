/* early_warning: the watches by which one running app is told that its group nears the ration. */
#ifndef SPH_AGENT_APP_EARLY_WARNING_H
#define SPH_AGENT_APP_EARLY_WARNING_H

#include <stdint.h>

struct sph_meter;

enum { SPH_EARLY_WARNINGS = 4 }; /* shares of the ration that one app can watch in one run */

/* Embedded; all zero is one without a watch. Watches stay for the rest of the run: whether the app
 * has closed its end is not to be known. */
struct sph_early_warnings {
    struct sph_meter *meter;
    struct sph_early_warning {
        int fd; /* an eventfd that the app has too */
        unsigned percent, mark;
        uint64_t told; /* crossings that were added to it */
    } watches[SPH_EARLY_WARNINGS];
    unsigned count;
};

/* A descriptor for the app, the caller's to close: it counts the crossings of that share of the
 * limit, and has 1 from the start when more than that is held already. The same share again is the
 * same counter. -EINVAL: not 1 to 99, or there is no limit; -ENOSPC: too many shares, of this app
 * or of all. */
int sph_early_warning_open(struct sph_early_warnings *warnings, unsigned percent);
/* After the meter's events were taken: adds what is new to each watch. */
void sph_early_warning_tell(struct sph_early_warnings *warnings);
/* Closes the agent's ends; the app's stay as they are. Takes one without watches. */
void sph_early_warning_close(struct sph_early_warnings *warnings);

#endif
