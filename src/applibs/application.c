/* The device has no certificate of its own to show to a server, which is what "ready" would mean.
 * An application that waits for it goes on waiting, as on a device that was never claimed. */
#include <applibs/application.h>

#include <errno.h>
#include <stddef.h>

int Application_IsDeviceAuthReady(bool *outIsDeviceAuthReady) {
    if (outIsDeviceAuthReady == NULL) {
        errno = EFAULT;
        return -1;
    }
    *outIsDeviceAuthReady = false;
    return 0;
}
