/* Out of memory at every allocation in turn: an error like any other, nothing lost, nothing half
 * shown. The linker puts our functions in the place of the allocator's (--wrap). */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cli/call.h"
#include "cli/device/device_config.h"
#include "cli/device/home.h"
#include "cli/frame/cli.h"
#include "cli/image/elf_testing.h"
#include "cli/image/pack_tree.h"
#include "cli/image/package_file.h"
#include "cli/image/package_sizes_text.h"
#include "cli/image/wrap.h"
#include "cli/report/report.h"
#include "cli/syntax/args.h"
#include "cli/syntax/completion.h"
#include "cli/syntax/help.h"
#include "cli/text/json_pretty.h"
#include "cli/text/query.h"
#include "cli/text/table.h"

static long allowed = -1; /* allocations until one fails; -1: none does */
static bool has_failed;

static bool may_allocate(void) {
    if (allowed < 0)
        return true;
    if (allowed-- > 0)
        return true;
    has_failed = true;
    allowed = -1; /* one failure a round: what follows it must cope, not starve */
    errno = ENOMEM;
    return false;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t size) {
    return may_allocate() ? __real_malloc(size) : NULL;
}
void *__wrap_calloc(size_t count, size_t size) {
    return may_allocate() ? __real_calloc(count, size) : NULL;
}
void *__wrap_realloc(void *old, size_t size) {
    return may_allocate() ? __real_realloc(old, size) : NULL;
}
void *__wrap_reallocarray(void *old, size_t count, size_t size) {
    return may_allocate() ? __real_reallocarray(old, count, size) : NULL;
}
char *__wrap_strdup(const char *text) {
    return may_allocate() ? __real_strdup(text) : NULL;
}

static char folder[64];
static int folder_fd = -1;

static int parse_args(void) {
    char words[][32] = {"spherule", "device", "-o", "json", "sideload", "deploy", "-mp", "x"};
    char *argv[SPH_ARRAY_SIZE(words) + 1] = {NULL};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(words); i++)
        argv[i] = words[i];
    sph_autoargs struct sph_args args = SPH_ARGS_NULL;
    return sph_args_parse("spherule", (int)SPH_ARRAY_SIZE(words), argv, &args, NULL);
}

static int draw_table(enum sph_table_style style) {
    static const struct sph_column columns[] = {{"A", "a"}, {"B", "b"}, {.title = NULL}};
    sph_autotable struct sph_table table;
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    sph_table_init(&table, columns);
    for (unsigned i = 0; i < 40; i++) {
        sph_table_add(&table, "text");
        sph_table_add_number(&table, i);
    }
    sph_table_draw(&table, style, &buf);
    return buf.error;
}

static int draw_ruled(void) {
    return draw_table(SPH_TABLE_RULED);
}
static int draw_json(void) {
    return draw_table(SPH_TABLE_JSON);
}

static int write_help(void) {
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    sph_help_write("spherule", sph_command_find("device"), &buf);
    return buf.error;
}

static int write_completion(void) {
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    sph_completion_write(SPH_SHELL_FISH, &buf);
    return buf.error;
}

static int run_query(void) {
    static const char json[] = "[{\"n\":\"b\",\"v\":{\"x\":[1,2,3]}},{\"n\":\"a\",\"v\":{}}]";
    static const char expression[] =
        "[?n=='b' || "
        "v==`{\"x\":[]}`].{a:join(',',[n,`\"c\"`]),b:v.x[::-1],c:merge(v,{y:sum(v.x)}),d:"
        "sort_by(v.*[],&@),e:map(&n,[@]),f:keys(v),g:reverse(n),h:[v,v][].x[],i:contains(n,'b'),j:"
        "to_string(v)}";
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    sph_autoquery struct sph_query *query = NULL;
    struct sph_json_value top;
    int r = sph_json_check(json, strlen(json), &top, NULL);
    if (r == 0)
        r = sph_query_parse(expression, &query, NULL);
    return r < 0 ? r : sph_query_run(query, &top, &buf, NULL);
}

static int format_value(enum sph_output output) {
    static const char json[] = "[{\"n\":\"b\",\"v\":{\"x\":[1,\": \"]}},{\"n\":\"a\",\"v\":7}]";
    const struct sph_cli cli = {.program = "spherule", .output = output};
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    sph_buf_puts(&text, json);
    int r = sph_cli_format(&cli, &text, &buf, NULL);
    return r < 0 ? r : buf.error;
}
static int format_yaml(void) {
    return format_value(SPH_OUTPUT_YAML);
}
static int format_table(void) {
    return format_value(SPH_OUTPUT_TABLE);
}
static int format_tsv(void) {
    return format_value(SPH_OUTPUT_TSV);
}

static int make_pretty(void) {
    static const char json[] = "{\"a\":[1,2,{\"b\":null}]}";
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    sph_json_pretty(json, strlen(json), true, &buf);
    return buf.error;
}

static int list_devices(void) {
    char **names;
    unsigned count;
    int r = sph_home_list_devices(folder_fd, &names, &count, NULL);
    if (r == 0)
        sph_home_free_names(names, count);
    return r;
}

static int pick_device(void) {
    char name[SPH_DEVICE_NAME_MAX];
    return sph_home_pick_device(folder_fd, NULL, name, NULL);
}

static int read_tree(void) {
    sph_autopacktree struct sph_pack_tree tree = SPH_PACK_TREE_NULL;
    return sph_pack_tree_read(folder, NULL, &tree, NULL);
}

static int wrap_executable(void) {
    struct sph_signer signer;
    struct sph_guid id;
    sph_autobuf struct sph_buf package = SPH_BUF_NULL;
    static struct test_elf elf;
    const struct sph_buf program = {.data = (char *)&elf, .len = sizeof(elf)};
    test_elf_make(&elf);
    memset(&signer, 0, sizeof(signer));
    signer.scalar[31] = 7;
    return sph_wrap_executable("x", &program, NULL, 0, &signer, &id, &package, NULL);
}

/* A package with other arguments, made of one that is whole: without memory there is no package,
 * and never one that lost a member of its manifest. */
static struct sph_buf whole_package;

static int wrap_with_args(void) {
    char arg[] = "other";
    char *const args[] = {arg};
    struct sph_signer signer;
    struct sph_package package, again;
    struct sph_manifest_notes notes = {.device_error = 0};
    sph_autobuf struct sph_buf made = SPH_BUF_NULL;
    memset(&signer, 0, sizeof(signer));
    signer.scalar[31] = 7;
    long kept = allowed; /* what is whole is read without a failure */
    allowed = -1;
    int r = sph_package_parse(whole_package.data, whole_package.len, NULL, &package, &notes, NULL);
    assert_int_equal(r, 0);
    allowed = kept;
    r = sph_wrap_with_args(&package, args, 1, &signer, &made, NULL);
    allowed = -1;
    if (r < 0)
        return r;
    assert_int_equal(sph_package_parse(made.data, made.len, NULL, &again, &notes, NULL), 0);
    assert_true(sph_json_is(&again.manifest.name, "x"));
    assert_int_equal(again.manifest.cmd_args.count, 1);
    return r;
}

static int make_whole_package(void) {
    struct sph_signer signer;
    struct sph_guid id;
    static struct test_elf elf;
    const struct sph_buf program = {.data = (char *)&elf, .len = sizeof(elf)};
    test_elf_make(&elf);
    memset(&signer, 0, sizeof(signer));
    signer.scalar[31] = 7;
    whole_package = (struct sph_buf)SPH_BUF_NULL;
    return sph_wrap_executable("x", &program, NULL, 0, &signer, &id, &whole_package, NULL);
}

static int write_config(void) {
    struct sph_device_config config;
    sph_device_config_default("x", &config);
    return sph_device_config_write(folder_fd, &config, NULL);
}

static int read_config(void) {
    struct sph_device_config config;
    sph_autoclose int fd = sph_dir_open(folder_fd, "devices/only", NULL);
    return sph_device_config_read(fd, &config, NULL);
}

static int write_sizes(void) {
    struct sph_package package;
    struct sph_manifest_notes notes = {.device_error = 0};
    sph_autosizesoutput struct sph_sizes_output sizes = SPH_SIZES_OUTPUT_NULL;
    sph_autosizesoutput struct sph_sizes_output changes = SPH_SIZES_OUTPUT_NULL;
    int r = sph_package_parse(whole_package.data, whole_package.len, NULL, &package, &notes, NULL);
    assert_int_equal(r, 0); /* allocates nothing */
    const struct sph_sizes_input input = {.path = "x", .image = &package.image, .fs = &package.fs};
    const struct sph_sizes_input none = {.path = "y", .image = &package.image, .fs = NULL};
    r = sph_sizes_write(&input, 1, &sizes);
    if (r == 0)
        r = sph_sizes_write_comparison(&input, &none, 1, &changes);
    const int errors[] = {r,
                          sizes.table.error,
                          sizes.human.error,
                          sizes.json.error,
                          changes.table.error,
                          changes.human.error,
                          changes.json.error};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(errors); i++)
        if (errors[i] < 0)
            return errors[i];
    return 0;
}

static int read_input(void) {
    char path[96];
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    (void)snprintf(path, sizeof(path), "%s/devices/only/device.json", folder);
    return sph_input_read("profile", path, &buf, NULL);
}

static const struct sph_option call_options[] = {
    {.name = "list", .value = "L", .help = "x"},
    {.name = "file", .value = "F", .help = "x"},
    {.name = NULL},
};
static const struct sph_command call_command = {.path = "x", .options = call_options};

static int write_call_body(void) {
    static const struct sph_call_member members[] = {
        {.key = "list", .option = "list", .kind = SPH_CALL_LIST},
        {.key = "file", .option = "file", .kind = SPH_CALL_FILE},
        {.key = NULL},
    };
    static const struct sph_call call = {.members = members};
    char path[96];
    (void)snprintf(path, sizeof(path), "%s/devices/only/device.json", folder);
    struct sph_args_hit hits[] = {{&call_options[0], "a,b,c"}, {&call_options[1], path}};
    const struct sph_args args = {.command = &call_command, .hits = hits, .n_hits = 2};
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    return sph_call_body(&call, &args, &buf, NULL);
}

static int write_call_path(void) {
    static const struct sph_call call = {.path = "/a/*"};
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    sph_call_path(&call, "a b", &buf);
    return buf.error;
}

static int fill_call_rows(void) {
    static const char json[] = "{\"l\":[{\"a\":\"x\",\"b\":[1,\"y\"]},{\"a\":{\"z\":1}}]}";
    static const struct sph_column columns[] = {{"A", "a"}, {"B", "b"}, {.title = NULL}};
    static const struct sph_call call = {.columns = columns, .list = "l"};
    struct sph_json_value top;
    sph_autotable struct sph_table table;
    sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
    if (sph_json_check(json, strlen(json), &top, NULL) < 0)
        return -EINVAL;
    sph_table_init(&table, columns);
    if (!sph_call_fill(&call, false, &top, &table))
        return -EINVAL;
    sph_table_draw(&table, SPH_TABLE_RECORDS, &buf);
    return buf.error;
}

/* Each gives 0, or -ENOMEM when an allocation failed on the way. */
static const struct {
    const char *name;
    int (*run)(void);
} calls[] = {
    {"args", parse_args},
    {"ruled table", draw_ruled},
    {"JSON table", draw_json},
    {"help", write_help},
    {"completion", write_completion},
    {"pretty", make_pretty},
    {"query", run_query},
    {"YAML", format_yaml},
    {"table of JSON", format_table},
    {"tsv of JSON", format_tsv},
    {"list", list_devices},
    {"pick", pick_device},
    {"tree", read_tree},
    {"wrap", wrap_executable},
    {"wrap anew", wrap_with_args},
    {"write device.json", write_config},
    {"read device.json", read_config},
    {"read an input", read_input},
    {"sizes", write_sizes},
    {"body of a call", write_call_body},
    {"path of a call", write_call_path},
    {"rows of a call", fill_call_rows},
};

enum { ROUNDS_MAX = 3000 };

static void fail_each_in_turn(const char *name, int (*run)(void)) {
    long n = 0;
    for (; n < ROUNDS_MAX; n++) {
        has_failed = false;
        allowed = n;
        int r = run();
        allowed = -1;
        if (!has_failed) {
            assert_int_equal(r, 0);
            break;
        }
        if (r != -ENOMEM)
            fail_msg("%s: allocation %ld failed and the result is %d", name, n, r);
    }
    assert_true(n > 0 && n < ROUNDS_MAX);
}

static void test_each_allocation(void **state) {
    (void)state;
    assert_int_equal(make_whole_package(), 0);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(calls); i++)
        fail_each_in_turn(calls[i].name, calls[i].run);
    sph_buf_done(&whole_package);
}

/* Cells may be lost with the memory; the call still ends, and says so where it can. */
static void test_a_report_survives(void **state) {
    static const char json[] = "{\"why\":\"crash\",\"log\":\"a\\nb\",\"mappings\":[{\"path\":\"x\","
                               "\"class\":\"heap\",\"anonymousPages\":1}],\"stack\":[\"0x1\"],"
                               "\"heap\":{\"liveBlocks\":1,\"callers\":[{\"name\":\"x\"}],"
                               "\"sites\":[{\"address\":\"0x1\"}]}}";
    (void)state;
    struct sph_json_value report;
    assert_int_equal(sph_json_check(json, strlen(json), &report, NULL), 0);
    for (long n = 0; n < ROUNDS_MAX; n++) {
        sph_autobuf struct sph_buf buf = SPH_BUF_NULL;
        has_failed = false;
        allowed = n;
        sph_report_write(&report, &buf);
        allowed = -1;
        if (!has_failed) {
            assert_int_equal(buf.error, 0);
            return;
        }
    }
    fail_msg("no end");
}

static int set_up(void **state) {
    (void)state;
    (void)snprintf(folder, sizeof(folder), "%s", "/tmp/spherule-alloc-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = sph_dir_make(folder_fd, "devices/only", 0755, NULL);
    sph_autoclose int fd = sph_dir_open(folder_fd, "devices/only", NULL);
    (void)unsetenv("SPHERULE_DEVICE");
    return r == 0 ? sph_file_replace(fd, "device.json", "{}", 2, 0644, NULL) : r;
}

static int tear_down(void **state) {
    (void)state;
    (void)close(folder_fd);
    return sph_tree_remove(AT_FDCWD, folder, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_allocation, set_up, tear_down),
        cmocka_unit_test(test_a_report_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
