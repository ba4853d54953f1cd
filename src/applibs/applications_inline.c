/* The functions that applications.h defines inline, once more as exports: a program in a language
 * that does not read C headers calls them by name. */
#define Applications_GetTotalMemoryUsageInKB inline_total
#define Applications_GetUserModeMemoryUsageInKB inline_user
#define Applications_GetPeakUserModeMemoryUsageInKB inline_peak_user
#define Applications_GetOsVersion inline_os_version
#include <applibs/applications.h>
#undef Applications_GetTotalMemoryUsageInKB
#undef Applications_GetUserModeMemoryUsageInKB
#undef Applications_GetPeakUserModeMemoryUsageInKB
#undef Applications_GetOsVersion

size_t Applications_GetTotalMemoryUsageInKB(void);
size_t Applications_GetUserModeMemoryUsageInKB(void);
size_t Applications_GetPeakUserModeMemoryUsageInKB(void);
int Applications_GetOsVersion(Applications_OsVersion *outVersion);

size_t Applications_GetTotalMemoryUsageInKB(void) {
    return inline_total();
}

size_t Applications_GetUserModeMemoryUsageInKB(void) {
    return inline_user();
}

size_t Applications_GetPeakUserModeMemoryUsageInKB(void) {
    return inline_peak_user();
}

int Applications_GetOsVersion(Applications_OsVersion *outVersion) {
    return inline_os_version(outVersion);
}
