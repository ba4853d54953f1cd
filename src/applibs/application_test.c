/* The one answer about this application that needs no agent. */
#include <applibs/application.h>

#include "check.h"

int main(void) {
    bool is_ready = true;
    CHECK(Application_IsDeviceAuthReady(&is_ready) == 0);
    CHECK(!is_ready);
    CHECK_FAILS(Application_IsDeviceAuthReady(NULL), -1, EFAULT);
    return check_done();
}
