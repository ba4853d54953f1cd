/* lines: an app's output stream cut into lines of bounded length, without allocation. */
#ifndef SPH_AGENT_APP_LINES_H
#define SPH_AGENT_APP_LINES_H

#include <stdbool.h>
#include <stddef.h>

enum {
    SPH_LINE_MAX = 512
}; /* bytes without the newline; the rest of a longer line follows as the
      next line, so that no output is lost */

/* A line without its newline. `continued`: the line was too long, its rest is the next call's. */
typedef void sph_line_fn(void *context, const char *text, size_t len, bool continued);

/* Zero-initialise it. The text kept never holds a newline. */
struct sph_lines {
    size_t len;
    char text[SPH_LINE_MAX];
};

/* Takes any bytes; calls fn for every line that is complete. */
void sph_lines_feed(struct sph_lines *lines, const char *data, size_t len, sph_line_fn *fn,
                    void *context);
/* The last line, which had no newline. */
void sph_lines_flush(struct sph_lines *lines, sph_line_fn *fn, void *context);

#endif
