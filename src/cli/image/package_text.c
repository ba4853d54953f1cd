/* Identity.ImageId and the like are read by scripts made for the original: names do not change.
 * Text comes from the package, so it passes sph_text_printable() or the JSON writer on its way
 * out; times are shown in UTC and in local time, as the original does, and as seconds where the
 * calendar has no such date. */
#include "cli/image/package_text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/attr.h"
#include "base/json_out.h"
#include "base/text.h"

/* 31 bytes at most, by their maker's choice: not surely text, and not surely ended. */
static void image_name(const struct sph_image *image, char ret_text[64]) {
    sph_text_printable(image->name, strnlen(image->name, sizeof(image->name)), ret_text, 64);
}

/* The original says "Application" here, where the list of image types has "Applications". */
static const char *type_name(const struct sph_image *image) {
    return image->image_type == SPH_IMAGE_APPLICATION ? "Application"
                                                      : sph_image_type_name(image->image_type);
}

/* The format has one kind of signature; a package without is shown, a device refuses it. */
static const char *signing_name(const struct sph_image *image) {
    return image->signing_type == SPH_IMAGE_SIGNING_ECDSA256 ? "ECDsa256" : "None";
}

/* As the original writes it for people; JSON has its own. */
static const char *truth(bool flag) {
    return flag ? "True" : "False";
}

/* A time that no calendar has (the field is 64 bits of a file's) is shown as the number it is. */
static void format_time(uint64_t seconds, bool local, char *text, size_t size) {
    time_t at = (time_t)seconds;
    struct tm tm;
    if (!(local ? localtime_r(&at, &tm) : gmtime_r(&at, &tm)) ||
        strftime(text, size, "%Y-%m-%d %H:%M:%S", &tm) == 0)
        (void)snprintf(text, size, "%llu s since 1970", (unsigned long long)seconds);
}

void sph_package_text_time(uint64_t seconds, char *ret_text, size_t size) {
    format_time(seconds, false, ret_text, size);
}

static void write_debug(const struct sph_image *image, const char *lead, struct sph_buf *buf) {
    char text[64];
    image_name(image, text);
    sph_buf_printf(buf, "%sSection: Debug\n%s  Image Name:           %s\n", lead, lead, text);
    format_time(image->build_time_s, false, text, sizeof(text));
    sph_buf_printf(buf, "%s  Built On (UTC):       %s\n", lead, text);
    format_time(image->build_time_s, true, text, sizeof(text));
    sph_buf_printf(buf, "%s  Built On (Local):     %s\n", lead, text);
}

/* Only the sections that are there, in the original's order. */
void sph_package_text_metadata(const struct sph_image *image, const char *lead,
                               struct sph_buf *buf) {
    char text[SPH_GUID_TEXT];
    char thumbprint[2 * SPH_IMAGE_THUMBPRINT_BYTES + 1];
    sph_buf_printf(buf, "%sSection: Identity\n%s  Image Type:           %s\n", lead, lead,
                   type_name(image));
    sph_buf_printf(buf, "%s  Component ID:         %s\n", lead,
                   sph_guid_format(&image->component_id, text));
    sph_buf_printf(buf, "%s  Image ID:             %s\n", lead,
                   sph_guid_format(&image->image_id, text));
    if (sph_image_section(image, SPH_IMAGE_SG)) {
        sph_bytes_to_hex(image->thumbprint, sizeof(image->thumbprint), thumbprint);
        sph_buf_printf(buf,
                       "%sSection: Signature\n%s  Signing Type:         %s\n%s  Cert:           "
                       "      %s\n",
                       lead, lead, signing_name(image), lead, thumbprint);
    }
    if (sph_image_section(image, SPH_IMAGE_DB))
        write_debug(image, lead, buf);
    if (sph_image_section(image, SPH_IMAGE_TP))
        sph_buf_printf(buf,
                       "%sSection: Temporary Image\n%s  Remove image at boot: %s\n%s  Under "
                       "development:    %s\n",
                       lead, lead, truth(image->temporary & SPH_IMAGE_REMOVE_AT_BOOT), lead,
                       truth(image->temporary & SPH_IMAGE_UNDER_DEVELOPMENT));
    if (image->depend_count > 0)
        sph_buf_printf(buf, "%sSection: ABI Depends\n", lead);
    for (unsigned i = 0; i < image->depend_count; i++) {
        struct sph_image_depend depend = sph_image_depend(image, i);
        sph_buf_printf(buf, "%s  Depends on:           %s, version %u\n", lead,
                       sph_image_depend_name(depend.kind), depend.version);
    }
}

/* Two letters, where they are letters. */
static void section_name(const struct sph_image_section *section, char ret_name[8]) {
    char letters[2] = {(char)(section->type & 0xff), (char)(section->type >> 8)};
    if (isalpha((unsigned char)letters[0]) && isalpha((unsigned char)letters[1]))
        (void)snprintf(ret_name, 8, "%.2s", letters);
    else
        (void)snprintf(ret_name, 8, "0x%04x", section->type);
}

static bool is_read(const struct sph_image_section *section) {
    static const uint16_t read[] = {SPH_IMAGE_ID, SPH_IMAGE_SG, SPH_IMAGE_DB, SPH_IMAGE_TP,
                                    SPH_IMAGE_ND};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(read); i++)
        if (read[i] == section->type)
            return true;
    return false;
}

static void section_data(const struct sph_image_section *section, struct sph_buf *buf) {
    for (unsigned i = 0; i < section->data_bytes; i++)
        sph_buf_printf(buf, "%02x", section->data[i]);
}

void sph_package_text_others(const struct sph_image *image, struct sph_buf *buf) {
    for (unsigned i = 0; i < image->section_count; i++) {
        char name[8], label[40];
        if (is_read(&image->sections[i]))
            continue;
        section_name(&image->sections[i], name);
        (void)snprintf(label, sizeof(label), "  Data (%u bytes):", image->sections[i].data_bytes);
        sph_buf_printf(buf, "Section: %s\n%-23s ", name, label);
        section_data(&image->sections[i], buf);
        sph_buf_puts(buf, image->sections[i].data_bytes ? "\n" : "none\n");
    }
}

/* Every section as it stands: what the members above make of it may be less than is there. */
static void json_sections(const struct sph_image *image, struct sph_json_out *out) {
    sph_json_key(out, "Sections");
    sph_json_array(out);
    for (unsigned i = 0; i < image->section_count; i++) {
        char name[8];
        sph_autobuf struct sph_buf data = SPH_BUF_NULL;
        section_name(&image->sections[i], name);
        section_data(&image->sections[i], &data);
        sph_json_object(out);
        sph_json_key_string(out, "Type", name);
        sph_json_key_u64(out, "Size", image->sections[i].data_bytes);
        sph_json_key_string(out, "Data", data.data ? data.data : "");
        sph_json_object_end(out);
    }
    sph_json_array_end(out);
}

/* All zeros stand for a thumbprint that is not there. */
static void json_identity(const struct sph_image *image, struct sph_json_out *out) {
    char text[SPH_GUID_TEXT];
    char thumbprint[2 * SPH_IMAGE_THUMBPRINT_BYTES + 1];
    sph_json_key(out, "Identity");
    sph_json_object(out);
    sph_json_key_string(out, "ImageType", type_name(image));
    sph_json_key_string(out, "ComponentId", sph_guid_format(&image->component_id, text));
    sph_json_key_string(out, "ImageId", sph_guid_format(&image->image_id, text));
    sph_json_object_end(out);
    sph_json_key(out, "Signature");
    sph_json_object(out);
    sph_bytes_to_hex(image->thumbprint, sizeof(image->thumbprint), thumbprint);
    sph_json_key_string(out, "SigningType", signing_name(image));
    sph_json_key_string(out, "Cert", thumbprint);
    sph_json_object_end(out);
}

static void json_rest(const struct sph_image *image, struct sph_json_out *out) {
    char text[64];
    image_name(image, text);
    sph_json_key(out, "Debug");
    sph_json_object(out);
    sph_json_key_string(out, "ImageName", text);
    format_time(image->build_time_s, false, text, sizeof(text));
    sph_json_key_string(out, "BuiltOnUtc", text);
    sph_json_object_end(out);
    sph_json_key(out, "TemporaryImage");
    sph_json_object(out);
    sph_json_key_bool(out, "RemoveAtBoot", image->temporary & SPH_IMAGE_REMOVE_AT_BOOT);
    sph_json_key_bool(out, "UnderDevelopment", image->temporary & SPH_IMAGE_UNDER_DEVELOPMENT);
    sph_json_object_end(out);
    sph_json_key(out, "AbiDepends");
    sph_json_array(out);
    for (unsigned i = 0; i < image->depend_count; i++) {
        struct sph_image_depend depend = sph_image_depend(image, i);
        sph_json_object(out);
        sph_json_key_string(out, "Identity", sph_image_depend_name(depend.kind));
        sph_json_key_u64(out, "Version", depend.version);
        sph_json_object_end(out);
    }
    sph_json_array_end(out);
}

/* Files only: a folder is seen by the paths below it. */
static void json_files(const struct sph_fs *fs, struct sph_json_out *out) {
    struct sph_fs_iter iter;
    struct sph_fs_entry entry;
    sph_json_key(out, "Files");
    sph_json_array(out);
    sph_fs_iter_init(&iter, fs);
    while (sph_fs_next(&iter, &entry)) {
        if (!entry.data)
            continue;
        sph_json_object(out);
        sph_json_key_string(out, "Path", entry.path);
        sph_json_key_u64(out, "Size", entry.size_bytes);
        sph_json_key_bool(out, "Executable", entry.mode & 0100);
        sph_json_object_end(out);
    }
    sph_json_array_end(out);
}

/* Every member is always there, whatever sections the image has: scripts need not ask first. */
void sph_package_text_json(const struct sph_image *image, const struct sph_fs *fs,
                           struct sph_buf *buf) {
    struct sph_json_out out;
    sph_json_begin(&out, buf);
    sph_json_object(&out);
    json_identity(image, &out);
    json_rest(image, &out);
    json_sections(image, &out);
    sph_json_key_u64(&out, "Size", image->size);
    if (fs)
        json_files(fs, &out);
    sph_json_object_end(&out);
}
