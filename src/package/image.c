/* The package is read from its end, since nothing at its beginning tells where the parts are:
 * signature, then the length word of the metadata, then the metadata, and what is left in front is
 * the body. Each step checks its own bounds, so no later step can leave the bytes. A cursor object
 * was rejected: there are four reads that can run out, each with its own sentence. */
#include "package/image.h"

#include <errno.h>
#include <string.h>

#include "base/le.h"

enum {
    HEAD_BYTES = 8,         /* magic at 0 of the metadata, u32 section count at 4 */
    LENGTH_BYTES = 4,       /* the metadata's last word: their own length, magic and word counted */
    SECTION_HEAD_BYTES = 4, /* u16 type at 0 of the section, u16 length of its data at 2 */
};

const uint8_t sph_image_magic[4] = {'4', 'X', '4', 'M'};

/* Kinds whose length the format fixes; ND is checked by its own count. */
static const struct known_section {
    uint16_t type;
    uint16_t bytes;
} known_sections[] = {
    {SPH_IMAGE_ID, 36},
    {SPH_IMAGE_SG, 24},
    {SPH_IMAGE_DB, 40},
    {SPH_IMAGE_TP, 4},
};

/* A section's type as people write it. Letters from a stranger are shown only if they are letters.
 */
static const char *type_letters(uint16_t type, char ret_letters[3]) {
    for (unsigned i = 0; i < 2; i++) {
        char letter = (char)(type >> (8 * i));
        ret_letters[i] = letter >= '!' && letter <= '~' ? letter : '?';
    }
    ret_letters[2] = '\0';
    return ret_letters;
}

/* Finds the three parts of the file. The length word is the sender's, so its two bounds come first:
 * at least a head and itself, and at least one byte of body in front. The magic is only looked for
 * where the word points; searching for it would find those that stand in a file of the body. */
static int split(const uint8_t *bytes, size_t size, struct sph_image *image, struct sph_err *err) {
    if (size > SPH_IMAGE_BYTES_MAX)
        return SPH_FAIL(err, -EFBIG, "this is no image package: %zu bytes is over the limit of %d",
                        size, SPH_IMAGE_BYTES_MAX);
    size_t least = SPH_IMAGE_SIGNATURE_BYTES + HEAD_BYTES + LENGTH_BYTES + 1;
    if (size < least)
        return SPH_FAIL(err, -EBADMSG,
                        "this is no image package: %zu bytes is less than the smallest one (%zu)",
                        size, least);
    size_t unsigned_bytes = size - SPH_IMAGE_SIGNATURE_BYTES;
    uint32_t metadata_bytes = sph_le32_get(bytes + unsigned_bytes - LENGTH_BYTES);
    if (metadata_bytes < HEAD_BYTES + LENGTH_BYTES || metadata_bytes >= unsigned_bytes)
        return SPH_FAIL(err, -EBADMSG,
                        "this is no image package, or it is cut: its metadata length reads %u in a "
                        "file of %zu bytes",
                        metadata_bytes, size);
    image->bytes = bytes;
    image->size = size;
    image->body = bytes;
    image->body_bytes = unsigned_bytes - metadata_bytes;
    image->metadata = bytes + image->body_bytes;
    image->metadata_bytes = metadata_bytes;
    image->signature = bytes + unsigned_bytes;
    if (memcmp(image->metadata, sph_image_magic, sizeof(sph_image_magic)) != 0)
        return SPH_FAIL(
            err, -EBADMSG,
            "this is no image package, or it is cut: no metadata (\"4X4M\") at byte %zu",
            image->body_bytes);
    return 0;
}

/* Only sections that this reader interprets are held to a length: an unknown one is somebody
 * else's. Twice the same known one is refused, because two readers could each believe another of
 * them. */
static int check_section(const struct sph_image *image, const struct sph_image_section *section,
                         struct sph_err *err) {
    char letters[3];
    if (section->type == SPH_IMAGE_ND) {
        if (section->data_bytes < 4 ||
            sph_le32_get(section->data) != (section->data_bytes - 4u) / 8 ||
            (section->data_bytes - 4u) % 8 != 0)
            return SPH_FAIL(err, -EBADMSG,
                            "the package's metadata is damaged: section ND counts its entries "
                            "wrongly in %u bytes",
                            section->data_bytes);
    }
    bool known = section->type == SPH_IMAGE_ND;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(known_sections); i++) {
        if (known_sections[i].type != section->type)
            continue;
        known = true;
        if (known_sections[i].bytes != section->data_bytes)
            return SPH_FAIL(
                err, -EBADMSG, "the package's metadata is damaged: section %s has %u bytes, not %u",
                type_letters(section->type, letters), section->data_bytes, known_sections[i].bytes);
    }
    if (known && sph_image_section(image, section->type))
        return SPH_FAIL(err, -EBADMSG,
                        "the package's metadata is damaged: section %s is there twice",
                        type_letters(section->type, letters));
    return 0;
}

/* The count is the sender's word: it is bounded before anything is stored, and the bytes must come
 * out even, so that nothing can hide between the last section and the length word. */
static int read_sections(struct sph_image *image, struct sph_err *err) {
    uint32_t count = sph_le32_get(image->metadata + 4);
    if (count > SPH_IMAGE_SECTIONS_MAX)
        return SPH_FAIL(err, -EBADMSG,
                        "the package's metadata is damaged: it claims %u sections, at most %d are "
                        "possible",
                        count, SPH_IMAGE_SECTIONS_MAX);
    size_t at = HEAD_BYTES, end = image->metadata_bytes - LENGTH_BYTES;
    for (uint32_t i = 0; i < count; i++) {
        if (end - at < SECTION_HEAD_BYTES)
            return SPH_FAIL(err, -EBADMSG,
                            "the package's metadata is damaged: section %u of %u is missing", i + 1,
                            count);
        struct sph_image_section section = {
            .type = sph_le16_get(image->metadata + at),
            .data_bytes = sph_le16_get(image->metadata + at + 2),
            .data = image->metadata + at + SECTION_HEAD_BYTES,
        };
        at += SECTION_HEAD_BYTES;
        char letters[3];
        if (section.data_bytes > end - at)
            return SPH_FAIL(err, -EBADMSG,
                            "the package's metadata is damaged: section %s runs past its end",
                            type_letters(section.type, letters));
        int r = check_section(image, &section, err);
        if (r < 0)
            return r;
        image->sections[image->section_count++] = section;
        at += section.data_bytes;
    }
    if (at != end)
        return SPH_FAIL(err, -EBADMSG,
                        "the package's metadata is damaged: %zu bytes follow its last section",
                        end - at);
    return 0;
}

/* The type is stored in 16 bits with 16 zero bits behind; as a 32-bit number, a set upper half is
 * an unknown type instead of being overlooked. */
static int read_identity(struct sph_image *image, struct sph_err *err) {
    const struct sph_image_section *id = sph_image_section(image, SPH_IMAGE_ID);
    if (!id)
        return SPH_FAIL(err, -EBADMSG, "the package's metadata is damaged: it has no ID section");
    image->image_type = sph_le32_get(id->data);
    memcpy(image->component_id.bytes, id->data + 4, sizeof(image->component_id.bytes));
    memcpy(image->image_id.bytes, id->data + 20, sizeof(image->image_id.bytes));
    return 0;
}

/* The name becomes a C string, so its end must lie within the field. */
static int read_debug(struct sph_image *image, struct sph_err *err) {
    const struct sph_image_section *debug = sph_image_section(image, SPH_IMAGE_DB);
    if (!debug)
        return 0;
    image->build_time_s = sph_le64_get(debug->data);
    if (!memchr(debug->data + 8, '\0', SPH_IMAGE_NAME_BYTES))
        return SPH_FAIL(err, -EBADMSG,
                        "the package's metadata is damaged: the image name in section DB has no "
                        "end");
    memcpy(image->name, debug->data + 8, SPH_IMAGE_NAME_BYTES);
    return 0;
}

/* What may be absent: an image without them is unsigned, not temporary and bound to no runtime. */
static void read_the_rest(struct sph_image *image) {
    const struct sph_image_section *section = sph_image_section(image, SPH_IMAGE_SG);
    if (section) {
        memcpy(image->thumbprint, section->data, SPH_IMAGE_THUMBPRINT_BYTES);
        image->signing_type = sph_le32_get(section->data + SPH_IMAGE_THUMBPRINT_BYTES);
    }
    section = sph_image_section(image, SPH_IMAGE_TP);
    if (section)
        image->temporary = sph_le32_get(section->data);
    section = sph_image_section(image, SPH_IMAGE_ND);
    image->depend_count = section ? sph_le32_get(section->data) : 0;
    for (unsigned i = 0; i < image->depend_count; i++) {
        struct sph_image_depend depend = sph_image_depend(image, i);
        if (depend.kind == SPH_IMAGE_APPLICATION_RUNTIME)
            image->application_runtime = depend.version;
    }
}

int sph_image_parse(const void *bytes, size_t size, struct sph_image *ret_image,
                    struct sph_err *err) {
    struct sph_image image = {0};
    int r = split(bytes, size, &image, err);
    if (r == 0)
        r = read_sections(&image, err);
    if (r == 0)
        r = read_identity(&image, err);
    if (r == 0)
        r = read_debug(&image, err);
    if (r < 0)
        return r;
    read_the_rest(&image);
    *ret_image = image;
    return 0;
}

/* In order: five of 32 at most. Called also while sections are still being read, for finding those
 * that are there twice. */
const struct sph_image_section *sph_image_section(const struct sph_image *image, uint16_t type) {
    for (unsigned i = 0; i < image->section_count; i++) {
        if (image->sections[i].type == type)
            return &image->sections[i];
    }
    return NULL;
}

/* ND: u32 count at 0, then from 4 on 8 bytes each, u32 version and u32 kind. The count was held
 * against the section's length by check_section(). */
struct sph_image_depend sph_image_depend(const struct sph_image *image, unsigned index) {
    const struct sph_image_section *section = sph_image_section(image, SPH_IMAGE_ND);
    if (!section)
        return (struct sph_image_depend){0};
    const uint8_t *entry = section->data + 4 + 8 * (size_t)index;
    return (struct sph_image_depend){
        .version = sph_le32_get(entry),
        .kind = sph_le32_get(entry + 4),
    };
}

/* The original's numbers; the gaps are its own. */
const char *sph_image_type_name(uint32_t image_type) {
    static const char *const names[] = {
        [1] = "OneBL",
        [2] = "PlutonRuntime",
        [3] = "WifiFirmware",
        [4] = "SecurityMonitor",
        [5] = "NormalWorldLoader",
        [6] = "NormalWorldDTB",
        [7] = "NormalWorldKernel",
        [8] = "RootFs",
        [9] = "Services",
        [10] = "Applications",
        [13] = "FirmwareConfig",
        [16] = "BootManifest",
        [17] = "NWFS",
        [19] = "TrustedKeystore",
        [20] = "Policy",
        [21] = "CustomerBoardConfig",
        [22] = "UpdateCertStore",
        [23] = "BaseSystemUpdateManifest",
        [24] = "FirmwareUpdateManifest",
        [25] = "CustomerUpdateManifest",
        [26] = "RecoveryManifest",
        [27] = "ManifestSet",
        [28] = "Other",
    };
    const char *name = image_type < SPH_ARRAY_SIZE(names) ? names[image_type] : NULL;
    return name ? name : "unknown";
}

const char *sph_image_depend_name(uint32_t kind) {
    switch (kind) {
    case SPH_IMAGE_SECURE_WORLD_RUNTIME:
        return "SecureWorldRuntime";
    case SPH_IMAGE_OS_RUNTIME:
        return "OSRuntime";
    case SPH_IMAGE_APPLICATION_RUNTIME:
        return "ApplicationRuntime";
    default:
        return "unknown";
    }
}
