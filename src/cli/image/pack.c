/* Everything is read whole before anything is built, and built in memory: where the package goes is
 * the caller's part (a file, a device). */
#include "cli/image/pack.h"

#include <limits.h>
#include <stdio.h>
#include <time.h>

#include "cli/frame/cli.h"
#include "cli/image/package_file.h"
#include "package/build.h"

int sph_pack_read(struct sph_pack *pack, const char *directory, const char *executables,
                  const char *manifest_path, struct sph_err *err) {
    char path[PATH_MAX];
    int r = sph_pack_tree_read(directory, executables, &pack->tree, err);
    if (r < 0)
        return r;
    (void)snprintf(path, sizeof(path), "%s/" SPH_MANIFEST_PATH, directory);
    return sph_input_read("application manifest", manifest_path ? manifest_path : path,
                          &pack->manifest, err);
}

void sph_pack_done(struct sph_pack *pack) {
    sph_buf_done(&pack->manifest);
    sph_pack_tree_done(&pack->tree);
    pack->hardware = sph_hardware_free(pack->hardware);
}

/* Warnings are about the manifest, which the notes speak of without naming. */
static void say_warnings(const struct sph_manifest_notes *notes) {
    for (unsigned i = 0; i < notes->warning_count && i < SPH_MANIFEST_WARNINGS_MAX; i++)
        sph_say_warn("%s", notes->warnings[i]);
    if (notes->warning_count > SPH_MANIFEST_WARNINGS_MAX)
        sph_say_warn("%u more warnings about the manifest",
                     notes->warning_count - SPH_MANIFEST_WARNINGS_MAX);
}

/* The manifest is read here as well as in the builder, since only its source form has the warnings.
 */
int sph_pack_build(const struct sph_pack *pack, const struct sph_signer *signer,
                   struct sph_buf *ret_package, struct sph_err *err) {
    const struct sph_manifest_options source = {.form = SPH_MANIFEST_SOURCE};
    struct sph_manifest_notes notes = {.device_error = 0};
    struct sph_manifest manifest;
    const struct sph_build build = {
        .manifest_text = pack->manifest.data ? pack->manifest.data : "",
        .manifest_bytes = pack->manifest.len,
        .hardware = pack->hardware,
        .items = pack->tree.items,
        .item_count = pack->tree.count,
        .build_time_s = (uint64_t)time(NULL),
        .application_runtime = pack->api_set,
        .temporary = SPH_IMAGE_UNDER_DEVELOPMENT,
        .scalar = signer->scalar,
        .thumbprint = signer->identity.thumbprint,
    };
    int r = sph_manifest_parse(build.manifest_text, build.manifest_bytes, &source, &manifest,
                               &notes, err);
    if (r < 0)
        return r;
    say_warnings(&notes);
    const char *warning = sph_build_heap_warning(&manifest, pack->tree.has_libmalloc);
    if (warning)
        sph_say_warn("%s", warning);
    notes = (struct sph_manifest_notes){.device_error = 0};
    return sph_build_package(&build, ret_package, &notes, err);
}
