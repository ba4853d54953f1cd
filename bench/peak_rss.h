/* peak_rss: the most memory that this program has held, as the kernel tells it. */
#ifndef SPH_BENCH_PEAK_RSS_H
#define SPH_BENCH_PEAK_RSS_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* VmHWM begins anew with each program. getrusage and wait4 tell more: the peak of whoever started
 * it, which a process keeps through execve. Takes nothing from the heap that is measured. */
static inline void print_peak_rss(void) {
    static char text[4096];
    int fd = open("/proc/self/status", O_RDONLY);
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    const char *line = len > 0 ? strstr(text, "VmHWM:") : NULL;
    if (line)
        printf("%-20s %6ld\n", "peak-rss-kib", strtol(line + strlen("VmHWM:"), NULL, 10));
    if (fd >= 0)
        (void)close(fd);
}

#endif
