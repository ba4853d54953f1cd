/// @file storage.h
/// @brief The files of the application: those in its image package, and the one it may write.
#ifndef SPHERULE_APPLIBS_STORAGE_H
#define SPHERULE_APPLIBS_STORAGE_H

#ifdef __cplusplus
extern "C" {
#endif

/// Makes the absolute path of a file in the image package. Whether it exists is not looked at.
///
/// @param relativePath The path from the root of the package; it may not begin with "/" or "." nor
/// hold "..".
/// @returns A string to be freed with free(), or NULL with errno set. EFAULT: relativePath is NULL.
/// EINVAL: the path breaks a rule above. EIO: the device cannot be asked for the package's place.
/// ENOMEM: out of memory.
char *Storage_GetAbsolutePathInImagePackage(const char *relativePath);

/// Opens a regular file of the image package for reading.
///
/// @param relativePath As for Storage_GetAbsolutePathInImagePackage.
/// @returns A descriptor to be closed with close(), or -1 with errno set. EFAULT, EINVAL and EIO as
/// above, EINVAL also when it is no regular file; others are those of open(2), such as ENOENT.
int Storage_OpenFileInImagePackage(const char *relativePath);

/// Opens the application's mutable file for reading and writing, and makes it when there is none.
/// It survives restarts of the application and of the device, and updates of the application.
///
/// Needs the capability MutableStorage with a SizeKB above 0. A write that would take the file
/// beyond that size fails with EDQUOT.
///
/// @returns A descriptor to be closed with close(), or -1 with errno set. EACCES: the capability is
/// missing or its SizeKB is 0. EIO: the storage cannot be reached.
int Storage_OpenMutableFile(void);

/// Deletes the application's mutable file. Close all its descriptors first.
///
/// Needs the capability MutableStorage.
///
/// @returns 0, or -1 with errno set. EACCES: the capability is missing. ENOENT: there is no file.
/// EIO: the storage cannot be reached.
int Storage_DeleteMutableFile(void);

#ifdef __cplusplus
}
#endif

#endif
