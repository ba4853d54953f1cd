/* image: an image package taken apart in place: pointers into its bytes, nothing allocated.
 *
 * Three layers look at a package, each trusting only what the ones before have checked: this one
 * finds the parts and reads the metadata, fs.h reads the body, trust.h judges the signature. */
#ifndef SPH_PACKAGE_IMAGE_H
#define SPH_PACKAGE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/guid.h"

/* File = body, metadata (ends with its own length), 64-byte signature: docs/spec/package.md. */
enum {
    SPH_IMAGE_SIGNATURE_BYTES = 64,
    SPH_IMAGE_THUMBPRINT_BYTES = 20, /* SHA-1 of the signer's certificate (DER) */
    SPH_IMAGE_NAME_BYTES = 32,       /* field in section DB; a NUL is always among them */
    SPH_IMAGE_SECTIONS_MAX = 32,     /* the format has 12 known kinds; five are in every package */
    SPH_IMAGE_BYTES_MAX = 64 << 20,  /* far above any device profile; keeps sums in 32 bits */
};

/* The metadata's first bytes: "4X4M". */
extern const uint8_t sph_image_magic[4];

/* Image types that Spherule names; others are carried as numbers. */
enum sph_image_type {
    SPH_IMAGE_APPLICATION = 10,
    SPH_IMAGE_BOARD_CONFIG = 21,
};

/* Section kinds: two letters, the first in the low byte. */
enum sph_image_section_type {
    SPH_IMAGE_ID = 0x4449, /* identity */
    SPH_IMAGE_SG = 0x4753, /* signature */
    SPH_IMAGE_DB = 0x4244, /* debug: build time, name */
    SPH_IMAGE_TP = 0x5054, /* temporary image */
    SPH_IMAGE_ND = 0x444e, /* interfaces that it depends on */
};

/* Bits of the TP section, the u32 at its offset 0. The original's SDK sets the second one in every
 * package that it makes. */
enum {
    SPH_IMAGE_REMOVE_AT_BOOT = 1,
    SPH_IMAGE_UNDER_DEVELOPMENT = 2,
};

/* What an image may depend on (ND). */
enum sph_image_depend_kind {
    SPH_IMAGE_SECURE_WORLD_RUNTIME = 1,
    SPH_IMAGE_OS_RUNTIME = 2,
    SPH_IMAGE_APPLICATION_RUNTIME = 3,
};

/* The u32 at offset 20 of section SG. */
enum { SPH_IMAGE_SIGNING_NONE = 0, SPH_IMAGE_SIGNING_ECDSA256 = 1 };

/* One section as it stands in the metadata; `data` is not aligned. */
struct sph_image_section {
    uint16_t type;
    uint16_t data_bytes;
    const uint8_t *data;
};

/* One of the ND section's 8-byte entries. */
struct sph_image_depend {
    uint32_t version;
    uint32_t kind; /* enum sph_image_depend_kind, or unknown */
};

/* Everything points into the bytes given to sph_image_parse(). */
struct sph_image {
    const uint8_t *bytes;
    size_t size; /* the file's full length: what flash is charged for */
    const uint8_t *body;
    size_t body_bytes;
    const uint8_t *metadata; /* from the magic through the length word */
    size_t metadata_bytes;
    const uint8_t *signature; /* r then s, big-endian; covers all bytes before it */

    unsigned section_count;
    struct sph_image_section
        sections[SPH_IMAGE_SECTIONS_MAX]; /* in file order, unknown kinds too */

    /* Section ID: u32 type at 0 (enum sph_image_type, or another number), component id at 4, image
     * id at 20. The component stays, the image id is new with every build. */
    uint32_t image_type;
    struct sph_guid component_id;
    struct sph_guid image_id;
    uint8_t thumbprint[SPH_IMAGE_THUMBPRINT_BYTES]; /* zero without an SG section */
    uint32_t signing_type;                          /* SPH_IMAGE_SIGNING_… */
    uint64_t build_time_s;                          /* Unix seconds; 0 without a DB section */
    char name[SPH_IMAGE_NAME_BYTES]; /* as stored; show it through sph_text_printable() */
    uint32_t temporary;              /* TP bits; 0 without the section */
    unsigned depend_count;
    uint32_t application_runtime; /* version of the ApplicationRuntime entry (ARV); 0 when none */
};

/* Pure. Needs the ID section; each other known section at most once and of its right length.
 * -EBADMSG with a sentence on anything else, -EFBIG above SPH_IMAGE_BYTES_MAX. Looks neither into
 * the body (fs.h) nor at the signature's truth (sign.h, trust.h). */
int sph_image_parse(const void *bytes, size_t size, struct sph_image *ret_image,
                    struct sph_err *err) SPH_MUST_USE;

/* The section of that kind; NULL when the image has none. */
const struct sph_image_section *sph_image_section(const struct sph_image *image, uint16_t type);
/* Entry `index` < depend_count of the ND section. */
struct sph_image_depend sph_image_depend(const struct sph_image *image, unsigned index);
/* "Applications", "Services", …; "unknown" for a number that the format does not name. */
const char *sph_image_type_name(uint32_t image_type);
/* "ApplicationRuntime", …; "unknown". */
const char *sph_image_depend_name(uint32_t kind);

#endif
