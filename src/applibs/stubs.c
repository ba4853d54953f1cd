/* The names of the platform that are not implemented yet. musl binds a program's imports when it
 * loads it, so a name that is missing keeps an application from starting that may never call it.
 *
 * One body for each type of result, and the names are aliases of it: an alias is a line in the
 * symbol table, which is read from the file and costs the application no page. A body needs to know
 * nothing of the arguments, since callers pass and remove them in each calling convention here. A
 * long serves int, ssize_t and enumerations alike: -1 fills the register. */
#include <errno.h>
#include <stddef.h>

static long fail_int(void) {
    errno = ENOSYS;
    return -1;
}

static void *fail_pointer(void) {
    errno = ENOSYS;
    return NULL;
}

/* What has no result cannot tell; the call that uses what it should have made will fail. */
static void do_nothing(void) {
}

#define ALIAS(body) __attribute__((alias(#body)))
#define DEFINE_WORKS(name)
#define DEFINE_INT(name) long name(void) ALIAS(fail_int);
#define DEFINE_POINTER(name) void *name(void) ALIAS(fail_pointer);
#define DEFINE_VOID(name) void name(void) ALIAS(do_nothing);

#define SPH_API_NAME(name, kind, header) DEFINE_##kind(name)
#include "api.def"
