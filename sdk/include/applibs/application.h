/// @file application.h
/// @brief What the device can do for this application towards others.
#ifndef SPHERULE_APPLIBS_APPLICATION_H
#define SPHERULE_APPLIBS_APPLICATION_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Tells whether the device can authenticate itself to a server. Spherule has no certificate to do
/// so with, and the answer is always false.
///
/// @param outIsDeviceAuthReady Receives the answer; untouched on failure.
/// @returns 0, or -1 with errno set. EFAULT: outIsDeviceAuthReady is NULL.
int Application_IsDeviceAuthReady(bool *outIsDeviceAuthReady);

#ifdef __cplusplus
}
#endif

#endif
