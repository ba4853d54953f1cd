/* log: lines for the operator on standard error; only programs log, libraries never do.
 *
 * Syslog was rejected: programs here are started by a person or by a service manager, and both read
 * standard error. */
#ifndef SPH_BASE_LOG_H
#define SPH_BASE_LOG_H

#include "base/attr.h"

/* What each level is for: error, the program cannot do what it is there for; warning, it can but
 * not all of it; notice, the normal but rare (started, stopped, an app killed); info, each request;
 * debug, everything. */
enum sph_log_level {
    SPH_LOG_ERROR,
    SPH_LOG_WARNING,
    SPH_LOG_NOTICE,
    SPH_LOG_INFO,
    SPH_LOG_DEBUG,
};

/* `program` is static storage. The level comes from SPHERULE_LOG (error … debug; default notice).
 * Lines carry a "<n>" priority prefix when standard error is a journal stream, and begin with the
 * time when it is a file. */
void sph_log_open(const char *program);
/* One line; the text ends with key=value pairs where there are any. Control characters in it are
 * shown as '?', and a line of more than 1 KiB is cut. Leaves errno as it was. */
void sph_log(enum sph_log_level level, const char *fmt, ...) SPH_PRINTF(2, 3);

#endif
