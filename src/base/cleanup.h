/* cleanup: what is acquired in a scope is given back at its end, unless it is handed over. */
#ifndef SPH_BASE_CLEANUP_H
#define SPH_BASE_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/attr.h"

/* The destructors behind the macros: called with the address of the variable, and content with its
 * empty value. A failed close is ignored: what must be durable is synced before. */
static inline void sph_freep_(void *pointer_to_pointer) {
    free(*(void **)pointer_to_pointer);
}
static inline void sph_closep_(const int *fd) {
    if (*fd >= 0)
        (void)close(*fd);
}
static inline void sph_fclosep_(FILE **file) {
    if (*file)
        (void)fclose(*file);
}
static inline void sph_closedirp_(DIR **dir) {
    if (*dir)
        (void)closedir(*dir);
}

#define sph_autofree SPH_CLEANUP(sph_freep_)
#define sph_autoclose SPH_CLEANUP(sph_closep_) /* an int; starts at -1 */
#define sph_autofclose SPH_CLEANUP(sph_fclosep_)
#define sph_autoclosedir SPH_CLEANUP(sph_closedirp_)

/* Hands the value over and leaves the empty value behind, so that cleanup does nothing. */
#define SPH_STEAL_PTR(p)                                                                           \
    ({                                                                                             \
        __typeof__(p) *steal_p_ = &(p);                                                            \
        __typeof__(p) steal_v_ = *steal_p_;                                                        \
        *steal_p_ = NULL;                                                                          \
        steal_v_;                                                                                  \
    })
#define SPH_STEAL_FD(fd)                                                                           \
    ({                                                                                             \
        int *steal_p_ = &(fd);                                                                     \
        int steal_v_ = *steal_p_;                                                                  \
        *steal_p_ = -1;                                                                            \
        steal_v_;                                                                                  \
    })

#endif
