/* An eventfd for each share: the kernel keeps the count and the app waits for it as for any other
 * descriptor, so that the agent needs no connection that stays and cannot be held up by an app that
 * does not read. */
#include "agent/app/early_warning.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "meter/meter.h"

/* An app that writes to its counter until it is full harms itself only: nothing is waited for. */
static void add(int fd, uint64_t crossings) {
    (void)!write(fd, &crossings, sizeof(crossings));
}

static int hand_out(int fd) {
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return copy < 0 ? -errno : copy;
}

static const struct sph_early_warning *find(const struct sph_early_warnings *warnings,
                                            unsigned percent) {
    for (unsigned i = 0; i < warnings->count; i++)
        if (warnings->watches[i].percent == percent)
            return &warnings->watches[i];
    return NULL;
}

/* The mark is set before the figure is read: what rises between the two is seen by both, and is
 * told twice rather than not at all. */
static int begin(struct sph_early_warnings *warnings, unsigned percent, uint64_t level) {
    struct sph_early_warning watch = {.percent = percent};
    struct sph_meter_figures figures;
    sph_autoclose int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    int copy = hand_out(fd);
    if (copy < 0)
        return copy;
    int rc = sph_meter_mark_add(warnings->meter, level, &watch.mark);
    if (rc < 0) {
        (void)close(copy);
        return rc;
    }
    sph_meter_read(warnings->meter, &figures);
    if (figures.counted > level)
        add(fd, 1);
    watch.fd = SPH_STEAL_FD(fd);
    warnings->watches[warnings->count++] = watch;
    return copy;
}

int sph_early_warning_open(struct sph_early_warnings *warnings, unsigned percent) {
    struct sph_meter_figures figures;
    if (percent < 1 || percent > 99)
        return -EINVAL;
    const struct sph_early_warning *known = find(warnings, percent);
    if (known)
        return hand_out(known->fd);
    if (warnings->count == SPH_EARLY_WARNINGS)
        return -ENOSPC;
    sph_meter_read(warnings->meter, &figures);
    if (figures.limit == 0)
        return -EINVAL;
    return begin(warnings, percent,
                 figures.limit / 100 * percent + figures.limit % 100 * percent / 100);
}

void sph_early_warning_tell(struct sph_early_warnings *warnings) {
    for (unsigned i = 0; i < warnings->count; i++) {
        struct sph_early_warning *watch = &warnings->watches[i];
        uint64_t crossings = sph_meter_mark_crossings(warnings->meter, watch->mark);
        if (crossings != watch->told)
            add(watch->fd, crossings - watch->told);
        watch->told = crossings;
    }
}

void sph_early_warning_close(struct sph_early_warnings *warnings) {
    while (warnings->count > 0) {
        const struct sph_early_warning *watch = &warnings->watches[--warnings->count];
        sph_meter_mark_remove(warnings->meter, watch->mark);
        (void)close(watch->fd);
    }
}
