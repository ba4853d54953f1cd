/* case_plug: what the test library does at its caller's word. */
#ifndef SPH_LIBMALLOC_CASE_PLUG_H
#define SPH_LIBMALLOC_CASE_PLUG_H

#include <stddef.h>

enum { CASE_ASKS = 16 };

void case_ask(unsigned n);     /* one function of the C library that allocates; it is kept */
void *case_take(size_t bytes); /* malloc, called */
void *case_jump(size_t bytes); /* malloc, jumped to */

#endif
