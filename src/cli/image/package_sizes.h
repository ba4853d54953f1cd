/* package_sizes: what fills a package, to the byte, and how two packages differ. */
#ifndef SPH_CLI_IMAGE_PACKAGE_SIZES_H
#define SPH_CLI_IMAGE_PACKAGE_SIZES_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "cli/image/elf_sizes.h"
#include "package/fs.h"
#include "package/image.h"
#include "profile/places.h"

enum sph_size_kind {
    SPH_SIZE_SECTION,   /* of a program or library */
    SPH_SIZE_OTHER,     /* the rest of such a file: headers, gaps */
    SPH_SIZE_FILE,      /* all of a file that is neither */
    SPH_SIZE_PADDING,   /* behind a file, to the end of its page */
    SPH_SIZE_TABLES,    /* of the file system, with its own padding */
    SPH_SIZE_METADATA,  /* of the package */
    SPH_SIZE_SIGNATURE, /* likewise */
    SPH_SIZE_SYMBOL,    /* a part of a section: never in a list of parts */
};

/* A part, or how much of it there is in each of two packages. */
struct sph_size_row {
    enum sph_size_kind kind;
    const char *path; /* of the file, in the list's memory; "" for what belongs to none */
    char name[SPH_ELF_NAME_SIZE]; /* of the section or symbol, else "" */
    uint64_t bytes;
    uint64_t before; /* in the other package */
};

/* Embedded: start as all zeros, end with sph_size_list_done(). */
struct sph_size_list {
    struct sph_size_row *rows;
    size_t count, cap;
    char **paths; /* owned */
    size_t n_paths;
    int error; /* 0 or -ENOMEM; sticky */
};
void sph_size_list_done(struct sph_size_list *list);

/* What a file of a package is. */
enum sph_file_kind { SPH_FILE_PROGRAM, SPH_FILE_LIBRARY, SPH_FILE_MANIFEST, SPH_FILE_RESOURCE };
enum sph_file_kind sph_file_kind(const struct sph_fs_entry *entry);
/* "program", "library", "manifest", "resource". */
const char *sph_file_kind_name(enum sph_file_kind kind);
/* "section", "headers and gaps", "file", "padding", "tables", "metadata", "signature", "symbol". */
const char *sph_size_kind_name(enum sph_size_kind kind);
/* Bytes in flash: whole pages. */
uint64_t sph_file_flash_bytes(const struct sph_fs_entry *entry);

/* Appends the package's parts, whose bytes add up to the package's to the last
 * (SPH_IMAGE_APPLICATION with its checked body; without one (NULL) the body is one part). 0 or
 * -ENOMEM. */
int sph_package_parts(const struct sph_image *image, const struct sph_fs *fs,
                      struct sph_size_list *list) SPH_MUST_USE;
/* An ELF file of a package; the symbols of a stripped one are those of the file it was made from,
 * where `places` (or NULL) know it by its build id. As sph_elf_sizes_read(). */
int sph_package_elf_read(const struct sph_fs_entry *entry, const struct sph_places *places,
                         struct sph_elf_sizes *ret_sizes) SPH_MUST_USE;
/* Appends the symbols of all its programs and libraries; those of one name in one file are one. */
int sph_package_symbols(const struct sph_fs *fs, const struct sph_places *places,
                        struct sph_size_list *list) SPH_MUST_USE;
/* Rows of both lists joined by kind, path and name, in ret_list (empty before): `bytes` of `now`,
 * `before` of `before`; those that are equal are left out, the largest difference is first. 0 or
 * -ENOMEM. */
int sph_size_list_compare(const struct sph_size_list *now, const struct sph_size_list *before,
                          struct sph_size_list *ret_list) SPH_MUST_USE;

#define sph_autosizelist SPH_CLEANUP(sph_size_list_done)

#endif
