/* Ids live in the byte order of the package (Microsoft's: three little-endian fields, then bytes),
 * so that reading a package copies 16 bytes; only the text form reorders. */
#include "base/guid.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/text.h"

/* Where the n-th pair of digits of the text is stored. */
static const uint8_t stored_at[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

static bool hyphen_before(size_t pair) {
    return pair == 4 || pair == 6 || pair == 8 || pair == 10;
}

/* Both braces or none; hyphens where they belong, so that 32 bare digits are no GUID. */
int sph_guid_parse(const char *text, size_t len, struct sph_guid *ret_guid) {
    if (len == SPH_GUID_TEXT - 1 + 2 && text[0] == '{' && text[len - 1] == '}') {
        text++;
        len -= 2;
    }
    if (len != SPH_GUID_TEXT - 1)
        return -EINVAL;
    struct sph_guid guid;
    for (size_t pair = 0; pair < 16; pair++) {
        if (hyphen_before(pair) && *text++ != '-')
            return -EINVAL;
        if (sph_hex_to_bytes(text, 1, &guid.bytes[stored_at[pair]]) < 0)
            return -EINVAL;
        text += 2;
    }
    *ret_guid = guid;
    return 0;
}

char *sph_guid_format(const struct sph_guid *guid, char ret_text[SPH_GUID_TEXT]) {
    char *at = ret_text;
    for (size_t pair = 0; pair < 16; pair++) {
        if (hyphen_before(pair))
            *at++ = '-';
        sph_bytes_to_hex(&guid->bytes[stored_at[pair]], 1, at);
        at += 2;
    }
    return ret_text;
}

bool sph_guid_equal(const struct sph_guid *a, const struct sph_guid *b) {
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool sph_guid_is_zero(const struct sph_guid *guid) {
    static const struct sph_guid zero;
    return sph_guid_equal(guid, &zero);
}

int sph_guid_random(struct sph_guid *ret_guid) {
    struct sph_guid guid;
    ssize_t got;
    do { /* up to 256 bytes come whole or not at all, but a signal may come before the pool is ready
          */
        got = getrandom(guid.bytes, sizeof(guid.bytes), 0);
    } while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof(guid.bytes))
        return got < 0 ? -errno : -EIO;
    /* RFC 9562 version and variant; the version's field is stored little-endian. */
    guid.bytes[7] = (uint8_t)((guid.bytes[7] & 0x0f) | 0x40);
    guid.bytes[8] = (uint8_t)((guid.bytes[8] & 0x3f) | 0x80);
    *ret_guid = guid;
    return 0;
}
