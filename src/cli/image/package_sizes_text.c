/* The table (tab separated values) has every part, so that its bytes add up; people get a summary
 * by kind, then files, then what is inside of each program. */
#include "cli/image/package_sizes_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json_out.h"
#include "base/text.h"

enum { MIB = 1 << 20 /* bytes: the flash of the original's device */ };

static const struct sph_column part_columns[] = {
    {"File", "path"}, {"Kind", "kind"}, {"Name", "name"}, {"Bytes", "bytes"}, {.title = NULL}};
static const struct sph_column change_columns[] = {
    {"File", "path"}, {"Kind", "kind"},     {"Name", "name"}, {"Before", "bytesBefore"},
    {"Now", "bytes"}, {"Change", "change"}, {.title = NULL}};

void sph_sizes_output_done(struct sph_sizes_output *output) {
    sph_table_done(&output->table);
    sph_buf_done(&output->human);
    sph_buf_done(&output->json);
}

/* "18.4 %", rounded. */
static const char *share(uint64_t part, uint64_t whole, char text[24]) {
    uint64_t tenths = whole ? (part * 1000 + whole / 2) / whole : 0;
    (void)snprintf(text, 24, "%" PRIu64 ".%" PRIu64 " %%", tenths / 10, tenths % 10);
    return text;
}

/* What people ask for first: programs, libraries and so on, and what is nobody's. */
static void write_summary(const struct sph_sizes_input *input, const struct sph_size_list *parts,
                          struct sph_buf *buf) {
    static const struct sph_column columns[] = {
        {"What", "what"}, {"Bytes", "bytes"}, {"Share", "share"}, {.title = NULL}};
    uint64_t files[SPH_FILE_RESOURCE + 1] = {0}, rest[SPH_SIZE_SYMBOL] = {0};
    struct sph_fs_iter iter;
    struct sph_fs_entry entry;
    char text[24], name[40];
    if (input->fs)
        sph_fs_iter_init(&iter, input->fs);
    while (input->fs && sph_fs_next(&iter, &entry))
        if (entry.data)
            files[sph_file_kind(&entry)] += entry.size_bytes;
    for (size_t i = 0; i < parts->count; i++)
        if (parts->rows[i].kind >= SPH_SIZE_PADDING || !*parts->rows[i].path)
            rest[parts->rows[i].kind] += parts->rows[i].bytes;
    sph_autotable struct sph_table table;
    sph_table_init(&table, columns);
    for (unsigned kind = 0; kind <= SPH_FILE_RESOURCE; kind++) {
        if (files[kind] == 0)
            continue;
        (void)snprintf(name, sizeof(name), "%s%s", sph_file_kind_name(kind),
                       kind == SPH_FILE_MANIFEST ? "" : " files");
        sph_table_add(&table, name);
        sph_table_add_number(&table, files[kind]);
        sph_table_add(&table, share(files[kind], input->image->size, text));
    }
    for (unsigned kind = 0; kind < SPH_SIZE_SYMBOL; kind++) {
        if (rest[kind] == 0)
            continue;
        sph_table_add(&table, sph_size_kind_name(kind));
        sph_table_add_number(&table, rest[kind]);
        sph_table_add(&table, share(rest[kind], input->image->size, text));
    }
    sph_buf_printf(buf, "Size in flash: %zu bytes, %s of 1 MiB\n\n", input->image->size,
                   share(input->image->size, MIB, text));
    sph_table_draw(&table, SPH_TABLE_PLAIN, buf);
}

static void write_elf_tables(const struct sph_elf_sizes *elf, unsigned top, struct sph_buf *buf) {
    static const struct sph_column section_columns[] = {
        {"Section", "name"}, {"Bytes", "bytes"}, {.title = NULL}};
    static const struct sph_column symbol_columns[] = {
        {"Symbol", "name"}, {"Bytes", "bytes"}, {"Section", "section"}, {.title = NULL}};
    sph_autotable struct sph_table sections;
    sph_autotable struct sph_table symbols;
    sph_table_init(&sections, section_columns);
    sph_table_init(&symbols, symbol_columns);
    for (unsigned i = 0; i < elf->n_sections; i++) {
        sph_table_add(&sections, elf->sections[i].name);
        sph_table_add_number(&sections, elf->sections[i].bytes);
    }
    sph_table_add(&sections, "(headers and gaps)");
    sph_table_add_number(&sections, elf->other_bytes);
    sph_table_draw(&sections, SPH_TABLE_PLAIN, buf);
    for (unsigned i = 0; i < elf->n_symbols && i < top; i++) {
        sph_table_add(&symbols, elf->symbols[i].name);
        sph_table_add_number(&symbols, elf->symbols[i].bytes);
        sph_table_add(&symbols, elf->sections[elf->symbols[i].section].name);
    }
    if (elf->is_stripped)
        sph_buf_puts(buf,
                     "(stripped: link it with -Wl,--build-id, and name the file that it was made "
                     "from with --symbols)\n");
    if (elf->n_symbols == 0 || top == 0)
        return;
    sph_buf_puts(buf, "\n");
    sph_table_draw(&symbols, SPH_TABLE_PLAIN, buf);
    if (elf->n_symbols > top)
        sph_buf_printf(buf, "(and %u smaller ones)\n", elf->n_symbols - top);
}

static void write_elf(const struct sph_fs_entry *entry, const struct sph_elf_sizes *elf,
                      unsigned top, struct sph_buf *buf) {
    sph_buf_printf(buf, "\n%s: %s for %s", entry->path, sph_file_kind_name(sph_file_kind(entry)),
                   elf->machine);
    for (unsigned i = 0; i < elf->n_needed; i++)
        sph_buf_printf(buf, "%s%s", i ? ", " : "; needs ", elf->needed[i]);
    sph_buf_puts(buf, "\n");
    if (elf->debug_bytes > 0)
        sph_buf_printf(buf,
                       "%" PRIu64 " bytes of it are for debuggers only; 'strip' takes them out of "
                       "a copy to pack\n",
                       elf->debug_bytes);
    write_elf_tables(elf, top, buf);
}

static void json_elf(const struct sph_elf_sizes *elf, unsigned top, struct sph_json_out *out) {
    sph_json_key_string(out, "Machine", elf->machine);
    sph_json_key_u64(out, "DebugBytes", elf->debug_bytes);
    sph_json_key(out, "Needed");
    sph_json_array(out);
    for (unsigned i = 0; i < elf->n_needed; i++)
        sph_json_string(out, elf->needed[i]);
    sph_json_array_end(out);
    sph_json_key(out, "Symbols");
    sph_json_array(out);
    for (unsigned i = 0; i < elf->n_symbols && i < top; i++) {
        sph_json_object(out);
        sph_json_key_string(out, "Name", elf->symbols[i].name);
        sph_json_key_u64(out, "Bytes", elf->symbols[i].bytes);
        sph_json_key_string(out, "Section", elf->sections[elf->symbols[i].section].name);
        sph_json_object_end(out);
    }
    sph_json_array_end(out);
}

/* Each file once: its row, its JSON, and what is inside. `inside` comes after the files' table. */
static int write_files(const struct sph_sizes_input *input, unsigned top, struct sph_buf *human,
                       struct sph_json_out *out) {
    static const struct sph_column columns[] = {{"File", "path"},
                                                {"Kind", "kind"},
                                                {"Bytes", "bytes"},
                                                {"In flash", "inFlash"},
                                                {.title = NULL}};
    struct sph_fs_iter iter;
    struct sph_fs_entry entry;
    sph_autotable struct sph_table table;
    sph_autobuf struct sph_buf inside = SPH_BUF_LIMIT(16 << 20);
    sph_table_init(&table, columns);
    sph_fs_iter_init(&iter, input->fs);
    while (sph_fs_next(&iter, &entry)) {
        sph_autoelfsizes struct sph_elf_sizes elf = {.machine = NULL};
        if (!entry.data)
            continue;
        const char *kind = sph_file_kind_name(sph_file_kind(&entry));
        int r = sph_package_elf_read(&entry, input->places, &elf);
        if (r == -ENOMEM)
            return r;
        sph_table_add(&table, entry.path);
        sph_table_add(&table, kind);
        sph_table_add_number(&table, entry.size_bytes);
        sph_table_add_number(&table, sph_file_flash_bytes(&entry));
        sph_json_object(out);
        sph_json_key_string(out, "Path", entry.path);
        sph_json_key_string(out, "Kind", kind);
        sph_json_key_u64(out, "Size", entry.size_bytes);
        sph_json_key_u64(out, "InFlash", sph_file_flash_bytes(&entry));
        if (r == 0) {
            write_elf(&entry, &elf, top, &inside);
            json_elf(&elf, top, out);
        }
        sph_json_object_end(out);
    }
    sph_buf_puts(human, "\n");
    sph_table_draw(&table, SPH_TABLE_PLAIN, human);
    sph_buf_append(human, inside.data, inside.len);
    return inside.error;
}

static void json_parts(const struct sph_size_list *parts, struct sph_json_out *out) {
    sph_json_key(out, "Parts");
    sph_json_array(out);
    for (size_t i = 0; i < parts->count; i++) {
        sph_json_object(out);
        sph_json_key_string(out, "Path", parts->rows[i].path);
        sph_json_key_string(out, "Kind", sph_size_kind_name(parts->rows[i].kind));
        sph_json_key_string(out, "Name", parts->rows[i].name);
        sph_json_key_u64(out, "Bytes", parts->rows[i].bytes);
        sph_json_object_end(out);
    }
    sph_json_array_end(out);
}

static void add_parts(const struct sph_size_list *parts, struct sph_table *table) {
    for (size_t i = 0; i < parts->count; i++) {
        sph_table_add(table, parts->rows[i].path);
        sph_table_add(table, sph_size_kind_name(parts->rows[i].kind));
        sph_table_add(table, parts->rows[i].name);
        sph_table_add_number(table, parts->rows[i].bytes);
    }
}

int sph_sizes_write(const struct sph_sizes_input *input, unsigned top,
                    struct sph_sizes_output *ret_output) {
    sph_autosizelist struct sph_size_list parts = {.rows = NULL};
    struct sph_json_out out;
    sph_table_init(&ret_output->table, part_columns);
    int r = sph_package_parts(input->image, input->fs, &parts);
    if (r < 0)
        return r;
    write_summary(input, &parts, &ret_output->human);
    add_parts(&parts, &ret_output->table);
    sph_json_begin(&out, &ret_output->json);
    sph_json_object(&out);
    sph_json_key_u64(&out, "Size", input->image->size);
    json_parts(&parts, &out);
    sph_json_key(&out, "Files");
    sph_json_array(&out);
    r = input->fs ? write_files(input, top, &ret_output->human, &out) : 0;
    if (r < 0)
        return r;
    sph_json_array_end(&out);
    sph_json_object_end(&out);
    return 0;
}

/* "+4096", "-12" */
static const char *signed_text(uint64_t now, uint64_t before, char text[24]) {
    (void)snprintf(text, 24, "%c%" PRIu64, now < before ? '-' : '+',
                   now < before ? before - now : now - before);
    return text;
}

static void add_changes(const struct sph_size_list *list, size_t count, struct sph_table *table) {
    char text[24];
    for (size_t i = 0; i < list->count && i < count; i++) {
        const struct sph_size_row *row = &list->rows[i];
        sph_table_add(table, row->path);
        sph_table_add(table, sph_size_kind_name(row->kind));
        sph_table_add(table, row->name);
        sph_table_add_number(table, row->before);
        sph_table_add_number(table, row->bytes);
        sph_table_add(table, signed_text(row->bytes, row->before, text));
    }
}

static void json_changes(const char *key, const struct sph_size_list *list, size_t count,
                         struct sph_json_out *out) {
    sph_json_key(out, key);
    sph_json_array(out);
    for (size_t i = 0; i < list->count && i < count; i++) {
        const struct sph_size_row *row = &list->rows[i];
        sph_json_object(out);
        sph_json_key_string(out, "Path", row->path);
        sph_json_key_string(out, "Kind", sph_size_kind_name(row->kind));
        sph_json_key_string(out, "Name", row->name);
        sph_json_key_u64(out, "BytesBefore", row->before);
        sph_json_key_u64(out, "Bytes", row->bytes);
        sph_json_key(out, "Change");
        sph_json_i64(out, (int64_t)(row->bytes - row->before));
        sph_json_object_end(out);
    }
    sph_json_array_end(out);
}

/* The lists of both packages, joined. */
static int compare(const struct sph_sizes_input *now, const struct sph_sizes_input *before,
                   bool symbols, struct sph_size_list *ret_list) {
    sph_autosizelist struct sph_size_list ours = {.rows = NULL};
    sph_autosizelist struct sph_size_list theirs = {.rows = NULL};
    int r = 0;
    if (!symbols)
        r = sph_package_parts(now->image, now->fs, &ours);
    else if (now->fs)
        r = sph_package_symbols(now->fs, now->places, &ours);
    if (r == 0 && !symbols)
        r = sph_package_parts(before->image, before->fs, &theirs);
    else if (r == 0 && before->fs)
        r = sph_package_symbols(before->fs, before->places, &theirs);
    return r < 0 ? r : sph_size_list_compare(&ours, &theirs, ret_list);
}

static void draw_changes(const struct sph_size_list *list, size_t count, struct sph_buf *buf) {
    sph_autotable struct sph_table table;
    sph_table_init(&table, change_columns);
    add_changes(list, count, &table);
    if (list->count == 0)
        return;
    sph_buf_puts(buf, "\n");
    sph_table_draw(&table, SPH_TABLE_PLAIN, buf);
    if (list->count > count)
        sph_buf_printf(buf, "(and %zu smaller changes)\n", list->count - count);
}

int sph_sizes_write_comparison(const struct sph_sizes_input *now,
                               const struct sph_sizes_input *before, unsigned top,
                               struct sph_sizes_output *ret_output) {
    sph_autosizelist struct sph_size_list parts = {.rows = NULL};
    sph_autosizelist struct sph_size_list symbols = {.rows = NULL};
    struct sph_json_out out;
    char change[24], path[320], other[320];
    sph_table_init(&ret_output->table, change_columns);
    int r = compare(now, before, false, &parts);
    r = r < 0 ? r : compare(now, before, true, &symbols);
    if (r < 0)
        return r;
    add_changes(&parts, parts.count, &ret_output->table);
    sph_buf_printf(&ret_output->human, "%s: %zu bytes\n%s: %zu bytes (%s)\n",
                   sph_text_shown(before->path, other, sizeof(other)), before->image->size,
                   sph_text_shown(now->path, path, sizeof(path)), now->image->size,
                   signed_text(now->image->size, before->image->size, change));
    draw_changes(&parts, parts.count, &ret_output->human);
    draw_changes(&symbols, top, &ret_output->human);
    sph_json_begin(&out, &ret_output->json);
    sph_json_object(&out);
    sph_json_key_u64(&out, "SizeBefore", before->image->size);
    sph_json_key_u64(&out, "Size", now->image->size);
    sph_json_key(&out, "Change");
    sph_json_i64(&out, (int64_t)(now->image->size - before->image->size));
    json_changes("Parts", &parts, parts.count, &out);
    json_changes("Symbols", &symbols, top, &out);
    sph_json_object_end(&out);
    return 0;
}
