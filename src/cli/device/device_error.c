/* The texts of the original's client, so that what people find about a message still helps them
 * here.
 *
 * The number is category << 20 | id. The errno beside each text is no claim about what failed on
 * the device; it chooses the exit status (exit.c), and that is all it is for. Numbers below 1 <<
 * 20 are plain errno values of category 0. A number without a row is shown as it is: inventing
 * words for it would send people looking in the wrong place. */
#include "cli/device/device_error.h"

#include <errno.h>
#include <stddef.h>

#include "base/attr.h"

/* By category and id. Several numbers share a text: they are of different parts of the device, and
 * what a person can do about them is the same. */
static const struct sph_device_error errors[] = {
    {2, -ENOENT, "Not found"},
    {13, -EACCES,
     "Permission denied; application development capability may be required ('azsphere device "
     "enable-development')"},
    {16, -EBUSY, "The resource is in use"},
    {19, -ENODEV, "No such peripheral"},
    {28, -ENOSPC, "Insufficient free space on the device"},
    {SPH_DEVICE_ERROR(1, 1), -EREMOTEIO, "The present state does not allow this"},
    {SPH_DEVICE_ERROR(1, 4), -ENOENT, "Application is not present"},
    {SPH_DEVICE_ERROR(1, 13), -EREMOTEIO, "The application is not in a state for this"},
    {SPH_DEVICE_ERROR(1, 15), -EBADMSG,
     "The application could not be started; check that its executable is valid for this device"},
    {SPH_DEVICE_ERROR(1, 20), -EACCES,
     "The application may not start; application development capability may be required "
     "('azsphere device enable-development')"},
    {SPH_DEVICE_ERROR(1, 22), -EREMOTEIO, "The application's mutable storage could not be made"},
    {SPH_DEVICE_ERROR(1, 25), -EREMOTEIO, "Requested pins are already used"},
    {SPH_DEVICE_ERROR(3, 10), -EREMOTEIO,
     "Cannot start application in debug mode; Debugging server is not present on device; try "
     "running 'azsphere device enable-development'."},
    {SPH_DEVICE_ERROR(3, 15), -EREMOTEIO, "The application cannot be debugged"},
    {SPH_DEVICE_ERROR(4, 2), -EREMOTEIO, "Application is already deployed"},
    {SPH_DEVICE_ERROR(4, 9), -ENOENT, "Application is not present"},
    {SPH_DEVICE_ERROR(5, 3), -EREMOTEIO, "The pin is not in the application's manifest"},
    {SPH_DEVICE_ERROR(5, 4), -EREMOTEIO, "The pin is already in use"},
    {SPH_DEVICE_ERROR(5, 8), -EREMOTEIO, "The peripheral is already in use"},
    {SPH_DEVICE_ERROR(7, 2), -ENOSPC, "Insufficient free space on the device"},
    {SPH_DEVICE_ERROR(7, 15), -EREMOTEIO,
     "Image not trusted by device; check if application development capability is enabled "
     "('azsphere device enable-development')"},
    {SPH_DEVICE_ERROR(7, 18), -EBADMSG,
     "Image could not be staged; check that it is a valid image package"},
    {SPH_DEVICE_ERROR(7, 19), -ENOSPC, "Image exceeds the size limit of its component"},
    {SPH_DEVICE_ERROR(7, 24), -EREMOTEIO,
     "Installation failed; check if application development capability is enabled ('azsphere "
     "device enable-development')"},
    {SPH_DEVICE_ERROR(7, 37), -EACCES,
     "Permission denied; application development capability may be required ('azsphere device "
     "enable-development')"},
    {SPH_DEVICE_ERROR(7, 39), -EBUSY, "An update is in progress"},
    {SPH_DEVICE_ERROR(7, 42), -ENOSPC, "Image exceeds the size limit of its type"},
    {SPH_DEVICE_ERROR(7, 47), -EBADMSG, "The component id is not valid"},
    {SPH_DEVICE_ERROR(10, 1), -EPROTO, "The request is not valid"},
    {SPH_DEVICE_ERROR(10, 5), -EBUSY, "The device is busy"},
    {SPH_DEVICE_ERROR(10, 17), -EFBIG, "The request is too large"},
    {SPH_DEVICE_ERROR(10, 18), -EACCES, "Permission denied"},
    {SPH_DEVICE_ERROR(14, 10), -EBUSY, "The device is busy"},
    {SPH_DEVICE_ERROR(14, 11), -EREMOTEIO, "Cannot start application in debug mode"},
    {SPH_DEVICE_ERROR(14, 12), -ENOENT, "Application is not present"},
    {SPH_DEVICE_ERROR(14, 15), -EINVAL, "The component id is not valid"},
    {SPH_DEVICE_ERROR(14, 17), -EREMOTEIO,
     "Image not trusted by device; check if application development capability is enabled "
     "('azsphere device enable-development')"},
    {SPH_DEVICE_ERROR(14, 18), -ENOSPC, "Insufficient free space on the device"},
    {SPH_DEVICE_ERROR(15, 1), -EPROTO, "The device does not know this request"},
    {SPH_DEVICE_ERROR(15, 2), -EPROTO, "Invalid request URI."},
    {SPH_DEVICE_ERROR(15, 4), -EFBIG, "The package is too large to be sent to the device"},
    {SPH_DEVICE_ERROR(30, 6), -EINVAL, "The hardware address is not valid"},
    {SPH_DEVICE_ERROR(30, 14), -ENOENT, "No such network interface"},
    {SPH_DEVICE_ERROR(30, 15), -EACCES, "This network interface may not be changed"},
    {SPH_DEVICE_ERROR(37, 2), -ENOENT, "The certificate identifier is not valid"},
    {SPH_DEVICE_ERROR(37, 20), -EBADMSG, "The private key does not fit the certificate"},
};

/* 0 is no error, and has no row. */
const struct sph_device_error *sph_device_error_find(uint32_t number) {
    for (size_t i = 0; i < SPH_ARRAY_SIZE(errors); i++)
        if (errors[i].number == number)
            return &errors[i];
    return NULL;
}
