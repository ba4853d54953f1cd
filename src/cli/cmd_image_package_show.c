/* image-package show: the metadata and the files of a package. The signature is shown, not
 * checked: whom to trust is a device's decision, and a package may be looked at without one. */
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/package_file.h"
#include "cli/package_text.h"

/* Optional in the table, since the path may stand alone; that one of the two is there is checked
 * below. */
static const struct sph_option options[] = {
    {.name = "image-package",
     .letter = 'p',
     .alias = "imagepackage",
     .value = "PATH",
     .help = "the image package to show",
     .kind = SPH_VALUE_FILE},
    {.name = NULL},
};

static const struct sph_positional positionals[] = {
    {.name = "PATH", .help = "the same without the option", .kind = SPH_VALUE_FILE},
    {.name = NULL},
};

/* Folders have no row: a package has them only where files need them. */
static void add_files(const struct sph_fs *fs, struct sph_table *table) {
    struct sph_fs_iter iter;
    struct sph_fs_entry entry;
    sph_fs_iter_init(&iter, fs);
    while (sph_fs_next(&iter, &entry)) {
        if (!entry.data)
            continue;
        sph_table_add(table, entry.path);
        sph_table_add_number(table, entry.size_bytes);
        sph_table_add_bool(table, entry.mode & 0100);
    }
}

/* Packages of other types than applications have no file system that we know: metadata only. */
static int show(struct sph_cli *cli, const struct sph_image *image, const struct sph_fs *fs) {
    static const struct sph_column columns[] = {
        {"File", "path"}, {"Size", "size"}, {"Executable", "executable"}, {.title = NULL}};
    sph_autotable struct sph_table table;
    sph_autobuf struct sph_buf human = SPH_BUF_NULL;
    sph_autobuf struct sph_buf json = SPH_BUF_NULL;
    sph_table_init(&table, columns);
    sph_package_text_metadata(image, "", &human);
    sph_buf_printf(&human, "Size in flash:          %zu bytes\n", image->size);
    if (fs) {
        add_files(fs, &table);
        sph_buf_puts(&human, "\n");
        sph_table_draw(&table, SPH_TABLE_PLAIN, &human);
    }
    sph_package_text_json(image, fs, &json);
    return sph_cli_answer(cli,
                          &(struct sph_answer){.table = &table, .human = &human, .json = &json});
}

/* The original has the option only; the bare path is for people. */
static int run(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autobuf struct sph_buf bytes = SPH_BUF_LIMIT(SPH_IMAGE_BYTES_MAX);
    const char *path = sph_args_value(&cli->args, "image-package");
    path = path ? path : sph_args_positional(&cli->args, 0);
    if (!path)
        return sph_say_usage("option '--image-package PATH' is missing");
    if (sph_input_read("image package", path, &bytes, &err) < 0)
        return sph_say_input_failure(&err);
    struct sph_image image;
    struct sph_fs fs;
    bool is_application = false;
    int r = sph_image_parse(bytes.data ? bytes.data : "", bytes.len, &image, &err);
    if (r == 0) {
        is_application = image.image_type == SPH_IMAGE_APPLICATION;
        r = is_application ? sph_fs_check(image.body, image.body_bytes, &fs, &err) : 0;
    }
    if (r < 0) {
        sph_err_prefix(&err, "%s", path);
        return sph_say_input_failure(&err);
    }
    return show(cli, &image, is_application ? &fs : NULL);
}

/* Needs no device and no key. */
const struct sph_command sph_cmd_image_package_show = {
    .path = "image-package show",
    .summary = "Show what is in an image package",
    .options = options,
    .positionals = positionals,
    .run = run,
};
