/// @file memory.h
/// @brief A warning before the memory ration is used up.
///
/// The device ends the application whose growth goes beyond the ration. A watch tells before: when
/// what the device's applications hold together (user memory, without a debugger's) passes a share
/// of the ration. It is taken from every change, not looked up from time to time.
///
/// A watch fires each time memory rises from the share or below to above it. It is armed again by
/// memory falling back to the share or below; while memory stays above, nothing more is told. A
/// watch that is opened while memory is above its share fires at once.
///
/// The warning comes while the application runs on: leave as much room between the share and the
/// ration as it can take until it frees something. Growth that passes both at once is ended first.
#ifndef SPHERULE_MEMORY_H
#define SPHERULE_MEMORY_H

#include <stdint.h>

#include <applibs/eventloop.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    /// The shares that one application can watch, from its start to its end.
    Spherule_Memory_MaxWatches = 4
};

/// Opens a watch as a descriptor, for use with poll, select, epoll or an EventLoop.
///
/// It is readable once the watch has fired. A read of 8 bytes (uint64_t) gives how often it has
/// since the last read, and makes it unreadable again; with nothing to give it fails with EAGAIN.
/// Watches of one share are one counter: a read from one takes from all. close() closes it.
///
/// @param percent The share of the ration, 1 to 99.
/// @returns A descriptor, or -1 with errno set. EINVAL: percent is not 1 to 99, or the device has
/// no ration. ENOSPC: the application watches Spherule_Memory_MaxWatches other shares already
/// (closed ones included), or all applications together watch too many. EAGAIN: the device cannot
/// be reached. ENOSYS: the device is older than this function.
int Spherule_Memory_OpenWatch(unsigned percent);

/// A watch in a loop, made by Spherule_Memory_Watch.
typedef struct Spherule_MemoryWatch Spherule_MemoryWatch;

/// The function that a loop calls when a watch has fired.
///
/// It may end any watch, its own included.
///
/// @param el The loop.
/// @param percent The share that was given to Spherule_Memory_Watch.
/// @param crossings How often memory has passed it since the last call, 1 or more.
/// @param context The pointer that was given to Spherule_Memory_Watch.
typedef void Spherule_MemoryCallback(EventLoop *el, unsigned percent, uint64_t crossings,
                                     void *context);

/// Opens a watch in a loop.
///
/// @param el The loop.
/// @param percent The share of the ration, 1 to 99.
/// @param callback The function to call.
/// @param context A pointer for that function.
/// @returns The watch, or NULL with errno set as for Spherule_Memory_OpenWatch and
/// EventLoop_RegisterIo. EFAULT: el or callback is NULL. ENOMEM: no memory.
Spherule_MemoryWatch *Spherule_Memory_Watch(EventLoop *el, unsigned percent,
                                            Spherule_MemoryCallback *callback, void *context);

/// Ends a watch and frees it, before its loop is closed.
///
/// @param el The loop that it is in.
/// @param watch The watch; NULL does nothing.
/// @returns 0, or -1 with errno set. EFAULT: el is NULL and watch is not. EINVAL: watch is not in
/// this loop.
int Spherule_Memory_Unwatch(EventLoop *el, Spherule_MemoryWatch *watch);

#ifdef __cplusplus
}
#endif

#endif
