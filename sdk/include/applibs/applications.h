/// @file applications.h
/// @brief What the applications of this device use of their memory, and which OS version they run
/// on.
///
/// Needs no capability in the application manifest.
#ifndef SPHERULE_APPLIBS_APPLICATIONS_H
#define SPHERULE_APPLIBS_APPLICATIONS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// @cond INTERNAL
// The exported functions behind the inline ones below. A failing call leaves its buffer untouched,
// which is how the inlines tell a failure without looking at the result.
int z__Applications_GetMemoryInfo(uint32_t attribute, void *buffer, size_t capacity);
int z__Applications_GetOsVersion(void *outVersion, size_t capacity);
/// @endcond

/// The version of the operating system, as a string such as "22.11".
typedef struct Applications_OsVersion {
    /// The string, closed by a NUL.
    char version[16];
} Applications_OsVersion;

/// Reads the memory that the applications hold in user mode plus what the kernel holds for them:
/// page tables, kernel stacks, sockets and the like.
///
/// @returns The figure in KiB, rounded up, or 0 on failure; no figure is ever 0. On failure errno
/// is set. EAGAIN: the figure cannot be had now, ask again later.
static inline size_t Applications_GetTotalMemoryUsageInKB(void) {
    size_t kib = 0;
    (void)z__Applications_GetMemoryInfo(0, &kib, sizeof(kib));
    return kib;
}

/// Reads the memory that the applications hold in user mode. Pages that a shared library writes on
/// behalf of an application are counted; pages of the read-only image package are not.
///
/// @returns The figure in KiB, or 0 on failure with errno set, as for the total.
static inline size_t Applications_GetUserModeMemoryUsageInKB(void) {
    size_t kib = 0;
    (void)z__Applications_GetMemoryInfo(1, &kib, sizeof(kib));
    return kib;
}

/// Reads the highest user-mode figure since the application was started or deployed.
///
/// @returns The figure in KiB, or 0 on failure with errno set, as for the total.
static inline size_t Applications_GetPeakUserModeMemoryUsageInKB(void) {
    size_t kib = 0;
    (void)z__Applications_GetMemoryInfo(2, &kib, sizeof(kib));
    return kib;
}

/// Reads the version of the operating system.
///
/// @param outVersion Receives the version; untouched on failure.
/// @returns 0, or -1 with errno set. EFAULT: outVersion is NULL. EAGAIN: the version cannot be had
/// now, ask again later.
static inline int Applications_GetOsVersion(Applications_OsVersion *outVersion) {
    return z__Applications_GetOsVersion(outVersion, sizeof(Applications_OsVersion));
}

#ifdef __cplusplus
}
#endif

#endif
