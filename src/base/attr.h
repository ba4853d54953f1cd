/* attr: the compiler attributes that the project uses, under names of its own.
 *
 * C23's [[…]] forms were rejected: clang 14 does not take them in the C17 that the project is
 * written in. */
#ifndef SPH_BASE_ATTR_H
#define SPH_BASE_ATTR_H

/* The result tells whether the rest makes sense; (void) does not silence gcc here, on purpose. */
#define SPH_MUST_USE __attribute__((warn_unused_result))
/* Numbers of the format's parameter and of the first argument, from 1; 0 for a va_list. */
#define SPH_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
/* The function gets the variable's address when its scope is left; see cleanup.h. */
#define SPH_CLEANUP(fn) __attribute__((cleanup(fn)))
#define SPH_API __attribute__((visibility("default")))
#define SPH_COLD __attribute__((cold))
#define SPH_NORETURN __attribute__((noreturn))

/* Of an array itself; a pointer gives nonsense. */
#define SPH_ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#endif
