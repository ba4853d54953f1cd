/* Hardware definitions: chains to their values, every broken file with its place, and packing a
 * manifest through them. Files come from a table, not from disk. */
#include "package/hardware.h"

#include <errno.h>

#include "package/alloc_testing.h"
#include "package/package_testing.h"

#define META "{\"Metadata\":{\"Type\":\"Azure Sphere Hardware Definition\",\"Version\":1},"
#define APP META "\"Imports\":[{\"Path\":\"board.json\"}],\"Peripherals\":["

struct source {
    const char *path;
    const char *text;
};

static const char board[] =
    META "\"Imports\":[{\"Path\":\"chip.json\"}],\"Peripherals\":["
         "{\"Name\":\"BOARD_LED\",\"Type\":\"Gpio\",\"Mapping\":\"CHIP_GPIO8\",\"Comment\":\"x\"},"
         "{\"Name\":\"BOARD_I2C\",\"Type\":\"I2cMaster\",\"Mapping\":\"CHIP_I2C\"}]}";
/* Imports its importer: each file is read once. */
static const char chip[] =
    META "\"Imports\":[{\"Path\":\"app.json\"}],\"Peripherals\":["
         "{\"Name\":\"CHIP_GPIO8\",\"Type\":\"Gpio\",\"MainCoreHeaderValue\":\"8\","
         "\"AppManifestValue\":8},"
         "{\"Name\":\"CHIP_GPIO9\",\"Type\":\"Gpio\",\"AppManifestValue\":\"9\"},"
         "{\"Name\":\"CHIP_I2C\",\"Type\":\"I2cMaster\",\"AppManifestValue\":\"ISU2\"},"
         "{\"Name\":\"CHIP_ADC\",\"Type\":\"Adc\",\"AppManifestValue\":\"ADC-CONTROLLER-0\"},"
         "{\"Name\":\"CHIP_ODD\",\"Type\":\"Gpio\",\"AppManifestValue\":\"ISU2\"},"
         "{\"Name\":\"CHIP_NUMBER\",\"Type\":\"Uart\",\"AppManifestValue\":4},"
         "{\"Name\":\"CHIP_NOTHING\",\"Type\":\"Gpio\"}]}";
static const char app[] =
    APP "{\"Name\":\"LED\",\"Type\":\"Gpio\",\"Mapping\":\"BOARD_LED\"},"
        "{\"Name\":\"BUTTON\",\"Type\":\"Gpio\",\"Mapping\":\"CHIP_GPIO9\"},"
        "{\"Name\":\"SENSOR\",\"Type\":\"I2cMaster\",\"Mapping\":\"BOARD_I2C\"},"
        "{\"Name\":\"POT\",\"Type\":\"Adc\",\"Mapping\":\"CHIP_ADC\"},"
        "{\"Name\":\"ODD\",\"Type\":\"Gpio\",\"Mapping\":\"CHIP_ODD\"},"
        "{\"Name\":\"NUMBER\",\"Type\":\"Uart\",\"Mapping\":\"CHIP_NUMBER\"},"
        "{\"Name\":\"NOTHING\",\"Type\":\"Gpio\",\"Mapping\":\"CHIP_NOTHING\"},"
        "{\"Name\":\"LOST\",\"Type\":\"Gpio\",\"Mapping\":\"NOWHERE\"},"
        "{\"Name\":\"RING_A\",\"Type\":\"Gpio\",\"Mapping\":\"RING_B\"},"
        "{\"Name\":\"RING_B\",\"Type\":\"Gpio\",\"Mapping\":\"RING_A\"},"
        "{\"Name\":\"TWICE\",\"Type\":\"Gpio\",\"AppManifestValue\":1},"
        "{\"Name\":\"TWICE\",\"Type\":\"Gpio\",\"AppManifestValue\":1},"
        "{\"Name\":\"MIXED\",\"Type\":\"Uart\",\"Mapping\":\"CHIP_I2C\"}]}";
static const struct source sources[] = {
    {"app.json", app}, {"board.json", board}, {"chip.json", chip}, {NULL, NULL}};

static int read_source(void *context, const char *path, struct sph_buf *ret_text,
                       struct sph_err *err) {
    for (const struct source *source = context; source->path; source++) {
        if (strcmp(source->path, path) == 0) {
            sph_buf_puts(ret_text, source->text);
            return 0;
        }
    }
    return SPH_FAIL(err, -ENOENT, "no hardware definition '%s'", path);
}

static void load(struct sph_hardware **ret_hardware) {
    struct sph_err err = SPH_ERR_NULL;
    if (sph_hardware_load("app.json", read_source, (void *)sources, ret_hardware, &err) < 0)
        fail_msg("%s", err.text);
}

static void names_are_resolved(void **state) {
    (void)state;
    static const struct {
        const char *name, *type;
        int code;
        const char *result; /* the value's text, or the sentence */
    } rows[] = {
        {"LED", "Gpio", 0, "8"},
        {"BUTTON", "Gpio", 0, "9"},
        {"SENSOR", "I2cMaster", 0, "ISU2"},
        {"POT", "Adc", 0, "ADC-CONTROLLER-0"},
        {"CHIP_GPIO8", "Gpio", 0, "8"},
        {"LEDS", "Gpio", -ENOENT, "'LEDS' is not in the hardware definition"},
        {"LED", "Uart", -EINVAL, "'LED' is of type Gpio in the hardware definition, not Uart"},
        {"MIXED", "Uart", -EINVAL,
         "'CHIP_I2C' is of type I2cMaster in the hardware definition, not Uart"},
        {"LOST", "Gpio", -EBADMSG,
         "'LOST' leads to 'NOWHERE', which is not in the hardware definition"},
        {"NOTHING", "Gpio", -EBADMSG,
         "'NOTHING' leads to 'CHIP_NOTHING', which has neither Mapping nor AppManifestValue"},
        {"RING_A", "Gpio", -EBADMSG,
         "the Mapping chain of 'RING_A' is a loop or longer than 16 steps"},
        {"TWICE", "Gpio", -EBADMSG,
         "'TWICE' is in the hardware definition twice, last in 'app.json'"},
    };
    SPH_CLEANUP(sph_hardware_freep) struct sph_hardware *hardware = NULL;
    load(&hardware);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_json_value value;
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(sph_hardware_resolve(hardware, rows[i].name, rows[i].type, &value, &err),
                         rows[i].code);
        if (rows[i].code < 0) {
            assert_err(&err, rows[i].code, rows[i].result);
            continue;
        }
        assert_int_equal(value.len, strlen(rows[i].result));
        assert_memory_equal(value.text, rows[i].result, value.len);
    }
}

static void broken_files_get_a_sentence(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int code;
        const char *sentence;
    } rows[] = {
        {"", -EBADMSG,
         "app.json: line 1, column 1: expected a value, but found the end of the text"},
        {"[]", -EBADMSG,
         "app.json: line 1, column 1: Metadata.Type must be \"Azure Sphere Hardware Definition\""},
        {"{}", -EBADMSG,
         "app.json: line 1, column 1: Metadata.Type must be \"Azure Sphere Hardware Definition\""},
        {"{\"Metadata\":{\"Type\":\"Azure Sphere Hardware Definition\",\"Version\":2}}", -EBADMSG,
         "app.json: line 1, column 13: Metadata.Version must be 1"},
        {META "\"Imports\":{}}", -EBADMSG, "app.json: line 1, column 79: Imports must be an array"},
        {META "\"Imports\":[\"x\"]}", -EBADMSG,
         "app.json: line 1, column 80: an import must be an object with a Path"},
        {META "\"Imports\":[{\"Path\":\"\"}]}", -EBADMSG,
         "app.json: line 1, column 80: an import must be an object with a Path"},
        {META "\"Imports\":[{\"Path\":\"lost.json\"}]}", -ENOENT,
         "no hardware definition 'lost.json'"},
        {META "\"Peripherals\":{}}", -EBADMSG,
         "app.json: line 1, column 83: Peripherals must be an array"},
        {META "\"Peripherals\":[1]}", -EBADMSG,
         "app.json: line 1, column 84: a peripheral must be an object with a Name of at most 127 "
         "bytes"},
        {META "\"Peripherals\":[{\"Name\":\"A\"}]}", -EBADMSG,
         "app.json: line 1, column 84: a peripheral must have a Type"},
        {META "\"Peripherals\":[{\"Name\":\"A\",\"Type\":\"Gpio\",\"Mapping\":7}]}", -EBADMSG,
         "app.json: line 1, column 120: Mapping must be a peripheral's name"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct source source[2] = {{"app.json", rows[i].text}, {NULL, NULL}};
        struct sph_hardware *hardware = NULL;
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(sph_hardware_load("app.json", read_source, source, &hardware, &err),
                         rows[i].code);
        assert_err(&err, rows[i].code, rows[i].sentence);
        assert_null(hardware);
    }
    assert_null(sph_hardware_free(NULL));
}

/* File N imports N+1: one file more than may be. */
static int read_chain(void *context, const char *path, struct sph_buf *ret_text,
                      struct sph_err *err) {
    unsigned *next = context;
    (void)path;
    (void)err;
    sph_buf_printf(ret_text, META "\"Imports\":[{\"Path\":\"%u\"}]}", ++*next);
    return 0;
}

static void imports_are_bounded(void **state) {
    (void)state;
    struct sph_hardware *hardware = NULL;
    struct sph_err err = SPH_ERR_NULL;
    unsigned next = 0;
    assert_int_equal(sph_hardware_load("0", read_chain, &next, &hardware, &err), -EBADMSG);
    assert_err(&err, -EBADMSG, "the hardware definition imports more than 32 files");
    char path[300];
    memset(path, 'p', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(sph_hardware_load(path, read_chain, &next, &hardware, &err), -EBADMSG);
    assert_memory_equal(err.text, "the hardware definition path 'ppp", 33);
}

/* Definitions made in memory: file i is "fI.json", and each time it is read is counted. */
enum { FILES_MAX = 6, PERIPHERALS_MAX = 24 };
struct library {
    struct sph_buf files[FILES_MAX];
    unsigned reads[FILES_MAX];
};

static int read_library(void *context, const char *path, struct sph_buf *ret_text,
                        struct sph_err *err) {
    struct library *library = context;
    unsigned index = (unsigned)(path[1] - '0');
    (void)err;
    assert_true(index < FILES_MAX);
    library->reads[index]++;
    sph_buf_append(ret_text, library->files[index].data, library->files[index].len);
    return 0;
}

static void library_done(struct library *library) {
    for (unsigned i = 0; i < FILES_MAX; i++)
        sph_buf_done(&library->files[i]);
}

/* What a peripheral leads to, for the model that the answers are held against. */
enum target { TARGET_VALUE, TARGET_MAPPING, TARGET_NOTHING, TARGET_KINDS };
struct peripheral {
    enum target target;
    unsigned next; /* of a mapping; PERIPHERALS_MAX is no peripheral */
    bool is_uart;  /* else Gpio */
};

/* Each file but the first is imported by an earlier one, so that all are reached; more imports in
 * any direction make rings, also a file that imports itself. */
static void write_imports(struct sph_draw *draw, struct library *library, unsigned file_count) {
    for (unsigned i = 0; i < file_count; i++) {
        library->files[i] = (struct sph_buf)SPH_BUF_NULL;
        sph_buf_puts(&library->files[i], META "\"Imports\":[");
    }
    for (unsigned i = 1; i < file_count; i++)
        sph_buf_printf(&library->files[sph_draw_below(draw, i)], "{\"Path\":\"f%u.json\"},", i);
    for (unsigned i = 0; i < file_count; i++)
        sph_buf_printf(&library->files[i], "{\"Path\":\"f%u.json\"}],\"Peripherals\":[",
                       sph_draw_below(draw, file_count));
}

static void write_peripherals(struct sph_draw *draw, struct library *library, unsigned file_count,
                              struct peripheral *ret_peripherals, unsigned count) {
    bool has_item[FILES_MAX] = {false};
    for (unsigned i = 0; i < count; i++) {
        struct peripheral *made = &ret_peripherals[i];
        unsigned file = sph_draw_below(draw, file_count);
        struct sph_buf *text = &library->files[file];
        /* Mappings are the most frequent, or most chains would be of one step. */
        made->target =
            sph_draw_below(draw, 4) ? TARGET_MAPPING : sph_draw_below(draw, TARGET_KINDS);
        made->next = sph_draw_below(draw, 30) ? sph_draw_below(draw, count) : PERIPHERALS_MAX;
        made->is_uart = sph_draw_below(draw, 25) == 0;
        sph_buf_printf(text, "%s{\"Name\":\"P%u\",\"Type\":\"%s\"", has_item[file] ? "," : "", i,
                       made->is_uart ? "Uart" : "Gpio");
        has_item[file] = true;
        if (made->target == TARGET_MAPPING)
            sph_buf_printf(text, ",\"Mapping\":\"P%u\"", made->next);
        else if (made->target == TARGET_VALUE)
            sph_buf_printf(text, ",\"AppManifestValue\":%u", 1000 + i);
        sph_buf_puts(text, "}");
    }
    for (unsigned i = 0; i < file_count; i++)
        sph_buf_puts(&library->files[i], "]}");
}

/* The rule of docs/spec/package.md once more, on numbers instead of texts. */
static int model_resolve(const struct peripheral *peripherals, unsigned name, char *ret_text,
                         size_t size) {
    unsigned at = name;
    for (unsigned steps = 0; steps < SPH_HARDWARE_CHAIN_MAX; steps++) {
        if (at == PERIPHERALS_MAX) {
            (void)snprintf(ret_text, size,
                           "'P%u' leads to 'P%u', which is not in the hardware definition", name,
                           at);
            return -EBADMSG;
        }
        if (peripherals[at].is_uart) {
            (void)snprintf(ret_text, size,
                           "'P%u' is of type Uart in the hardware definition, not Gpio", at);
            return -EINVAL;
        }
        if (peripherals[at].target == TARGET_VALUE) {
            (void)snprintf(ret_text, size, "%u", 1000 + at);
            return 0;
        }
        if (peripherals[at].target == TARGET_NOTHING) {
            (void)snprintf(ret_text, size,
                           "'P%u' leads to 'P%u', which has neither Mapping nor AppManifestValue",
                           name, at);
            return -EBADMSG;
        }
        at = peripherals[at].next;
    }
    (void)snprintf(ret_text, size, "the Mapping chain of 'P%u' is a loop or longer than 16 steps",
                   name);
    return -EBADMSG;
}

static void random_definitions_follow_the_rule(void **state) {
    (void)state;
    struct sph_draw draw = sph_draw_begin(20261123);
    unsigned answers[2] = {0, 0}; /* values, refusals: both must have been met */
    for (unsigned round = 0; round < 300; round++) {
        struct library library = {.reads = {0}};
        struct peripheral peripherals[PERIPHERALS_MAX];
        unsigned file_count = 1 + sph_draw_below(&draw, FILES_MAX);
        unsigned count = 1 + sph_draw_below(&draw, PERIPHERALS_MAX);
        write_imports(&draw, &library, file_count);
        write_peripherals(&draw, &library, file_count, peripherals, count);
        SPH_CLEANUP(sph_hardware_freep) struct sph_hardware *hardware = NULL;
        struct sph_err err = SPH_ERR_NULL;
        if (sph_hardware_load("f0.json", read_library, &library, &hardware, &err) < 0)
            fail_msg("round %u: %s", round, err.text);
        for (unsigned i = 0; i < file_count; i++)
            assert_int_equal(library.reads[i], 1);
        for (unsigned i = 0; i < count; i++) {
            char name[12], want[128];
            struct sph_json_value value;
            int code = model_resolve(peripherals, i, want, sizeof(want));
            (void)snprintf(name, sizeof(name), "P%u", i);
            assert_int_equal(sph_hardware_resolve(hardware, name, "Gpio", &value, &err), code);
            answers[code < 0]++;
            if (code < 0) {
                assert_err(&err, code, want);
                continue;
            }
            assert_int_equal(value.len, strlen(want));
            assert_memory_equal(value.text, want, value.len);
        }
        library_done(&library);
    }
    assert_true(answers[0] > 500 && answers[1] > 500);
}

/* P0 leads to P1 and so on to the value: the last length that is taken, and the first that is not.
 */
static void chains_are_bounded(void **state) {
    (void)state;
    for (unsigned length = 1; length <= SPH_HARDWARE_CHAIN_MAX + 2; length++) {
        struct library library = {.files = {SPH_BUF_NULL}};
        sph_buf_puts(&library.files[0], META "\"Peripherals\":[");
        for (unsigned i = 0; i + 1 < length; i++)
            sph_buf_printf(&library.files[0],
                           "{\"Name\":\"P%u\",\"Type\":\"Adc\",\"Mapping\":\"P%u\"},", i, i + 1);
        sph_buf_printf(&library.files[0],
                       "{\"Name\":\"P%u\",\"Type\":\"Adc\",\"AppManifestValue\":\"A\"}]}",
                       length - 1);
        SPH_CLEANUP(sph_hardware_freep) struct sph_hardware *hardware = NULL;
        assert_int_equal(sph_hardware_load("f0.json", read_library, &library, &hardware, NULL), 0);
        struct sph_json_value value;
        struct sph_err err = SPH_ERR_NULL;
        int r = sph_hardware_resolve(hardware, "P0", "Adc", &value, &err);
        if (length <= SPH_HARDWARE_CHAIN_MAX) {
            assert_int_equal(r, 0);
            assert_true(sph_json_is(&value, "A"));
        } else {
            assert_int_equal(r, -EBADMSG);
            assert_err(&err, -EBADMSG,
                       "the Mapping chain of 'P0' is a loop or longer than 16 steps");
        }
        library_done(&library);
    }
}

/* 127 bytes are a name, one more is none; and a longer question is not cut down to that name. */
static void names_have_a_length(void **state) {
    (void)state;
    char name[129];
    memset(name, 'n', sizeof(name) - 1);
    for (int len = 126; len <= 128; len++) {
        struct library library = {.files = {SPH_BUF_NULL}};
        sph_buf_printf(&library.files[0],
                       META "\"Peripherals\":[{\"Name\":\"%.*s\",\"Type\":\"Pwm\","
                            "\"AppManifestValue\":\"A\"}]}",
                       len, name);
        SPH_CLEANUP(sph_hardware_freep) struct sph_hardware *hardware = NULL;
        struct sph_err err = SPH_ERR_NULL;
        struct sph_json_value value;
        int r = sph_hardware_load("f0.json", read_library, &library, &hardware, &err);
        if (len == 128) {
            assert_int_equal(r, -EBADMSG);
            assert_err(&err, -EBADMSG,
                       "f0.json: line 1, column 84: a peripheral must be an object with a Name of "
                       "at most 127 bytes");
        } else {
            assert_int_equal(r, 0);
            name[len] = '\0';
            assert_int_equal(sph_hardware_resolve(hardware, name, "Pwm", &value, &err), 0);
            name[len] = 'n';
            name[128] = '\0';
            assert_int_equal(sph_hardware_resolve(hardware, name, "Pwm", &value, &err), -ENOENT);
            char sentence[120];
            (void)snprintf(sentence, sizeof(sentence), "'%.60s…' is not in the hardware definition",
                           name);
            assert_err(&err, -ENOENT, sentence);
        }
        library_done(&library);
    }
}

/* Names and paths are a stranger's text: no sentence may carry a terminal's escape, half a
 * character or what turns the line around. */
static void sentences_are_printable(void **state) {
    (void)state;
    static const char text[] =
        META "\"Imports\":[{\"Path\":\"f1\\u001b[2J.json\"}],\"Peripherals\":["
             "{\"Name\":\"\\u001b]0;x\",\"Type\":\"\\u202eoipG\",\"Mapping\":\"a\\u009b\"},"
             "{\"Name\":\"b\",\"Type\":\"Gpio\",\"Mapping\":\"\\u007f\\u0007\"}]}";
    static const struct {
        const char *name, *type, *sentence;
        int code;
    } rows[] = {
        {"\x1b]0;x", "Gpio", "'?]0;x' is of type \\u202eoipG in the hardware definition, not Gpio",
         -EINVAL},
        {"\x1b]0;y", "Gpio", "'?]0;y' is not in the hardware definition", -ENOENT},
        {"b", "Gpio", "'b' leads to '?\?', which is not in the hardware definition", -EBADMSG},
        {"123456789012345678901234567890123456789012345678901234567890\xe2\x82\xac", "Gpio",
         "'123456789012345678901234567890123456789012345678901234567890' is not in the hardware "
         "definition",
         -ENOENT},
        {"12345678901234567890123456789012345678901234567890123456789\xe2\x82\xac", "Gpio",
         "'12345678901234567890123456789012345678901234567890123456789' is not in the hardware "
         "definition",
         -ENOENT},
    };
    struct library library = {.files = {SPH_BUF_NULL, SPH_BUF_NULL}};
    sph_buf_puts(&library.files[0], text);
    sph_buf_puts(&library.files[1], META "\"Peripherals\":[]}");
    SPH_CLEANUP(sph_hardware_freep) struct sph_hardware *hardware = NULL;
    struct sph_err err = SPH_ERR_NULL;
    if (sph_hardware_load("f0.json", read_library, &library, &hardware, &err) < 0)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_json_value value;
        assert_int_equal(sph_hardware_resolve(hardware, rows[i].name, rows[i].type, &value, &err),
                         rows[i].code);
        assert_err(&err, rows[i].code, rows[i].sentence);
    }
    struct sph_hardware *broken = NULL;
    sph_buf_done(&library.files[1]);
    sph_buf_puts(&library.files[1], "{");
    assert_int_equal(sph_hardware_load("f0.json", read_library, &library, &broken, &err), -EBADMSG);
    assert_err(&err, -EBADMSG,
               "f1?[2J.json: line 1, column 2: expected a key in double quotes, but found the end "
               "of the text");
    library_done(&library);
}

/* Every cut of a good file is refused, with the place that the text ends at. */
static void cut_files_are_refused(void **state) {
    (void)state;
    for (size_t len = 0; len + 1 < sizeof(chip); len++) {
        struct library library = {.files = {SPH_BUF_NULL}};
        sph_buf_append(&library.files[0], chip, len);
        struct sph_hardware *hardware = NULL;
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(sph_hardware_load("f0.json", read_library, &library, &hardware, &err),
                         -EBADMSG);
        assert_null(hardware);
        assert_memory_equal(err.text, "f0.json: line 1, column ", 24);
        library_done(&library);
    }
}

static int read_too_much(void *context, const char *path, struct sph_buf *ret_text,
                         struct sph_err *err) {
    (void)context;
    (void)path;
    (void)err;
    for (unsigned i = 0; i <= SPH_HARDWARE_FILE_BYTES_MAX / 1024; i++)
        sph_buf_printf(ret_text, "%1024s", "");
    return 0;
}

static void big_files_are_refused(void **state) {
    (void)state;
    struct sph_hardware *hardware = NULL;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_hardware_load("big.json", read_too_much, NULL, &hardware, &err), -EFBIG);
    assert_err(&err, -EFBIG, "cannot read hardware definition 'big.json': File too large");
    assert_null(hardware);
}

#define MANIFEST_HEAD                                                                              \
    "{\"SchemaVersion\":1,\"Name\":\"a \\\"b\\\" c\",\"ComponentId\":\"" SPH_TEST_COMPONENT        \
    "\",\"EntryPoint\":\"/bin/app\","

static int pack(const char *text, const struct sph_hardware *hardware, struct sph_buf *ret_text,
                struct sph_manifest_notes *notes, struct sph_err *err) {
    const struct sph_manifest_options options = {.form = SPH_MANIFEST_SOURCE};
    struct sph_manifest manifest;
    int r = sph_manifest_parse(text, strlen(text), &options, &manifest, notes, err);
    return r < 0 ? r : sph_manifest_pack(&manifest, hardware, 16, ret_text, notes, err);
}

static void manifests_are_packed(void **state) {
    (void)state;
    static const struct {
        const char *source, *packed;
    } rows[] = {
        {MANIFEST_HEAD "\"Capabilities\":{}}\n",
         MANIFEST_HEAD "\"Capabilities\":{},\"TargetApplicationRuntimeVersion\":16}"},
        {MANIFEST_HEAD
         "\r\n\t\"CmdArgs\": [ \"$LED\", \"{ \\\\\", \"\\u00e4 \" ],\n \"Capabilities\": { "
         "\"Gpio\" : [ \"$LED\", 12 , \"$BUTTON\" ], \"I2cMaster\": [ \"$SENSOR\" ], "
         "\"Uart\": [ \"ISU0\" ], \"Adc\": [ \"$POT\" ], \"Odd\" : [ 1.50, \"$LED\" ] } }",
         MANIFEST_HEAD
         "\"CmdArgs\":[\"$LED\",\"{ \\\\\",\"\\u00e4 \"],\"Capabilities\":{\"Gpio\":[8,12,9],"
         "\"I2cMaster\":[\"ISU2\"],\"Uart\":[\"ISU0\"],\"Adc\":[\"ADC-CONTROLLER-0\"],"
         "\"Odd\":[1.50,\"$LED\"]},\"TargetApplicationRuntimeVersion\":16}"},
        {MANIFEST_HEAD "\"Capabilities\": {}, \"TargetApplicationRuntimeVersion\": 16, \"z\": 0}",
         MANIFEST_HEAD "\"Capabilities\":{},\"TargetApplicationRuntimeVersion\":16,\"z\":0}"},
        {MANIFEST_HEAD "\"Capabilities\": {\"Gpio\": [\"$X\"]}, "
                       "\"ApplicationType\": \"RealTimeCapable\" }\n",
         MANIFEST_HEAD "\"Capabilities\": {\"Gpio\": [\"$X\"]}, "
                       "\"ApplicationType\": \"RealTimeCapable\" }\n"},
    };
    SPH_CLEANUP(sph_hardware_freep) struct sph_hardware *hardware = NULL;
    load(&hardware);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        sph_autobuf struct sph_buf packed = SPH_BUF_NULL;
        struct sph_err err = SPH_ERR_NULL;
        if (pack(rows[i].source, hardware, &packed, NULL, &err) < 0)
            fail_msg("%s", err.text);
        assert_string_equal(packed.data, rows[i].packed);
    }
}

static void packing_names_the_place(void **state) {
    (void)state;
    static const struct {
        const char *caps;
        const char *sentence;
        bool no_hardware;
    } rows[] = {
        {"\"Gpio\":[8,\"$LEDS\"]}", "Capabilities.Gpio: 'LEDS' is not in the hardware definition",
         false},
        {"\"Gpio\":[8,\"$LED\"]}",
         "Capabilities.Gpio: '$LED' needs a hardware definition, and none was given", true},
        {"\"Gpio\":[8,\"$ODD\"]}",
         "Capabilities.Gpio: the hardware definition gives no pin number for this", false},
        {"\"Uart\":[8,\"$NUMBER\"]}", "", false},
        {"\"Uart\":[  \"$NUMBER\"]}",
         "Capabilities.Uart: the hardware definition gives no peripheral's name for this", false},
        {"\"Uart\":[  \"$LED\"]}",
         "Capabilities.Uart: 'LED' is of type Gpio in the hardware definition, not Uart", false},
        {"\"Uart\":[  \"$\\u0000\"]}", "Capabilities.Uart: this name is too long or holds U+0000",
         false},
    };
    SPH_CLEANUP(sph_hardware_freep) struct sph_hardware *hardware = NULL;
    load(&hardware);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        sph_autobuf struct sph_buf text = SPH_BUF_NULL, packed = SPH_BUF_NULL;
        sph_buf_printf(&text, MANIFEST_HEAD "\n\"Capabilities\":{%s}", rows[i].caps);
        struct sph_manifest_notes notes;
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(
            pack(text.data, rows[i].no_hardware ? NULL : hardware, &packed, &notes, &err),
            -EBADMSG);
        char sentence[320];
        (void)snprintf(sentence, sizeof(sentence), "app_manifest.json: line 2, column 27: %s",
                       rows[i].sentence);
        if (*rows[i].sentence == '\0') /* refused before packing: a number among the names */
            (void)snprintf(sentence, sizeof(sentence),
                           "app_manifest.json: line 2, column 25: Capabilities.Uart[0]: this must "
                           "be a peripheral's name or \"$NAME\"");
        assert_err(&err, -EBADMSG, sentence);
        assert_int_equal(notes.line, 2);
    }
    sph_autobuf struct sph_buf packed = SPH_BUF_NULL;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(pack(MANIFEST_HEAD "\n\"TargetApplicationRuntimeVersion\":12,"
                                        "\"Capabilities\":{}}",
                          hardware, &packed, NULL, &err),
                     -EBADMSG);
    assert_err(&err, -EBADMSG,
               "app_manifest.json: line 2, column 35: TargetApplicationRuntimeVersion: this says "
               "12, but the package is made for 16; remove the key, packing writes it");
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    unsigned failures = 0;
    for (unsigned nth = 1;; nth++) {
        struct sph_hardware *hardware = NULL;
        struct sph_err err = SPH_ERR_NULL;
        alloc_count = 0;
        alloc_fail = nth;
        int r = sph_hardware_load("app.json", read_source, (void *)sources, &hardware, &err);
        alloc_fail = 0;
        if (r == 0) {
            (void)sph_hardware_free(hardware);
            break;
        }
        assert_int_equal(r, -ENOMEM);
        assert_non_null(strstr(err.text, "hardware definition"));
        assert_non_null(strstr(err.text, ": Cannot allocate memory"));
        failures++;
    }
    assert_true(failures >= 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_resolved),
        cmocka_unit_test(broken_files_get_a_sentence),
        cmocka_unit_test(imports_are_bounded),
        cmocka_unit_test(random_definitions_follow_the_rule),
        cmocka_unit_test(chains_are_bounded),
        cmocka_unit_test(names_have_a_length),
        cmocka_unit_test(sentences_are_printable),
        cmocka_unit_test(cut_files_are_refused),
        cmocka_unit_test(big_files_are_refused),
        cmocka_unit_test(manifests_are_packed),
        cmocka_unit_test(packing_names_the_place),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
