/* install: staged packages become installed ones, and installed ones go, each as one step on disk.
 */
#ifndef SPH_AGENT_INSTALL_INSTALL_H
#define SPH_AGENT_INSTALL_INSTALL_H

#include <stdbool.h>

#include "agent/device/refusal.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/guid.h"

struct sph_device;

/* Removes what a killed agent left half-done below state/: unpacked packages that were not put in
 * place, packages that were being deleted, storage without its app. Before the registry is read. */
int sph_install_recover(int state_fd, struct sph_err *err);

/* Whether the staged package would be taken now: the trust store may have changed since it was
 * staged. Changes nothing. */
int sph_install_check(struct sph_device *device, const struct sph_guid *component,
                      struct sph_refusal *refusal) SPH_MUST_USE;
/* Puts the staged package of a component in the place of the installed one, or into a new place.
 * Whatever happens, the old or the new one is there whole. The app must not run. Staged no more on
 * success. */
int sph_install_commit(struct sph_device *device, const struct sph_guid *component, bool manual,
                       struct sph_refusal *refusal) SPH_MUST_USE;

/* Removes an installed app with its storage and user id. 0 also when it is not installed. The app
 * must not run. */
int sph_install_delete(struct sph_device *device, const struct sph_guid *component,
                       struct sph_refusal *refusal) SPH_MUST_USE;

#endif
