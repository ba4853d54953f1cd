/* heap_text: a process's heap as tables and sentences, 80 columns wide. */
#ifndef SPH_CLI_REPORT_HEAP_TEXT_H
#define SPH_CLI_REPORT_HEAP_TEXT_H

#include "base/buf.h"
#include "cli/report/heap.h"

/* All append, and are pure.
 * By caller. `before` (NULL: none) is an earlier reading of the same process: rates stand beside.
 */
void sph_heap_write_callers(const struct sph_heap *heap, const struct sph_heap *before,
                            struct sph_buf *buf);
/* The first `n` call sites, and what the marks mean. */
void sph_heap_write_sites(const struct sph_heap *heap, unsigned n, struct sph_buf *buf);
/* "add_node src/main.c:48", "malloc_wrapper+0x1c libfoo.so", "app+0x123": whichever is known, not
 * longer than `width` bytes (20 or more; shortened in the middle). */
void sph_heap_write_place(const struct sph_heap *heap, const struct sph_symbol *at, size_t width,
                          struct sph_buf *buf);
/* The heap's part of a report: the block that crossed, callers, sites; 10 of them. */
void sph_heap_write_report(const struct sph_heap *heap, bool was_good, struct sph_buf *buf);
/* At most `width` bytes of it, the middle replaced by "…" (3 bytes, 1 column). */
void sph_heap_shorten(const char *text, size_t width, char *ret_text, size_t size);

#endif
