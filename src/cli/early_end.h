/* early_end: a word about applications that have ended as soon as they were started. */
#ifndef SPH_CLI_EARLY_END_H
#define SPH_CLI_EARLY_END_H

#include "cli/device/target.h"

/* After a start that succeeded: the device says so when the program has been entered, which one
 * whose library is missing or that crashes in main() has too. Waits a moment and warns of
 * each of these applications that has ended since; what cannot be asked is no failure. `ids` are
 * component ids in lower case, of applications that did not run before. */
void sph_early_end_warn(struct sph_target *target, const char *const *ids, unsigned count);

#endif
