/* Each line is one write, so that lines of two processes on one descriptor do not mix. The state is
 * global on purpose: a program has one standard error. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

enum { LINE_MAX_BYTES = 1024 /* a longer line is cut */ };

static struct {
    const char *program;
    enum sph_log_level level;
    bool is_journal; /* the journal keeps time and level by itself */
    bool is_file;    /* nobody else keeps the time */
} state = {.program = "spherule", .level = SPH_LOG_NOTICE};

static const struct {
    const char *name;
    int priority; /* of syslog(3) */
} levels[] = {
    [SPH_LOG_ERROR] = {"error", 3},   [SPH_LOG_WARNING] = {"warning", 4},
    [SPH_LOG_NOTICE] = {"notice", 5}, [SPH_LOG_INFO] = {"info", 6},
    [SPH_LOG_DEBUG] = {"debug", 7},
};

/* systemd tells "device:inode" of the stream it made; it may not be standard error any more. */
static bool is_journal_stream(const struct stat *info) {
    const char *told = getenv("JOURNAL_STREAM");
    char actual[48];
    (void)snprintf(actual, sizeof(actual), "%llu:%llu", (unsigned long long)info->st_dev,
                   (unsigned long long)info->st_ino);
    return told && strcmp(told, actual) == 0;
}

/* An unknown level in the environment is no reason not to start: the default holds. */
void sph_log_open(const char *program) {
    state.program = program;
    state.level = SPH_LOG_NOTICE;
    const char *wanted = getenv("SPHERULE_LOG");
    for (size_t i = 0; wanted && i < SPH_ARRAY_SIZE(levels); i++)
        if (strcmp(wanted, levels[i].name) == 0)
            state.level = (enum sph_log_level)i;
    struct stat info;
    bool known = fstat(STDERR_FILENO, &info) == 0;
    state.is_journal = known && is_journal_stream(&info);
    state.is_file = known && S_ISREG(info.st_mode);
}

/* "<3>" for a journal, else "time program: level: ", the time only for a file. */
static size_t put_head(enum sph_log_level level, char *ret_line, size_t size) {
    char now[SPH_CLOCK_TEXT + 1] = "";
    if (state.is_file) {
        sph_clock_format(sph_clock_wall_ms(), now);
        strcat(now, " ");
    }
    int len = state.is_journal
                  ? snprintf(ret_line, size, "<%d>", levels[level].priority)
                  : snprintf(ret_line, size, "%s%s: %s: ", now, state.program, levels[level].name);
    return len < 0 ? 0 : (size_t)len < size ? (size_t)len : size - 1;
}

/* Composed on the stack and cut there: a log line must come out also when memory has run out. */
void sph_log(enum sph_log_level level, const char *fmt, ...) {
    if (level > state.level)
        return;
    int saved = errno;
    char text[LINE_MAX_BYTES], line[LINE_MAX_BYTES];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    size_t used = put_head(level, line, sizeof(line) / 2);
    sph_text_printable(text, len < 0 ? 0 : strlen(text), line + used, sizeof(line) - used - 1);
    used += strlen(line + used);
    line[used++] = '\n';
    /* Nowhere to tell of a failed write; ignoring. */
    if (write(STDERR_FILENO, line, used) < 0)
        errno = saved;
    errno = saved;
}
