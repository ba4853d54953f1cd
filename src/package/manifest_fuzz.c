/* Any text as a manifest. What is taken as a source must pack, unless it names hardware, and what
 * was packed must be taken by the device with the same content. */
#include <stdlib.h>
#include <string.h>

#include "package/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
    if (!condition)
        abort();
}

static void pack(const struct sph_manifest *source) {
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(4 * SPH_MANIFEST_BYTES_MAX);
    struct sph_err err = SPH_ERR_NULL;
    uint32_t runtime = source->application_runtime != 0 ? source->application_runtime : 16;
    if (sph_manifest_pack(source, NULL, runtime, &text, NULL, &err) < 0) {
        require(err.text[0] != '\0');
        return;
    }
    if (source->type == SPH_APP_REAL_TIME_CAPABLE)
        return;
    struct sph_manifest packed;
    if (text.len > SPH_MANIFEST_BYTES_MAX)
        return;
    require(sph_manifest_parse(text.data, text.len, NULL, &packed, NULL, NULL) == 0);
    require(packed.granted == source->granted);
    require(packed.gpio_count == source->gpio_count);
    require(packed.cmd_args.count == source->cmd_args.count);
    require(strcmp(packed.entry_point, source->entry_point) == 0);
    require(sph_guid_equal(&packed.component_id, &source->component_id));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    for (int form = SPH_MANIFEST_PACKED; form <= SPH_MANIFEST_SOURCE; form++) {
        const struct sph_manifest_options options = {.form = (enum sph_manifest_form)form};
        struct sph_manifest manifest;
        struct sph_manifest_notes notes;
        struct sph_err err = SPH_ERR_NULL;
        int r = sph_manifest_parse((const char *)data, size, &options, &manifest, &notes, &err);
        if (r < 0) {
            require(err.text[0] != '\0');
            require(strlen(notes.field) < sizeof(notes.field));
        } else if (form == SPH_MANIFEST_SOURCE) {
            pack(&manifest);
        }
    }
    return 0;
}
