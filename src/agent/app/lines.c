/* One line is kept at most. Text that is complete within the bytes fed is handed on without a copy.
 *
 * A line longer than the room is handed on in pieces, each marked as continued, and not dropped:
 * what an app writes without newlines (a dump, a progress bar) is often all that it says. Carriage
 * returns are text: terminals and their habits are the reader's affair. */
#include "agent/app/lines.h"

#include <string.h>

/* Adds to the kept text; hands it on in pieces when it is full. */
static void keep(struct sph_lines *lines, const char *data, size_t len, sph_line_fn *fn,
                 void *context) {
    while (len > 0) {
        if (lines->len == sizeof(lines->text)) {
            fn(context, lines->text, lines->len, true);
            lines->len = 0;
        }
        size_t room = sizeof(lines->text) - lines->len;
        size_t part = len < room ? len : room;
        memcpy(lines->text + lines->len, data, part);
        lines->len += part;
        data += part;
        len -= part;
    }
}

/* The copy is made only for text that came without its end, or in front of which some is kept. */
void sph_lines_feed(struct sph_lines *lines, const char *data, size_t len, sph_line_fn *fn,
                    void *context) {
    while (len > 0) {
        const char *newline = memchr(data, '\n', len);
        size_t part = newline ? (size_t)(newline - data) : len;
        if (newline && lines->len == 0 && part <= sizeof(lines->text)) {
            fn(context, data, part, false);
        } else {
            keep(lines, data, part, fn, context);
            if (newline) {
                fn(context, lines->text, lines->len, false);
                lines->len = 0;
            }
        }
        if (newline)
            part++;
        data += part;
        len -= part;
    }
}

/* The last line of an app that ended without a newline is a line. */
void sph_lines_flush(struct sph_lines *lines, sph_line_fn *fn, void *context) {
    if (lines->len > 0)
        fn(context, lines->text, lines->len, false);
    lines->len = 0;
}
