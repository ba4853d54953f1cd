/* Split off from what mounts and opens, so that it can be tested on any machine. */
#include "agent/machine/machine_parse.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

static const char time_word[] = "spherule.time_ms=";

/* The kernel stops at 2^63 ns less thirty years of uptime; 2200 is within it. */
static const uint64_t time_max_s = 7258118400;

/* Words between blanks; the kernel ends the line with a newline. What stands behind "--" is for
 * init and not looked at, since nobody would put it there. */
int sph_machine_parse_time(const char *cmdline, size_t len, uint64_t *ret_time_ms) {
    const size_t head = sizeof(time_word) - 1;
    size_t word = 0;
    for (size_t at = 0; at < len; at += word + 1) {
        char digits[24];
        const char *start = cmdline + at;
        word = 0;
        while (at + word < len && start[word] != ' ' && start[word] != '\n')
            word++;
        if (word < head || memcmp(start, time_word, head) != 0)
            continue;
        if (word - head >= sizeof(digits))
            return -EINVAL;
        memcpy(digits, start + head, word - head);
        digits[word - head] = '\0';
        return sph_text_to_u64(digits, time_max_s * 1000, ret_time_ms) < 0 ? -EINVAL : 0;
    }
    return -ENOENT;
}

int sph_machine_time_at(uint64_t start_ms, uint64_t since_ms, struct timespec *ret_time) {
    uint64_t sum;
    if (__builtin_add_overflow(start_ms, since_ms, &sum) || sum / 1000 > time_max_s)
        return -ERANGE;
    *ret_time =
        (struct timespec){.tv_sec = (time_t)(sum / 1000), .tv_nsec = (long)(sum % 1000) * 1000000};
    return 0;
}

/* Older than this a hello is not answered any more: who sent it has given up. */
enum { HELLO_AGE_MAX_MS = 10000 };

bool sph_machine_clock_is_off(uint64_t now_ms, uint64_t host_ms) {
    return now_ms < host_ms || now_ms - host_ms > HELLO_AGE_MAX_MS;
}

/* A disk's serial comes without a newline, a port's name with one. */
bool sph_machine_line_is(const char *text, size_t len, const char *word) {
    if (len > 0 && text[len - 1] == '\n')
        len--;
    return len == strlen(word) && memcmp(text, word, len) == 0;
}

size_t sph_machine_unpadded(const char *data, size_t len) {
    while (len > 0 && data[len - 1] == '\0')
        len--;
    return len;
}
