/* image-package show: the metadata and the files of a package, what fills it, and how it differs
 * from another one. The signature is shown, not checked: whom to trust is a device's decision, and
 * a package may be looked at without one. */
#include <string.h>

#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/frame/cli.h"
#include "cli/image/package_file.h"
#include "cli/image/package_sizes_text.h"
#include "cli/image/package_text.h"
#include "cli/report/heap_symbols.h"

enum { TOP_DEFAULT = 10 /* symbols of each program */ };

/* Optional in the table, since the path may stand alone; that one of the two is there is checked
 * below. */
static const struct sph_option options[] = {
    {.name = "image-package",
     .letter = 'p',
     .alias = "imagepackage",
     .value = "PATH",
     .help = "the image package to show",
     .kind = SPH_VALUE_FILE},
    {.name = "sizes", .help = "what fills it: files, sections, the largest symbols, libraries"},
    {.name = "compare",
     .value = "OTHER",
     .help = "what grew and shrank since that package",
     .kind = SPH_VALUE_FILE},
    SPH_HEAP_SYMBOLS_OPTION,
    {.name = "top", .value = "N", .help = "with these two: so many symbols (10)"},
    {.name = NULL},
};

static const struct sph_positional positionals[] = {
    {.name = "PATH", .help = "the same without the option", .kind = SPH_VALUE_FILE},
    {.name = NULL},
};

/* A package as it was read; `bytes` holds it all. */
struct input {
    struct sph_buf bytes;
    struct sph_image image;
    struct sph_fs fs;
    struct sph_sizes_input parts;
};

#define INPUT_NULL                                                                                 \
    { .bytes = SPH_BUF_LIMIT(SPH_IMAGE_BYTES_MAX) }

static void input_done(struct input *input) {
    sph_buf_done(&input->bytes);
}

/* Packages of other types than applications have no file system that we know: metadata only. */
static int input_read(const char *path, struct input *input, struct sph_err *err) {
    int r = sph_input_read("image package", path, &input->bytes, err);
    if (r < 0)
        return r;
    const char *data = input->bytes.data ? input->bytes.data : "";
    input->parts = (struct sph_sizes_input){.path = path, .image = &input->image};
    r = sph_image_parse(data, input->bytes.len, &input->image, err);
    if (r == 0 && input->image.image_type == SPH_IMAGE_APPLICATION) {
        r = sph_fs_check(input->image.body, input->image.body_bytes, &input->fs, err);
        input->parts.fs = &input->fs;
    }
    if (r < 0)
        sph_err_prefix(err, "%s", path);
    return r;
}

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

static int show(struct sph_cli *cli, const struct sph_image *image, const struct sph_fs *fs) {
    static const struct sph_column columns[] = {
        {"File", "path"}, {"Size", "size"}, {"Executable", "executable"}, {.title = NULL}};
    sph_autotable struct sph_table table;
    sph_autobuf struct sph_buf human = SPH_BUF_NULL;
    sph_autobuf struct sph_buf json = SPH_BUF_NULL;
    sph_table_init(&table, columns);
    sph_package_text_metadata(image, "", &human);
    sph_package_text_others(image, &human);
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

/* `other` is NULL without --compare. */
static int show_sizes(struct sph_cli *cli, struct input *input, struct input *other, unsigned top) {
    struct sph_err err = SPH_ERR_NULL;
    sph_autoplaces struct sph_places places = SPH_PLACES_NULL;
    sph_heap_add_places(cli, &places);
    input->parts.places = &places;
    if (other)
        other->parts.places = &places;
    sph_autosizesoutput struct sph_sizes_output output = SPH_SIZES_OUTPUT_NULL;
    int r = other ? sph_sizes_write_comparison(&input->parts, &other->parts, top, &output)
                  : sph_sizes_write(&input->parts, top, &output);
    if (r < 0) {
        SPH_FAIL_ERRNO(&err, r, "cannot look into '%s'", input->parts.path);
        return sph_say_failure_as(SPH_EXIT_IO, &err);
    }
    return sph_cli_answer(
        cli,
        &(struct sph_answer){.table = &output.table, .human = &output.human, .json = &output.json});
}

/* The original has the option only; the bare path is for people. */
static int run(struct sph_cli *cli) {
    struct sph_err err = SPH_ERR_NULL;
    SPH_CLEANUP(input_done) struct input input = INPUT_NULL;
    SPH_CLEANUP(input_done) struct input other = INPUT_NULL;
    const char *path = sph_args_value(&cli->args, "image-package");
    const char *compare = sph_args_value(&cli->args, "compare");
    const char *top_text = sph_args_value(&cli->args, "top");
    uint64_t top = TOP_DEFAULT;
    path = path ? path : sph_args_positional(&cli->args, 0);
    if (!path)
        return sph_say_usage("option '--image-package PATH' is missing");
    if (top_text && sph_text_to_u64(top_text, UINT16_MAX, &top) < 0)
        return sph_say_usage("--top takes a number up to %d, not '%s'", UINT16_MAX, top_text);
    if (input_read(path, &input, &err) < 0 || (compare && input_read(compare, &other, &err) < 0))
        return sph_say_input_failure(&err);
    if (compare || sph_args_flag(&cli->args, "sizes"))
        return show_sizes(cli, &input, compare ? &other : NULL, (unsigned)top);
    return show(cli, &input.image, input.parts.fs);
}

/* Needs no device and no key. */
const struct sph_command sph_cmd_image_package_show = {
    .path = "image-package show",
    .summary = "Show what is in an image package",
    .options = options,
    .positionals = positionals,
    .run = run,
};
