/* disk_faults_test: every call by which the agent changes the disk, failing at a chosen one.
 *
 * The linker puts the wraps in (SPH_DISK_FAULTS in CMakeLists.txt). Two kinds of failure: one call
 * fails and the next ones work (a full disk), or that call and all that follow fail (the process is
 * killed or the power is cut there: nothing after it reaches the disk). */
#ifndef SPH_AGENT_STORE_DISK_FAULTS_TEST_H
#define SPH_AGENT_STORE_DISK_FAULTS_TEST_H

#include <stdbool.h>
#include <stddef.h>

struct disk_faults {
    unsigned fail_nth; /* 0: never */
    bool stays_dead;
    unsigned calls; /* seen since disk_faults_set() */
};
extern struct disk_faults disk_faults;

static inline void disk_faults_set(unsigned fail_nth, bool stays_dead) {
    disk_faults = (struct disk_faults){.fail_nth = fail_nth, .stays_dead = stays_dead};
}

#endif
