/* gdb: a real gdb at the other end of a debugging session, for tests. */
#ifndef SPH_AGENT_TESTS_GDB_H
#define SPH_AGENT_TESTS_GDB_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/tests/rig.h"

enum { GDB_TEXT = 16 * 1024 };

struct gdb {
    int in;  /* held open: one that stays waits there for its user */
    int out; /* both of its outputs; -1: it has ended */
    size_t len;
    char text[GDB_TEXT];
};

/* Connects to the app, whose symbols are those of the program at `program`, and does these (a
 * NULL-terminated list). It ends then, unless it stays. */
void gdb_start(struct gdb *gdb, const char *program, bool stays, const char *const *commands);
/* Until it says this (NULL: until it has ended), with the device's loop running. */
void gdb_await(struct rig *rig, struct gdb *gdb, const char *text);
void gdb_end(struct rig *rig, struct gdb *gdb);
/* It has said this, or the test fails. */
void gdb_has(const struct gdb *gdb, const char *text);

#endif
