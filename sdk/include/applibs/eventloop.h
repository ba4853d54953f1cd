/// @file eventloop.h
/// @brief A loop that waits for descriptors and calls a function for each event.
///
/// A loop belongs to one thread: only EventLoop_Stop may be called from another one. Callbacks run
/// in the thread that called EventLoop_Run. Timers are descriptors too (timerfd_create).
#ifndef SPHERULE_APPLIBS_EVENTLOOP_H
#define SPHERULE_APPLIBS_EVENTLOOP_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A loop, made by EventLoop_Create.
typedef struct EventLoop EventLoop;

/// One descriptor in a loop, made by EventLoop_RegisterIo.
typedef struct EventRegistration EventRegistration;

/// A set of events: any of the values below, joined by |.
typedef uint32_t EventLoop_IoEvents;

enum {
    /// Nothing; EventLoop_Error is reported even then.
    EventLoop_None = 0x00,
    /// The descriptor can be read.
    EventLoop_Input = 0x01,
    /// The descriptor can be written.
    EventLoop_Output = 0x04,
    /// The descriptor is in error. Reported whether asked for or not.
    EventLoop_Error = 0x08
};

/// How EventLoop_Run ended.
typedef enum EventLoop_Run_Result {
    /// It failed; errno says why.
    EventLoop_Run_Failed = -1,
    /// It ended and no callback was called.
    EventLoop_Run_FinishedEmpty = 0,
    /// It ended and at least one callback was called.
    EventLoop_Run_Finished = 1
} EventLoop_Run_Result;

/// The function that a loop calls for an event.
///
/// It may register, change and unregister any descriptor of the loop, its own included, and may
/// stop the loop. When the other end of the descriptor has hung up, events holds EventLoop_Input
/// (a read then tells the end) or, where input was not asked for, EventLoop_Error.
///
/// @param el The loop.
/// @param fd The descriptor that has the event.
/// @param events What happened: one or more of the EventLoop_IoEvents.
/// @param context The pointer given at registration.
typedef void EventLoopIoCallback(EventLoop *el, int fd, EventLoop_IoEvents events, void *context);

/// Makes a loop.
///
/// @returns The loop, to be closed with EventLoop_Close, or NULL with errno set (EMFILE, ENOMEM).
EventLoop *EventLoop_Create(void);

/// Closes a loop and frees its registrations, which are invalid from then on. The registered
/// descriptors stay open. Inside a callback the loop ends after that callback.
///
/// @param el The loop; NULL does nothing.
void EventLoop_Close(EventLoop *el);

/// Waits for events and calls the callbacks.
///
/// @param el The loop.
/// @param duration_in_milliseconds Above 0: how long to run. 0: handle at most one event that is
/// ready now, and return without waiting. Below 0: run until stopped.
/// @param process_one_event Return after the first event. Ignored when the duration is 0.
/// @returns How it ended. On EventLoop_Run_Failed errno is set. EFAULT: el is NULL. EBUSY: the loop
/// is running already, so that the call came from a callback or from another thread. EINTR: a
/// signal was handled.
EventLoop_Run_Result EventLoop_Run(EventLoop *el, int duration_in_milliseconds,
                                   bool process_one_event);

/// Gives a descriptor that is readable while the loop has work, for use with poll, select or epoll
/// where another loop is the main one. It belongs to the loop: do not close it.
///
/// @returns The descriptor, or -1 with errno set. EFAULT: el is NULL.
int EventLoop_GetWaitDescriptor(EventLoop *el);

/// Makes EventLoop_Run return.
///
/// Called in a callback, no further event is handed out. Called from another thread, the loop ends
/// soon after, and may hand out a few more events before. Called while the loop is not running, the
/// next EventLoop_Run returns at once, so that a stop is never lost.
///
/// @returns 0, or -1 with errno set. EFAULT: el is NULL.
int EventLoop_Stop(EventLoop *el);

/// Adds a descriptor to a loop. A descriptor can be in a loop once.
///
/// @param el The loop.
/// @param fd The descriptor; it stays the caller's, who unregisters it before closing it.
/// @param eventBitmask The events to report.
/// @param callback The function to call.
/// @param context A pointer for that function.
/// @returns The registration, or NULL with errno set. EFAULT: el or callback is NULL. EINVAL:
/// eventBitmask holds an unknown bit. EBADF: fd is not open. EEXIST: fd is in this loop already.
/// EPERM: the kind of file cannot be waited for, as with a regular file.
EventRegistration *EventLoop_RegisterIo(EventLoop *el, int fd, EventLoop_IoEvents eventBitmask,
                                        EventLoopIoCallback *callback, void *context);

/// Changes the events that a registration reports.
///
/// @returns 0, or -1 with errno set. EFAULT: el or reg is NULL. EINVAL: eventBitmask holds an
/// unknown bit, or reg is not in this loop.
int EventLoop_ModifyIoEvents(EventLoop *el, EventRegistration *reg,
                             EventLoop_IoEvents eventBitmask);

/// Takes a descriptor out of a loop and frees its registration. No event is reported after it.
///
/// @returns 0, also when reg is NULL, or -1 with errno set. EFAULT: el is NULL and reg is not.
/// EINVAL: reg is not in this loop.
int EventLoop_UnregisterIo(EventLoop *el, EventRegistration *reg);

#ifdef __cplusplus
}
#endif

#endif
