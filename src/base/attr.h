/* attr: the compiler attributes that the project uses, under names of its own. */
#ifndef SPH_BASE_ATTR_H
#define SPH_BASE_ATTR_H

#define SPH_MUST_USE __attribute__((warn_unused_result))
#define SPH_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define SPH_CLEANUP(fn) __attribute__((cleanup(fn)))
#define SPH_API __attribute__((visibility("default")))
#define SPH_COLD __attribute__((cold))

#define SPH_ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#endif
