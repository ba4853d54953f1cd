/// @file log.h
/// @brief Text for the developer: the device's log, or the terminal when run by hand.
///
/// Needs no capability in the application manifest.
#ifndef SPHERULE_APPLIBS_LOG_H
#define SPHERULE_APPLIBS_LOG_H

#include <stdarg.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SPHERULE_LOG_FORMAT(first) __attribute__((format(printf, 1, first)))
#else
#define SPHERULE_LOG_FORMAT(first)
#endif

/// Formats a message as printf does and writes it to the debug output (descriptor 2).
///
/// A message of up to 511 bytes leaves in one piece, so that lines of several threads do not mix;
/// a longer one is written in parts. It allocates nothing. Not for use in a signal handler.
///
/// @param fmt The format; a line ends with "\n" as in printf.
/// @returns 0, or -1 with errno set. EFAULT: fmt is NULL. Others are those of write(2).
int Log_Debug(const char *fmt, ...) SPHERULE_LOG_FORMAT(2);

/// As Log_Debug, with the arguments in a va_list, which is left as vprintf leaves it.
int Log_DebugVarArgs(const char *fmt, va_list args) SPHERULE_LOG_FORMAT(0);

#undef SPHERULE_LOG_FORMAT

#ifdef __cplusplus
}
#endif

#endif
