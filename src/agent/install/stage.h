/* stage: packages that came over the wire, verified, waiting for their installation. */
#ifndef SPH_AGENT_INSTALL_STAGE_H
#define SPH_AGENT_INSTALL_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/device/refusal.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/guid.h"

struct sph_device;
struct sph_stage; /* state/staged/<component guid>; an upload under way is .upload */

enum { SPH_STAGE_MAX = 16 }; /* packages that wait at once */
#define SPH_STAGED_DIR "staged"

struct sph_staged_package {
    struct sph_guid component;
    struct sph_guid image;
    char name[33];
    uint64_t package_bytes;
};

/* Uses the device's registry, trust store and profile. What a power cut left of an upload is
 * removed, as is a staged package that is not whole. */
int sph_stage_new(struct sph_device *device, struct sph_stage **ret_stage, struct sph_err *err);
struct sph_stage *sph_stage_free(struct sph_stage *stage);

/* One upload at a time, known by its owner (any pointer). `size` 0: not known beforehand. -EBUSY
 * for another owner; a second begin of the same one starts over. */
int sph_stage_begin(struct sph_stage *stage, const void *owner, uint64_t size,
                    struct sph_refusal *refusal) SPH_MUST_USE;
/* After a failure the upload is gone. */
int sph_stage_data(struct sph_stage *stage, const void *owner, const void *data, size_t len,
                   struct sph_refusal *refusal) SPH_MUST_USE;
/* Verifies all of it; then it is staged durably, in place of an earlier one of the same component.
 */
int sph_stage_end(struct sph_stage *stage, const void *owner,
                  const struct sph_staged_package **ret_package,
                  struct sph_refusal *refusal) SPH_MUST_USE;
/* Drops the owner's upload if there is one. */
void sph_stage_abort(struct sph_stage *stage, const void *owner);

size_t sph_stage_count(const struct sph_stage *stage);
const struct sph_staged_package *sph_stage_at(const struct sph_stage *stage, size_t index);
const struct sph_staged_package *sph_stage_find(const struct sph_stage *stage,
                                                const struct sph_guid *component);
/* The folder of the staged files, named by component id in lower case. */
int sph_stage_folder(const struct sph_stage *stage);
/* Removes a staged package, installed or not wanted any more. 0 also when there is none. */
int sph_stage_drop(struct sph_stage *stage, const struct sph_guid *component, struct sph_err *err);

static inline void sph_stage_freep(struct sph_stage **stage) {
    *stage = sph_stage_free(*stage);
}

#endif
