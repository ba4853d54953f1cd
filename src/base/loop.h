/* loop: one epoll loop per process: descriptors, timers and signals call back. A child process is
 * watched through its pidfd.
 *
 * Programs are one thread that never waits anywhere but here, so callbacks must not block. Threads
 * were rejected: what they would share is most of the state. */
#ifndef SPH_BASE_LOOP_H
#define SPH_BASE_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "base/attr.h"
#include "base/err.h"

/* Everything runs in the thread that calls sph_loop_run or sph_loop_step; nothing here is safe to
 * call from another, nor from a signal handler. Within a round, descriptors come in the kernel's
 * order, not in that of registration. A watch is level-triggered unless EPOLLET is asked for: what
 * is not read is told again. */
struct sph_loop;
/* One registration; owned by the loop until removed. */
struct sph_watch;

/* Callbacks may add and remove any watch, their own included. */
typedef void sph_loop_fd_fn(void *context, int fd, uint32_t epoll_events);
typedef void sph_loop_timer_fn(void *context);
typedef void sph_loop_signal_fn(void *context, int signal_number);

/* 0, -ENOMEM or what epoll gives. */
int sph_loop_new(struct sph_loop **ret_loop, struct sph_err *err);
/* Takes NULL, returns NULL. Removes what is still watched: no watch may be used after. */
struct sph_loop *sph_loop_free(struct sph_loop *loop);

/* ret_watch may be NULL for a watch that stays as long as the loop.
 * The descriptor stays the caller's; remove the watch before closing it. */
int sph_loop_add_fd(struct sph_loop *loop, int fd, uint32_t epoll_events, sph_loop_fd_fn *fn,
                    void *context, struct sph_watch **ret_watch, struct sph_err *err);
/* Holds at once: events of the running round that are no longer asked for are not delivered.
 * EPOLLERR and EPOLLHUP always are. 0 or negative errno. */
int sph_loop_modify_fd(struct sph_watch *watch, uint32_t epoll_events);
/* Monotonic. period_ms = 0 fires once and stays registered, disarmed, until armed again or removed.
 */
int sph_loop_add_timer(struct sph_loop *loop, uint64_t first_ms, uint64_t period_ms,
                       sph_loop_timer_fn *fn, void *context, struct sph_watch **ret_watch,
                       struct sph_err *err);
/* An expiry that has not been delivered yet is forgotten. */
int sph_loop_arm_timer(struct sph_watch *watch, uint64_t first_ms,
                       uint64_t period_ms); /* 0,0 disarms */
/* Blocks the signal for the process and delivers it here (signalfd). It stays blocked after
 * removal, and in children: unblock it before exec. Call it before any thread is made. */
int sph_loop_add_signal(struct sph_loop *loop, int signal_number, sph_loop_signal_fn *fn,
                        void *context, struct sph_watch **ret_watch, struct sph_err *err);
/* No callback of this watch runs after, also when its event is due in the running round. */
struct sph_watch *sph_loop_remove(struct sph_watch *watch); /* takes NULL, returns NULL */

/* Runs until sph_loop_stop(), whose round is finished first; returns the status given there, or
 * negative errno. */
int sph_loop_run(struct sph_loop *loop, struct sph_err *err);
/* One round: waits at most timeout_ms (-1 for ever); number of callbacks run, or negative errno. */
int sph_loop_step(struct sph_loop *loop, int timeout_ms);
/* From a callback, or before sph_loop_run(), which then returns at once. */
void sph_loop_stop(struct sph_loop *loop, int status);

static inline void sph_loop_freep(struct sph_loop **loop) {
    *loop = sph_loop_free(*loop);
}

#endif
