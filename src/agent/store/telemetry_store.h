/* telemetry_store: the device's telemetry as the file state/telemetry. */
#ifndef SPH_AGENT_STORE_TELEMETRY_STORE_H
#define SPH_AGENT_STORE_TELEMETRY_STORE_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "wire/telemetry.h"

/* Nothing is kept in memory: an end is rare, and 16 KiB are much of what the agent has at rest. */

/* The record is kept, but what was there was damaged and is gone. */
enum { SPH_TELEMETRY_STORE_E_ANEW = 1 };
/* 0, a condition of above, or negative errno: then the file is as it was. */
int sph_telemetry_store_add(int state_fd, const struct sph_telemetry_record *record,
                            struct sph_err *err) SPH_MUST_USE;
/* The whole of it into an empty buffer; a header alone where no app has ended yet. -EBADMSG when it
 * is damaged. */
int sph_telemetry_store_read(int state_fd, struct sph_buf *bytes, struct sph_err *err);
/* All records; numbers go on. One that is damaged begins anew. */
int sph_telemetry_store_clear(int state_fd, struct sph_err *err);

#endif
