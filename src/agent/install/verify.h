/* verify: whether this device takes a package, and if not, its number and sentence. */
#ifndef SPH_AGENT_INSTALL_VERIFY_H
#define SPH_AGENT_INSTALL_VERIFY_H

#include <stddef.h>
#include <stdint.h>

#include "agent/device/refusal.h"
#include "base/attr.h"
#include "package/flash.h"
#include "wire/msg_app.h"

struct sph_device;
struct sph_installed_app;
struct sph_package;

/* Sound, made for this device, signed by a signer that is trusted in its mode, with room in the
 * flash beside what is installed and staged. `untrusted_error` is the number for a package that is
 * not trusted: staging and installing have different ones. 0 or negative errno. */
int sph_verify_package(const struct sph_device *device, const void *bytes, size_t size,
                       uint32_t untrusted_error, struct sph_package *ret_package,
                       struct sph_refusal *refusal) SPH_MUST_USE;
/* Only the room: for an upload whose size is told beforehand. */
int sph_verify_size(const struct sph_device *device, uint64_t size,
                    struct sph_refusal *refusal) SPH_MUST_USE;

/* Whether an installed app may run in the device's present mode: with app development any may,
 * without it those of signers that are trusted for production. As a number, and as 0 or
 * -EKEYREJECTED with a sentence. */
enum sph_app_hindrance sph_verify_hindrance(const struct sph_device *device,
                                            const struct sph_installed_app *app);
int sph_verify_start(const struct sph_device *device, const struct sph_installed_app *app,
                     struct sph_err *err);

/* What is installed. */
struct sph_flash_use sph_verify_flash_use(const struct sph_device *device);

#endif
