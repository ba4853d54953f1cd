/* home: where Spherule keeps its devices and keys, and which device a command means. */
#ifndef SPH_CLI_DEVICE_HOME_H
#define SPH_CLI_DEVICE_HOME_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"

enum { SPH_DEVICE_NAME_MAX = 33 }; /* 32 characters and a NUL */

/* Relative paths are taken as they are, from the working directory. $SPHERULE_HOME; else
 * /var/lib/spherule for root, $XDG_DATA_HOME/spherule or
 * ~/.local/share/spherule. 0 or negative errno. */
int sph_home_path(char *ret_path, size_t size, struct sph_err *err);
/* Opens the folder; with `make`, makes it when it is not there. Descriptor or negative errno:
 * -ENOENT (without `make`) reads as there being no device. */
int sph_home_open(bool make, struct sph_err *err);
/* The user whom the devices belong to: the caller, or who called sudo, or nobody for plain root. */
uid_t sph_home_owner(void);
gid_t sph_home_owner_gid(void);

/* Which device: `given` (--device), else $SPHERULE_DEVICE, else "default", else the only one.
 * -EINVAL several and none named; -ENOENT none, or not that one. */
int sph_home_pick_device(int home_fd, const char *given, char ret_name[SPH_DEVICE_NAME_MAX],
                         struct sph_err *err);
/* Opens devices/NAME, not through a link; a descriptor, the caller's to close. -EINVAL for a name
 * that is none; -ENOENT with a sentence when there is no such device. */
int sph_home_open_device(int home_fd, const char *name, struct sph_err *err);
/* The names in order of their bytes, freed with sph_home_free_names. Folders without a device.json,
 * and names that a device cannot have, are not listed. A home without any device is 0 names and no
 * error. On failure *ret_names is NULL. */
int sph_home_list_devices(int home_fd, char ***ret_names, unsigned *ret_count, struct sph_err *err);
void sph_home_free_names(char **names, unsigned count);

#endif
