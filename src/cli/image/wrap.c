/* The manifest's other members are copied as they are written: only what must change does.
 * Parsing into a struct and writing that anew was rejected: members that this version does not
 * know would be lost, and the order that people see would change.
 *
 * A wrapped executable gets a new component id each time: it is a stranger to every application
 * that is there, and cannot replace one. */
#include "cli/image/wrap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/json_out.h"
#include "package/build.h"

/* Any bytes that argv can hold become JSON text; what is not UTF-8 becomes U+FFFD there, as a
 * manifest is JSON and has no other place for it. */
static void write_args(struct sph_json_out *out, char *const args[], unsigned n_args) {
    sph_json_key(out, "CmdArgs");
    sph_json_array(out);
    for (unsigned i = 0; i < n_args; i++)
        sph_json_string(out, args[i]);
    sph_json_array_end(out);
}

/* The least that a manifest may have: no capability, so nothing of the device but its ration. */
static void write_manifest(const char *name, const struct sph_guid *id, char *const args[],
                           unsigned n_args, struct sph_buf *buf) {
    char id_text[SPH_GUID_TEXT];
    struct sph_json_out out;
    sph_json_begin(&out, buf);
    sph_json_object(&out);
    sph_json_key_u64(&out, "SchemaVersion", 1);
    sph_json_key_string(&out, "Name", name);
    sph_json_key_string(&out, "ComponentId", sph_guid_format(id, id_text));
    sph_json_key_string(&out, "EntryPoint", "/bin/app");
    write_args(&out, args, n_args);
    sph_json_key(&out, "Capabilities");
    sph_json_object(&out);
    sph_json_object_end(&out);
    sph_json_key_string(&out, "ApplicationType", "Default");
    sph_json_object_end(&out);
}

/* Signed with the development key and marked as under development, as the SDK does. */
static int build(const struct sph_buf *manifest, const struct sph_fs_item *items, size_t count,
                 uint32_t api_set, const struct sph_signer *signer, struct sph_buf *ret_package,
                 struct sph_err *err) {
    struct sph_manifest_notes notes = {.device_error = 0};
    if (manifest->error)
        return SPH_FAIL_ERRNO(err, manifest->error, "cannot write the manifest");
    const struct sph_build build = {
        .manifest_text = manifest->data,
        .manifest_bytes = manifest->len,
        .items = items,
        .item_count = count,
        .build_time_s = (uint64_t)time(NULL),
        .application_runtime = api_set,
        .temporary = SPH_IMAGE_UNDER_DEVELOPMENT,
        .scalar = signer->scalar,
        .thumbprint = signer->identity.thumbprint,
    };
    return sph_build_package(&build, ret_package, &notes, err);
}

/* The entry point is always /bin/app; the program's own name is the application's. */
int sph_wrap_executable(const char *name, const struct sph_buf *executable, char *const args[],
                        unsigned n_args, const struct sph_signer *signer, struct sph_guid *ret_id,
                        struct sph_buf *ret_package, struct sph_err *err) {
    sph_autobuf struct sph_buf manifest = SPH_BUF_NULL;
    const struct sph_fs_item item = {.path = "bin/app",
                                     .executable = true,
                                     .data = executable->data,
                                     .size_bytes = executable->len};
    struct sph_guid id;
    int r = sph_guid_random(&id);
    if (r < 0)
        return SPH_FAIL_ERRNO(err, r, "cannot make a component id");
    write_manifest(name, &id, args, n_args, &manifest);
    r = build(&manifest, &item, 1, SPH_DEFAULT_API_SET, signer, ret_package, err);
    if (r == 0)
        *ret_id = id;
    return r;
}

int sph_wrap_debugger(const struct sph_buf *program, const struct sph_signer *signer,
                      struct sph_buf *ret_package, struct sph_err *err) {
    static char text[] = "{\"SchemaVersion\":1,\"Name\":\"gdbserver\","
                         "\"ComponentId\":\"8548b129-b16f-4f84-8dbe-d2c847862e78\","
                         "\"EntryPoint\":\"/bin/gdbserver\",\"CmdArgs\":[],"
                         "\"Capabilities\":{},\"ApplicationType\":\"Debugger\"}";
    const struct sph_buf manifest = {.data = text, .len = sizeof(text) - 1};
    const struct sph_fs_item item = {.path = "bin/gdbserver",
                                     .executable = true,
                                     .data = program->data,
                                     .size_bytes = program->len};
    return build(&manifest, &item, 1, SPH_DEFAULT_API_SET, signer, ret_package, err);
}

/* TargetApplicationRuntimeVersion is what packing adds: its builder would refuse it in a source. */
void sph_wrap_manifest(const struct sph_json_value *manifest, char *const args[], unsigned n_args,
                       struct sph_buf *ret_text) {
    struct sph_json_out out;
    struct sph_json_iter iter;
    struct sph_json_value key, value;
    sph_json_begin(&out, ret_text);
    sph_json_object(&out);
    sph_json_iter_init(&iter, manifest);
    while (sph_json_next(&iter, &key, &value)) {
        sph_autobuf struct sph_buf name = SPH_BUF_NULL;
        if (sph_json_is(&key, "CmdArgs") || sph_json_is(&key, "TargetApplicationRuntimeVersion"))
            continue;
        int r = sph_json_to_buf(&key, &name);
        if (r < 0) { /* a manifest that lost a member would be another application's */
            ret_text->error = r;
            return;
        }
        sph_json_key(&out, name.data ? name.data : "");
        if (value.type == SPH_JSON_STRING) /* a slice of a string is without its quotes */
            sph_json_raw(&out, value.text - 1, value.len + 2);
        else
            sph_json_raw(&out, value.text, value.len);
    }
    write_args(&out, args, n_args);
    sph_json_object_end(&out);
}

/* All files but the manifest, pointing into the package. */
static int collect_items(const struct sph_package *package, struct sph_fs_item **ret_items,
                         char (**ret_paths)[SPH_FS_PATH_SIZE], size_t *ret_count) {
    struct sph_fs_iter iter;
    struct sph_fs_entry entry;
    size_t count = 0;
    *ret_items = calloc(package->fs.file_count + 1, sizeof(**ret_items));
    *ret_paths = calloc(package->fs.file_count + 1, sizeof(**ret_paths));
    if (!*ret_items || !*ret_paths)
        return -ENOMEM;
    sph_fs_iter_init(&iter, &package->fs);
    while (sph_fs_next(&iter, &entry)) {
        if (!entry.data || strcmp(entry.path, SPH_MANIFEST_PATH) == 0)
            continue;
        memcpy((*ret_paths)[count], entry.path, sizeof(entry.path));
        (*ret_items)[count] = (struct sph_fs_item){.path = (*ret_paths)[count],
                                                   .executable = (entry.mode & 0100) != 0,
                                                   .data = entry.data,
                                                   .size_bytes = entry.size_bytes};
        count++;
    }
    *ret_count = count;
    return 0;
}

/* The image id is new and the signature ours; component, files and API set are those of the
 * original. */
int sph_wrap_with_args(const struct sph_package *package, char *const args[], unsigned n_args,
                       const struct sph_signer *signer, struct sph_buf *ret_package,
                       struct sph_err *err) {
    sph_autobuf struct sph_buf manifest = SPH_BUF_LIMIT(SPH_MANIFEST_BYTES_MAX);
    sph_autofree struct sph_fs_item *items = NULL;
    sph_autofree char(*paths)[SPH_FS_PATH_SIZE] = NULL;
    struct sph_json_value top;
    size_t count = 0;
    int r = collect_items(package, &items, &paths, &count);
    if (r < 0)
        return SPH_FAIL_ERRNO(err, r, "cannot make the package anew");
    r = sph_json_check(package->manifest.text, package->manifest.text_bytes, &top, err);
    if (r < 0)
        return r;
    sph_wrap_manifest(&top, args, n_args, &manifest);
    return build(&manifest, items, count, package->image.application_runtime, signer, ret_package,
                 err);
}
