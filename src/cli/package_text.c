/* Identity.ImageId and the like are read by scripts made for the original: names do not change.
 * Text comes from the package, so it passes sph_text_printable() or the JSON writer on its way
 * out; times are shown in UTC and in local time, as the original does, and as seconds where the
 * calendar has no such date. */
#include "cli/package_text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

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
    sph_json_key_u64(&out, "Size", image->size);
    if (fs)
        json_files(fs, &out);
    sph_json_object_end(&out);
}
