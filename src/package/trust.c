/* A store is a short list of fixed records: the agent has no X.509 code, so a certificate is
 * reduced to thumbprint, point and name on the user's side before it comes here. */
#include "package/trust.h"

#include <errno.h>
#include <string.h>

#include "base/crc32.h"
#include "base/le.h"
#include "base/text.h"

/* The store file: magic at 0, u16 version at 4, u16 count at 6, records from 8, u32 CRC at the end.
 */
enum {
    HEAD_BYTES = 8,
    /* Version 1 ends here: its signers are for development. */
    RECORD_1_BYTES = SPH_IMAGE_THUMBPRINT_BYTES + SPH_SIGN_POINT_BYTES + SPH_TRUST_NAME_SIZE,
    RECORD_BYTES = RECORD_1_BYTES + 1, /* kind: 0 development, 1 production */
    /* Against bad storage, as for a body. Against a forger it would do nothing, but who can write
     * this file decides anyway. */
    CRC_BYTES = 4,
    VERSION = 2,
    HEX_SIZE = 2 * SPH_IMAGE_THUMBPRINT_BYTES + 1, /* of a thumbprint as text, with NUL */
};

static const uint8_t magic[4] = {'S', 'P', 'H', 'T'};

/* From the certificate that the original's SDK signs with. Its private key is in every copy of that
 * SDK, so the record proves nothing about who made a package: it is never in a store by itself. */
const struct sph_trust_record sph_trust_sdk_development = {
    .thumbprint = {0xa8, 0xd5, 0xcc, 0x69, 0x58, 0xf4, 0x87, 0x10, 0x14, 0x0d,
                   0x7a, 0x26, 0x16, 0x0f, 0xc1, 0xcf, 0xc3, 0x1f, 0x5d, 0xf0},
    .point = {0x04, 0xed, 0xf2, 0x33, 0xc0, 0x0d, 0x31, 0x14, 0x1d, 0x8f, 0x3f, 0x56, 0x33,
              0x43, 0x40, 0xcc, 0xd8, 0xc1, 0x69, 0xfb, 0x67, 0xe2, 0xec, 0x56, 0x4b, 0xf8,
              0xa5, 0xef, 0x58, 0x6b, 0x1c, 0x3f, 0x7b, 0xc1, 0x88, 0xca, 0x20, 0x87, 0x01,
              0xe6, 0xd7, 0xc7, 0x75, 0x6a, 0x13, 0x26, 0x38, 0xfe, 0x98, 0xc9, 0xa0, 0x20,
              0x07, 0x40, 0x3d, 0xe5, 0xc4, 0x22, 0xe6, 0xa7, 0xe8, 0x26, 0xa4, 0xbd, 0x24},
    .name = "CN=Azure Sphere SDK Test",
};

/* The name is shown to people by programs that trust the store: it must be printable as it is. */
static bool name_is_valid(const char name[SPH_TRUST_NAME_SIZE]) {
    size_t len = strnlen(name, SPH_TRUST_NAME_SIZE);
    if (len == 0 || len == SPH_TRUST_NAME_SIZE || !sph_text_is_utf8(name, len))
        return false;
    char shown[SPH_TRUST_NAME_SIZE];
    sph_text_printable(name, len, shown, sizeof(shown));
    return strcmp(name, shown) == 0;
}

static const char *thumbprint_text(const uint8_t *thumbprint, char ret_text[HEX_SIZE]) {
    sph_bytes_to_hex(thumbprint, SPH_IMAGE_THUMBPRINT_BYTES, ret_text);
    return ret_text;
}

/* -1 when it is not there. */
static int find_index(const struct sph_trust *trust, const uint8_t *thumbprint) {
    for (unsigned i = 0; i < trust->count; i++) {
        if (memcmp(trust->records[i].thumbprint, thumbprint, SPH_IMAGE_THUMBPRINT_BYTES) == 0)
            return (int)i;
    }
    return -1;
}

/* One more signer of the store; false when it is none. A thumbprint that is there already cannot
 * become another kind this way: each stands once. */
static bool read_record(const uint8_t *at, unsigned version, struct sph_trust *trust) {
    struct sph_trust_record record;
    memcpy(record.thumbprint, at, sizeof(record.thumbprint));
    at += sizeof(record.thumbprint);
    memcpy(record.point, at, sizeof(record.point));
    at += sizeof(record.point);
    memcpy(record.name, at, sizeof(record.name));
    at += sizeof(record.name);
    uint8_t kind = version == 1 ? 0 : *at;
    record.is_production = kind == 1;
    return kind <= 1 && !sph_trust_find(trust, record.thumbprint) &&
           sph_trust_add(trust, &record, NULL) == 0;
}

/* Records go through sph_trust_add, so that a file can hold nothing that adding would have refused.
 */
int sph_trust_parse(const void *bytes, size_t size, struct sph_trust *ret_trust,
                    struct sph_err *err) {
    const uint8_t *at = bytes;
    if (size < HEAD_BYTES + CRC_BYTES || memcmp(at, magic, sizeof(magic)) != 0)
        return SPH_FAIL(err, -EBADMSG, "the trust store is no trust store");
    unsigned version = sph_le16_get(at + 4), count = sph_le16_get(at + 6);
    if (version < 1 || version > VERSION)
        return SPH_FAIL(err, -EBADMSG,
                        "the trust store has version %u, versions 1 to %d are understood", version,
                        VERSION);
    size_t record_bytes = version == 1 ? RECORD_1_BYTES : RECORD_BYTES;
    if (count > SPH_TRUST_MAX || size != HEAD_BYTES + count * record_bytes + CRC_BYTES)
        return SPH_FAIL(err, -EBADMSG, "the trust store is damaged: %u signers in %zu bytes", count,
                        size);
    if (sph_crc32(0, bytes, size - CRC_BYTES) != sph_le32_get(at + size - CRC_BYTES))
        return SPH_FAIL(err, -EBADMSG, "the trust store is damaged: its checksum does not fit");
    struct sph_trust trust = {0};
    at += HEAD_BYTES;
    for (unsigned i = 0; i < count; i++) {
        if (!read_record(at + i * record_bytes, version, &trust))
            return SPH_FAIL(err, -EBADMSG, "the trust store is damaged: signer %u is not valid",
                            i + 1);
    }
    *ret_trust = trust;
    return 0;
}

void sph_trust_format(const struct sph_trust *trust, struct sph_buf *ret_bytes) {
    uint8_t head[HEAD_BYTES];
    memcpy(head, magic, sizeof(magic));
    sph_le16_put(head + 4, VERSION);
    sph_le16_put(head + 6, (uint16_t)trust->count);
    size_t start = ret_bytes->len;
    sph_buf_append(ret_bytes, head, sizeof(head));
    for (unsigned i = 0; i < trust->count; i++) {
        const struct sph_trust_record *record = &trust->records[i];
        sph_buf_append(ret_bytes, record->thumbprint, sizeof(record->thumbprint));
        sph_buf_append(ret_bytes, record->point, sizeof(record->point));
        sph_buf_append(ret_bytes, record->name, sizeof(record->name));
        sph_buf_append(ret_bytes, record->is_production ? "\1" : "\0", 1);
    }
    if (ret_bytes->error < 0)
        return;
    uint8_t crc[CRC_BYTES];
    sph_le32_put(crc, sph_crc32(0, ret_bytes->data + start, ret_bytes->len - start));
    sph_buf_append(ret_bytes, crc, sizeof(crc));
}

/* A signer that is there: 0 when it is worth more from now on. */
static int upgrade(struct sph_trust_record *found, const struct sph_trust_record *record,
                   struct sph_err *err) {
    char hex[HEX_SIZE];
    if (record->is_production && !found->is_production &&
        memcmp(found->point, record->point, sizeof(found->point)) == 0) {
        found->is_production = true;
        return 0;
    }
    (void)SPH_FAIL(err, 0, "the signer %s is trusted already",
                   thumbprint_text(record->thumbprint, hex));
    return SPH_TRUST_E_EXISTS;
}

/* Anybody can sign with it. */
static bool is_public(const uint8_t *thumbprint) {
    return memcmp(thumbprint, sph_trust_sdk_development.thumbprint, SPH_IMAGE_THUMBPRINT_BYTES) ==
           0;
}

/* A bad record is named before a double one or a full store: those can be helped by the user, this
 * cannot. */
int sph_trust_add(struct sph_trust *trust, const struct sph_trust_record *record,
                  struct sph_err *err) {
    if (!name_is_valid(record->name))
        return SPH_FAIL(err, -EINVAL, "the signer's name is empty, too long or not printable");
    if (sph_sign_check_point(record->point) < 0)
        return SPH_FAIL(err, -EINVAL, "the signer's key is not a point of the curve P-256");
    if (record->is_production && is_public(record->thumbprint))
        return SPH_FAIL(err, -EINVAL,
                        "the original SDK's development key is public: it can be trusted for "
                        "development only");
    int index = find_index(trust, record->thumbprint);
    if (index >= 0)
        return upgrade(&trust->records[index], record, err);
    if (trust->count == SPH_TRUST_MAX) {
        (void)SPH_FAIL(err, 0, "the trust store is full: a device trusts at most %d signers",
                       SPH_TRUST_MAX);
        return SPH_TRUST_E_FULL;
    }
    struct sph_trust_record *added = &trust->records[trust->count++];
    *added = *record;
    /* What follows the name's NUL goes to the file: let it be zeros. */
    size_t len = strlen(record->name);
    memset(added->name + len, 0, sizeof(added->name) - len);
    return 0;
}

int sph_trust_remove(struct sph_trust *trust, const uint8_t thumbprint[SPH_IMAGE_THUMBPRINT_BYTES],
                     struct sph_err *err) {
    const struct sph_trust_record *found = sph_trust_find(trust, thumbprint);
    if (!found) {
        char hex[HEX_SIZE];
        (void)SPH_FAIL(err, 0, "the signer %s is not in the trust store",
                       thumbprint_text(thumbprint, hex));
        return SPH_TRUST_E_ABSENT;
    }
    size_t index = (size_t)(found - trust->records);
    memmove(&trust->records[index], &trust->records[index + 1],
            (trust->count - index - 1) * sizeof(trust->records[0]));
    memset(&trust->records[--trust->count], 0, sizeof(trust->records[0]));
    return 0;
}

const struct sph_trust_record *
sph_trust_find(const struct sph_trust *trust,
               const uint8_t thumbprint[SPH_IMAGE_THUMBPRINT_BYTES]) {
    int index = find_index(trust, thumbprint);
    return index < 0 ? NULL : &trust->records[index];
}

/* Fields of zeros are what a packer leaves that has no key; they are no signature to be judged. */
static bool all_zero(const uint8_t *bytes, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

/* The original's own key is the one unknown signer whose case can be told apart, and has its own
 * remedy. */
static int untrusted(const struct sph_image *image, struct sph_err *err) {
    char hex[HEX_SIZE];
    if (is_public(image->thumbprint))
        (void)SPH_FAIL(err, 0,
                       "the package is signed by the original SDK's development key, which this "
                       "device does not trust; 'spherule trust add --sdk-development' changes "
                       "that");
    else
        (void)SPH_FAIL(err, 0,
                       "the package's signer %s is not trusted by this device; add its "
                       "certificate with 'spherule trust add CERT.pem'",
                       thumbprint_text(image->thumbprint, hex));
    return SPH_TRUST_E_UNTRUSTED;
}

/* The order is that of docs/spec/package.md: what the package says of itself, then whether its
 * signer is known, then the arithmetic, which is the dear part. */
int sph_trust_verify(const struct sph_trust *trust, const struct sph_image *image,
                     const struct sph_trust_record **ret_signer, struct sph_err *err) {
    if (image->signing_type != SPH_IMAGE_SIGNING_ECDSA256 ||
        all_zero(image->thumbprint, sizeof(image->thumbprint)) ||
        all_zero(image->signature, SPH_IMAGE_SIGNATURE_BYTES)) {
        (void)SPH_FAIL(err, 0, "the package is not signed, or in a way that is not known");
        return SPH_TRUST_E_UNSIGNED;
    }
    const struct sph_trust_record *signer = sph_trust_find(trust, image->thumbprint);
    if (!signer)
        return untrusted(image, err);
    if (sph_signature_verify(image, signer->point) != 0) {
        (void)SPH_FAIL(err, 0,
                       "the package was changed after '%s' signed it: the signature does not fit "
                       "its bytes",
                       signer->name);
        return SPH_TRUST_E_TAMPERED;
    }
    if (ret_signer)
        *ret_signer = signer;
    return 0;
}
