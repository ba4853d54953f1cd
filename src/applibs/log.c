/* Text goes to descriptor 2, which the agent reads as the application's log. Neither stdio's
 * streams nor the heap are used: both would cost the application pages for a line of text. */
#include <applibs/log.h>

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* Bytes with NUL. On the stack, so within a page that the caller's frames hold anyway; and no more
 * than PIPE_BUF may be at the least, which a pipe takes in one piece. */
enum { LINE_BYTES = 512 };

/* The agent may be slow to read: a pipe that is full takes the line in parts, and a signal that is
 * handled meanwhile does not lose the rest. */
static int write_all(const char *text, size_t length) {
    while (length > 0) {
        ssize_t written = write(STDERR_FILENO, text, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        text += written;
        length -= (size_t)written;
    }
    return 0;
}

/* A longer message is formatted again, straight to the descriptor in parts: rare, and better than a
 * cut line or a larger stack for all. */
int Log_DebugVarArgs(const char *fmt, va_list args) {
    if (fmt == NULL) {
        errno = EFAULT;
        return -1;
    }
    char line[LINE_BYTES];
    va_list again; /* the first pass uses the list up, and a long message needs a second */
    va_copy(again, args);
    int length = vsnprintf(line, sizeof(line), fmt, args);
    int status = -1;
    if (length >= 0 && length < LINE_BYTES)
        status = write_all(line, (size_t)length);
    else if (length >= LINE_BYTES)
        status = vdprintf(STDERR_FILENO, fmt, again) < 0 ? -1 : 0;
    va_end(again);
    return status;
}

int Log_Debug(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    int status = Log_DebugVarArgs(fmt, args);
    va_end(args);
    return status;
}
