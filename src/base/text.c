/* Strict parsers over short strings: what is not wholly understood is refused, because a mistyped
 * size that is half read would become a wrong ration. strtoul was rejected: signs, blanks, locale,
 * octal. */
#include "base/text.h"

#include <errno.h>
#include <string.h>

/* Reads leading digits; *ret_used tells how many. -ERANGE only after all of them were seen. */
static int digits(const char *text, uint64_t max, uint64_t *ret_value, size_t *ret_used) {
    uint64_t value = 0;
    bool over = false;
    size_t used = 0;
    for (; text[used] >= '0' && text[used] <= '9'; used++) {
        over |= __builtin_mul_overflow(value, 10, &value);
        over |= __builtin_add_overflow(value, (uint64_t)(text[used] - '0'), &value);
    }
    *ret_used = used;
    *ret_value = value;
    if (used == 0)
        return -EINVAL;
    return over || value > max ? -ERANGE : 0;
}

int sph_text_to_u64(const char *text, uint64_t max, uint64_t *ret_value) {
    uint64_t value;
    size_t used;
    int result = digits(text, max, &value, &used);
    if (used == 0 || text[used] != '\0')
        return -EINVAL;
    if (result == 0)
        *ret_value = value;
    return result;
}

/* The limit is compared before the shift, so that no product can wrap. */
int sph_text_to_bytes(const char *text, uint64_t max, uint64_t *ret_bytes) {
    static const struct {
        const char *suffix;
        unsigned shift;
    } units[] = {{"", 0}, {"K", 10}, {"KiB", 10}, {"M", 20}, {"MiB", 20}, {"G", 30}, {"GiB", 30}};

    uint64_t value;
    size_t used;
    int result = digits(text, UINT64_MAX, &value, &used);
    if (used == 0)
        return -EINVAL;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(units); i++) {
        if (strcmp(text + used, units[i].suffix) != 0)
            continue;
        if (result < 0 || value > (max >> units[i].shift))
            return -ERANGE;
        *ret_bytes = value << units[i].shift;
        return 0;
    }
    return -EINVAL;
}

/* -1 for any other byte. isxdigit() was rejected: it is locale's. */
static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int sph_hex_to_bytes(const char *text, size_t len, uint8_t *ret_bytes) {
    for (size_t i = 0; i < len; i++) {
        int high = hex_digit(text[2 * i]);
        int low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);
        if (low < 0)
            return -EINVAL;
        ret_bytes[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

void sph_bytes_to_hex(const uint8_t *bytes, size_t len, char *ret_text) {
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        ret_text[2 * i] = hex[bytes[i] >> 4];
        ret_text[2 * i + 1] = hex[bytes[i] & 15];
    }
    ret_text[2 * len] = '\0';
}

/* Unicode table 3-7: what the second byte may be depends on the first (no overlong forms, no
 * surrogates, nothing past U+10FFFF). */
size_t sph_utf8_step(const char *text, size_t len) {
    static const struct {
        uint8_t first_low, first_high, second_low, second_high, size;
    } forms[] = {
        {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
        {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    const uint8_t *byte = (const uint8_t *)text;
    if (len == 0)
        return 0;
    if (byte[0] < 0x80)
        return 1;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(forms); i++) {
        if (byte[0] < forms[i].first_low || byte[0] > forms[i].first_high)
            continue;
        if (len < forms[i].size || byte[1] < forms[i].second_low || byte[1] > forms[i].second_high)
            return 0;
        for (size_t k = 2; k < forms[i].size; k++)
            if ((byte[k] & 0xc0) != 0x80)
                return 0;
        return forms[i].size;
    }
    return 0;
}

/* NUL is a valid character of UTF-8, but what passes here becomes a C string. */
bool sph_text_is_utf8(const char *text, size_t len) {
    size_t pos = 0;
    while (pos < len) {
        size_t step = text[pos] == '\0' ? 0 : sph_utf8_step(text + pos, len - pos);
        if (step == 0)
            return false;
        pos += step;
    }
    return true;
}

/* C0, DEL, C1, line separators and the direction overrides, which can reorder a terminal's line. */
static bool is_control(const char *text, size_t size) {
    const uint8_t *byte = (const uint8_t *)text;
    if (size == 1)
        return byte[0] < 0x20 || byte[0] == 0x7f;
    if (size == 2)
        return byte[0] == 0xc2 && byte[1] < 0xa0;
    if (size == 3 && byte[0] == 0xe2 && byte[1] == 0x80)
        return byte[2] >= 0xa8 && byte[2] <= 0xae;
    return size == 3 && byte[0] == 0xe2 && byte[1] == 0x81 && byte[2] >= 0xa6 && byte[2] <= 0xa9;
}

/* A byte that is no UTF-8 gives one '?', so the result is never longer than the text. */
void sph_text_printable(const char *text, size_t len, char *ret_text, size_t size) {
    size_t used = 0;
    for (size_t pos = 0; pos < len;) {
        size_t step = sph_utf8_step(text + pos, len - pos);
        bool shown = step > 0 && !is_control(text + pos, step);
        size_t width = shown ? step : 1;
        if (used + width >= size)
            break;
        if (shown)
            memcpy(ret_text + used, text + pos, step);
        else
            ret_text[used] = '?';
        used += width;
        pos += step > 0 ? step : 1;
    }
    ret_text[used] = '\0';
}

const char *sph_text_shown(const char *text, char *ret_text, size_t size) {
    sph_text_printable(text, strlen(text), ret_text, size);
    return ret_text;
}

/* What may be a folder's name, a control group's and a word of a command line without quotes. */
bool sph_name_is_valid(const char *name) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t len = strnlen(name, 33);
    return len >= 1 && len <= 32 && name[0] != '.' && name[0] != '-' &&
           strspn(name, allowed) == len;
}

const char *sph_text_file_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
