/* The bytes of every message, so that a tag or a type that changes by accident is found: agents,
 * gateways and stored kill reports of other releases read them.
 *
 * What is expected is written down by hand, as tag=value with the value's bytes in hexadecimal, as
 * 'text', or as (fields) for an item of a list, and turned into bytes by code that shares nothing
 * with the codec. */
#include "base/testing.h"

#include <ctype.h>
#include <string.h>

#include "wire/message.h"

#define T(text)                                                                                    \
    { .data = (text), .len = sizeof(text) - 1 }
#define ID_A                                                                                       \
    {                                                                                              \
        .bytes = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 }                         \
    }
#define ID_B                                                                                       \
    {                                                                                              \
        .bytes = { 0xf0, [15] = 0x0f }                                                             \
    }
#define HEX_A "0102030405060708090a0b0c0d0e0f10"
#define HEX_B "f000000000000000000000000000000f"

enum { BYTES_MAX = 2048 };

struct bytes {
    uint8_t at[BYTES_MAX];
    size_t len;
};

static void put(struct bytes *out, unsigned byte) {
    assert_true(out->len < BYTES_MAX);
    out->at[out->len++] = (uint8_t)byte;
}

static const char *put_fields(const char *text, struct bytes *out);

/* A value in one of its three notations; returns what stands behind it. */
static const char *put_value(const char *text, struct bytes *out) {
    if (*text == '(') {
        text = put_fields(text + 1, out);
        assert_int_equal(*text, ')');
        return text + 1;
    }
    if (*text == '\'') {
        for (text++; *text != '\''; text++)
            put(out, (unsigned char)*text);
        return text + 1;
    }
    for (; isxdigit((unsigned char)text[0]) && isxdigit((unsigned char)text[1]); text += 2) {
        const char digits[] = {text[0], text[1], '\0'};
        put(out, (unsigned)strtoul(digits, NULL, 16));
    }
    return text;
}

static const char *put_fields(const char *text, struct bytes *out) {
    while (*text && *text != ')') {
        char *end = NULL;
        unsigned long tag = strtoul(text, &end, 10);
        assert_int_equal(*end, '=');
        put(out, tag & 0xff);
        put(out, (unsigned)(tag >> 8));
        size_t length_at = out->len;
        put(out, 0);
        put(out, 0);
        text = put_value(end + 1, out);
        size_t len = out->len - length_at - 2;
        out->at[length_at] = (uint8_t)len;
        out->at[length_at + 1] = (uint8_t)(len >> 8);
        text += strspn(text, " ");
    }
    return text;
}

/* Encodes to these bytes and to no others. */
static void check_sent(const struct sph_codec *codec, const void *message, const char *fields) {
    struct bytes wanted = {.len = 0};
    assert_int_equal(*put_fields(fields, &wanted), '\0');
    sph_autobuf struct sph_buf out = SPH_BUF_NULL;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_codec_encode(codec, message, &out, &err), 0);
    if (out.len != wanted.len || memcmp(out.len ? out.data : "", wanted.at, wanted.len) != 0)
        fail_msg("message %s is not sent as: %s", codec->name, fields);
}

/* And comes out of them; lists are looked at where they are made. Padding is zero on both sides. */
static void check(const struct sph_codec *codec, const void *message, const char *fields) {
    struct bytes sent = {.len = 0};
    char got[1024];
    struct sph_err err = SPH_ERR_NULL;
    check_sent(codec, message, fields);
    (void)put_fields(fields, &sent);
    assert_true(codec->size <= sizeof(got));
    assert_int_equal(sph_codec_decode(codec, sent.at, sent.len, got, &err), 0);
    for (size_t i = 0; i < codec->field_count; i++)
        assert_int_not_equal(codec->fields[i].type, SPH_FIELD_LIST);
    check_sent(codec, got, fields);
}

#define CHECK(name, fields, ...)                                                                   \
    check(&sph_msg_##name##_codec, &(const struct sph_msg_##name){__VA_ARGS__}, (fields))
#define CHECK_SENT(name, fields, ...)                                                              \
    check_sent(&sph_msg_##name##_codec, &(const struct sph_msg_##name){__VA_ARGS__}, (fields))

/* What is required is sent even when it is zero, everything else is then left out. */
static void zeros(void **state) {
    (void)state;
    CHECK(empty, "", 0);
    CHECK(error, "1=00000000", .device_error = 0);
    CHECK(hello, "1=00000000 2=00000000", .version_min = 0);
    CHECK(hello_reply, "1=00000000", .version = 0);
    CHECK(status_reply, "", .uptime_ms = 0);
    CHECK_SENT(memory_reply, "", .total_bytes = 0);
    CHECK_SENT(app_memory, "", .user_bytes = 0);
    CHECK(heap_caller, "", .live_bytes = 0);
    CHECK(heap_site, "", .live_bytes = 0);
    CHECK_SENT(heap, "2=00000000", .pid = 0);
    CHECK_SENT(heap_reply, "1=00000000000000000000000000000000 2=00000000", .state = 0);
    CHECK(pages, "1=00000000000000000000000000000000", .first = 0);
    CHECK_SENT(pages_reply, "", .page_bytes = 0);
    CHECK(mapping, "", .pid = 0);
    CHECK(log, "", .cursor = 0);
    CHECK(log_reply, "1=0000000000000000", .cursor = 0);
    CHECK(component, "", .component = {{0}});
    CHECK(app, "1=00000000000000000000000000000000 5=00000000", .state = 0);
    CHECK_SENT(app_list_reply, "", .has_staged = false);
    CHECK(app_control, "1=00000000000000000000000000000000 2=00000000", .trigger = 0);
    CHECK(app_control_reply, "1=00000000", .state = 0);
    CHECK(quota_reply, "", .used_bytes = 0);
    CHECK(restarting_reply, "", .restarting_system = false);
    CHECK(stage_begin, "", .size_bytes = 0);
    CHECK(stage_data, "1=", .data = {NULL, 0});
    CHECK(stage_end_reply, "", .name = {NULL, 0});
    CHECK(install, "", .manual = false);
    CHECK_SENT(report, "1=0000000000000000 2=00000000000000000000000000000000 9=00000000", .id = 0);
    CHECK(report_row, "", .id = 0);
    CHECK(kills, "", .component = {{0}});
    CHECK_SENT(kills_reply, "", .dropped = 0);
    CHECK(report_id, "1=0000000000000000", .id = 0);
    CHECK(count_reply, "", .count = 0);
    CHECK(gpio, "1=00000000 2=00000000", .pin = 0);
    CHECK_SENT(gpio_list_reply, "", .pins = {.count = 0});
    CHECK(gpio_pin, "1=00000000", .pin = 0);
    CHECK(gpio_set, "1=00000000 2=00000000", .pin = 0);
    CHECK(trust, "1= 2=", .name = {NULL, 0});
    CHECK_SENT(trust_list_reply, "", .entries = {.count = 0});
    CHECK(trust_remove, "1=", .thumbprint = {NULL, 0});
    CHECK(setting_key, "1=", .key = {NULL, 0});
    CHECK(setting, "1= 2=", .key = {NULL, 0});
    CHECK(setting_reply, "", .is_there = false);
    CHECK(setting_delete_reply, "", .was_there = false);
    CHECK(capabilities, "1=", .ids = {NULL, 0});
    CHECK(telemetry_reply, "", .data = {NULL, 0});
    CHECK(event, "1=0000000000000000 4=00000000", .seq = 0);
    CHECK(events, "", .has_after = false);
    CHECK(events_ack, "1=0000000000000000", .seq = 0);
    CHECK(events_reply, "", .last_seq = 0);
}

static void greeting(void **state) {
    (void)state;
    CHECK(error, "1=0c00e000 2='no such app'", .device_error = SPH_DEVERR_APP_NOT_PRESENT,
          .text = T("no such app"));
    CHECK(hello, "1=01000000 2=02000000 3='spheruled 0.1.0' 4=0807060504030201", .version_min = 1,
          .version_max = 2, .time_ms = 0x0102030405060708, .program = T("spheruled 0.1.0"));
    CHECK(hello_reply,
          "1=01000000 2='spherule-agent 0.1.0' 3='dev' 4=" HEX_A " 5=a8de090000000000 6='native' "
          "7='mt3620' 8='x86-64' 9='6.18.0' 10=0000040000000000 11=0000100000000000 "
          "12=0000010000000000 13=00100000",
          .version = 1, .program = T("spherule-agent 0.1.0"), .device = T("dev"), .boot_id = ID_A,
          .uptime_ms = 646824, .backend = T("native"), .profile = T("mt3620"), .core = T("x86-64"),
          .kernel = T("6.18.0"), .ram_bytes = 262144, .flash_bytes = 1048576,
          .storage_bytes = 65536, .page_bytes = 4096);
    CHECK(status_reply, "1=ffffffffffffffff 2='22.11' 3=01000000 4=02000000 5=11000000",
          .uptime_ms = UINT64_MAX, .os_version = T("22.11"), .abi_secure_world = 1, .abi_os = 2,
          .abi_application = 17);
}

static void memory(void **state) {
    (void)state;
    const struct sph_msg_heap heaps[] = {{.pid = 7, .state = SPH_HEAP_TRACKED}};
    const struct sph_msg_app_memory apps[] = {
        {.component = ID_A,
         .name = T("a"),
         .user_bytes = 4096,
         .peak_user_bytes = 8192,
         .pids = T("\x01\0\0\0\xff\xff\xff\xff")},
        {.user_bytes = 0}, /* an item of which everything is zero counts all the same */
        {.component = ID_B},
    };
    CHECK_SENT(app_memory,
               "1=" HEX_A " 2='a' 3=0010000000000000 4=0020000000000000 5=01000000ffffffff "
               "6=01000000 7=(1=07000000 2=01000000) 8=0030000000000000 9=0020000000000000 10=01 "
               "11=03000000",
               .component = ID_A, .name = T("a"), .user_bytes = 4096, .peak_user_bytes = 8192,
               .pids = T("\x01\0\0\0\xff\xff\xff\xff"), .heap_state = SPH_HEAP_TRACKED,
               .heaps = SPH_LIST(heaps, 1), .total_bytes = 12288, .kernel_bytes = 8192,
               .kernel_exact = true, .heaps_dropped = 3);
    CHECK_SENT(memory_reply,
               "1=0100000000000000 2=0200000000000000 3=0300000000000000 4=0400000000000000 "
               "5=0500000000000000 6=01 7=01 8='u' 9='k' 10=0600000000000000 11=0700000000000000 "
               "12=0800000000000000 13=(1=" HEX_A " 2='a' 3=0010000000000000 4=0020000000000000 "
               "5=01000000ffffffff) 13=() 13=(1=" HEX_B ")",
               .total_bytes = 1, .user_bytes = 2, .peak_user_bytes = 3, .kernel_bytes = 4,
               .limit_bytes = 5, .user_exact = true, .kernel_exact = true, .user_how = T("u"),
               .kernel_how = T("k"), .checks = 6, .mismatches = 7, .events = 8,
               .apps = SPH_LIST(apps, 3));
}

static void heaps(void **state) {
    (void)state;
    const struct sph_msg_heap_caller callers[] = {{.name = T("app"), .live_bytes = 1},
                                                  {.name = T("curl")}};
    const struct sph_msg_heap_site sites[] = {{.caller = 1, .address = 0x10, .only_grew = true}};
    const struct sph_msg_heap heap[] = {{.pid = 7,
                                         .state = SPH_HEAP_TRACKED,
                                         .live_bytes = 9,
                                         .complete = true,
                                         .callers = SPH_LIST(callers, 2),
                                         .sites = SPH_LIST(sites, 1),
                                         .has_crossing_block = true,
                                         .crossing_bytes = 5}};
    CHECK(heap_caller,
          "1='libcurl.so.4' 2='/lib/libcurl.so.4' 3=abcd 4=0000555500000000 5=0100000000000000 "
          "6=0200000000000000 7=0300000000000000 8=0400000000000000 9=0500000000000000 "
          "10=0600000000000000 11=ffffffffffffffff",
          .name = T("libcurl.so.4"), .path = T("/lib/libcurl.so.4"), .build_id = T("\xab\xcd"),
          .base = 0x55550000, .live_bytes = 1, .resident_bytes = 2, .peak_bytes = 3,
          .live_blocks = 4, .allocations = 5, .frees = 6, .largest_bytes = UINT64_MAX);
    CHECK(heap_site,
          "1=01000000 2=3412000000000000 3=0100000000000000 4=0200000000000000 "
          "5=0300000000000000 6=0400000000000000 7=01 8=0100000000000000",
          .caller = 1, .address = 0x1234, .live_bytes = 1, .resident_bytes = 2, .live_blocks = 3,
          .allocations = 4, .only_grew = true, .stack = T("\x01\0\0\0\0\0\0\0"));
    CHECK_SENT(heap,
               "1=92100000 2=01000000 3=0100000000000000 4=0200000000000000 5=0300000000000000 "
               "6=0400000000000000 7=0500000000000000 8=0600000000000000 9=01 10=01 11=01 "
               "12=0700000000000000 13=0800000000000000 14=0900000000000000 17=0a000000 18=01 "
               "19=0b000000 20=0c00000000000000 21=204e000000000000 22=0040000000000000 "
               "23=0d00000000000000 24=0e00000000000000",
               .pid = 4242, .state = SPH_HEAP_TRACKED, .live_bytes = 1, .resident_bytes = 2,
               .live_blocks = 3, .allocations = 4, .frees = 5, .uptime_ms = 6, .complete = true,
               .peaks_exact = true, .counts_exact = true, .blocks_lost = 7, .unknown_frees = 8,
               .damaged = 9, .sites_dropped = 10, .has_crossing_block = true, .crossing_caller = 11,
               .crossing_address = 12, .crossing_bytes = 20000, .crossing_offset = 16384,
               .crossing_site = 13, .damage_found = 14);
    CHECK_SENT(heap_reply,
               "1=" HEX_A " 2=01000000 3=(1=07000000 2=01000000 3=0900000000000000 9=01 "
               "15=(1='app' 5=0100000000000000) 15=(1='curl') 16=(1=01000000 2=1000000000000000 "
               "7=01) 18=01 21=0500000000000000) 4=02000000",
               .component = ID_A, .state = SPH_HEAP_TRACKED, .processes = SPH_LIST(heap, 1),
               .processes_dropped = 2);
}

static void pages(void **state) {
    (void)state;
    const struct sph_msg_mapping mappings[] = {
        {.pid = 4242, .start = 0x555500000000, .end = UINT64_MAX, .perms = 15, .class = 3},
        {.path = T("/bin/app"), .anonymous_pages = 1, .shared_pages = 2, .file_pages = 3},
    };
    CHECK(pages, "1=" HEX_B " 2=ffffffff", .component = ID_B, .first = UINT32_MAX);
    CHECK(mapping,
          "1=92100000 2=0000000055550000 3=0010000055550000 4=05000000 5=02000000 "
          "6='/lib/libc.so' 7=0100000000000000 8=0200000000000000 9=0300000000000000",
          .pid = 4242, .start = 0x555500000000, .end = 0x555500001000,
          .perms = SPH_PERM_READ | SPH_PERM_EXEC, .class = SPH_MAPPING_LIBRARY,
          .path = T("/lib/libc.so"), .anonymous_pages = 1, .shared_pages = 2, .file_pages = 3);
    CHECK_SENT(pages_reply,
               "1=" HEX_A " 2=00100000 3=02000000 4=01 5='PAGEMAP_SCAN' "
               "6=(1=92100000 2=0000000055550000 3=ffffffffffffffff 4=0f000000 5=03000000) "
               "6=(6='/bin/app' 7=0100000000000000 8=0200000000000000 9=0300000000000000)",
               .component = ID_A, .page_bytes = 4096, .total_mappings = 2, .exact = true,
               .how = T("PAGEMAP_SCAN"), .mappings = SPH_LIST(mappings, 2));
}

static void device_log(void **state) {
    (void)state;
    CHECK(log, "1=0807060504030201 2=30750000 3=00400000", .cursor = 0x0102030405060708,
          .wait_ms = 30000, .max_bytes = 16384);
    CHECK(log_reply, "1=0500000000000000 2=0100000000000000 3=00ff0a", .cursor = 5, .lost_bytes = 1,
          .data = T("\0\xff\n"));
}

static void apps(void **state) {
    (void)state;
    const struct sph_msg_app list[] = {{.component = ID_B, .state = SPH_APP_RUNNING}};
    CHECK(component, "1=" HEX_A, .component = ID_A);
    CHECK(app,
          "1=" HEX_A " 2=" HEX_B " 3='blink' 4=0a000000 5=01000000 6=0040000000000000 7=01 8=01 "
          "9=01 10=ffffffff 11=0900000000000000 12=06000000 13=29090000 "
          "14=03000000 15=0f000000 16=e803000000000000 20=01000000",
          .component = ID_A, .image = ID_B, .name = T("blink"), .image_type = 10,
          .state = SPH_APP_STOPPED, .package_bytes = 16384, .is_staged = true, .is_debugger = true,
          .starts_by_itself = true, .restarts = UINT32_MAX, .last_report_id = 9,
          .last_why = SPH_END_SIGTERM_IGNORED, .gdb_port = 2345, .last_exit_code = 3,
          .last_signal = 15, .next_start_ms = 1000, .hindrance = SPH_HINDRANCE_DEVELOPMENT_SIGNER);
    CHECK_SENT(app_list_reply,
               "1=(1=" HEX_B " 5=02000000) 2=01 3=0100000000000000 4=0200000000000000",
               .apps = SPH_LIST(list, 1), .has_staged = true, .flash_used_bytes = 1,
               .flash_limit_bytes = 2);
    CHECK(app_control, "1=" HEX_A " 2=03000000 3=01 4=01 5=01", .component = ID_A,
          .trigger = SPH_TRIGGER_START_DEBUG, .run_once = true, .heap = true, .heap_stacks = true);
    CHECK(app_control_reply, "1=03000000 2=d2040000 3=03110000 4=04110000",
          .state = SPH_APP_DEBUGGING, .pid = 1234, .gdb_port = 4355, .out_port = 4356);
    CHECK(quota_reply,
          "1=0100000000000000 2=0020000000000000 3=0010000000000000 4=0300000000000000 "
          "5=0400000000000000 6=0200000000000000",
          .used_bytes = 1, .limit_bytes = 8192, .bytes_written = 4096, .blocks_erased = 3,
          .writes = 4, .idle_writes = 2);
    CHECK(restarting_reply, "1=01", .restarting_system = true);
}

static void staging(void **state) {
    (void)state;
    CHECK(stage_begin, "1=0000400000000000", .size_bytes = 4194304);
    CHECK(stage_data, "1=003d28cd", .data = T("\0=(\xcd"));
    CHECK(stage_end_reply, "1=" HEX_A " 2=" HEX_B " 3='blink'", .component = ID_A, .image = ID_B,
          .name = T("blink"));
    CHECK(install, "1=01", .manual = true);
}

static void reports(void **state) {
    (void)state;
    const struct sph_msg_mapping mappings[] = {{.pid = 7}};
    const struct sph_msg_heap heaps[] = {{.state = SPH_HEAP_TRACKED}};
    const struct sph_msg_report_row rows[] = {{.id = 1}, {.id = 2, .why = SPH_END_CRASH}};
    CHECK_SENT(
        report,
        "1=0300000000000000 2=" HEX_A " 3=" HEX_B " 4='blink' 5=0068e5cf8b010000 "
        "6=0100000000000000 7=0200000000000000 8=07000000 9=01000000 10=ff000000 11=09000000 12=01 "
        "13=0000040000000000 14=00f0030000000000 15=00f0030000000000 16=0000050000000000 "
        "17=0010010000000000 18=01 19=01 20='a' 21='b' 22=01 23=0010040000000000 24=01 25=01 "
        "26=ffffffffffffffff 27=0100000000000000 28=0100000000000000 29='c' 30=01 "
        "31=0200000000000000 32=0300000000000000 33=0400000000000000 34=(1=07000000) 35=05000000 "
        "36='d' 37=0aff 38=01000000 39=(2=01000000) 40=01 41=0010000000000000 "
        "42=0020000000000000",
        .id = 3, .component = ID_A, .image = ID_B, .name = T("blink"), .wall_ms = 1700000000000,
        .uptime_ms = 1, .run_ms = 2, .pid = 7, .why = SPH_END_RATION, .exit_code = 255, .signal = 9,
        .will_restart = true, .limit_bytes = 262144, .user_bytes = 258048,
        .peak_user_bytes = 258048, .total_bytes = 327680, .kernel_bytes = 69632, .user_exact = true,
        .kernel_exact = true, .user_how = T("a"), .kernel_how = T("b"), .has_crossing = true,
        .crossing_user_bytes = 266240, .has_fault_address = true, .has_pc = true,
        .fault_address = UINT64_MAX, .pc = 1, .stack = T("\1\0\0\0\0\0\0\0"), .stack_how = T("c"),
        .has_growth = true, .growth_user_bytes = 2, .growth_uptime_ms = 3,
        .growth_stack = T("\4\0\0\0\0\0\0\0"), .mappings = SPH_LIST(mappings, 1),
        .mappings_dropped = 5, .pages_how = T("d"), .log = T("\n\xff"),
        .heap_state = SPH_HEAP_TRACKED, .heaps = SPH_LIST(heaps, 1), .has_own = true,
        .own_user_bytes = 4096, .own_total_bytes = 8192);
    CHECK(report_row,
          "1=0100000000000000 2=" HEX_A " 3='n' 4=0200000000000000 5=03000000 6=04000000 "
          "7=05000000 8=0600000000000000 9=0700000000000000 10=0800000000000000 "
          "11=0900000000000000",
          .id = 1, .component = ID_A, .name = T("n"), .wall_ms = 2, .why = 3, .exit_code = 4,
          .signal = 5, .limit_bytes = 6, .user_bytes = 7, .peak_user_bytes = 8, .total_bytes = 9);
    CHECK(kills, "1=" HEX_A, .component = ID_A);
    CHECK_SENT(kills_reply,
               "1=(1=0100000000000000) 1=(1=0200000000000000 5=02000000) 2=ffffffffffffffff",
               .reports = SPH_LIST(rows, 2), .dropped = UINT64_MAX);
    CHECK(report_id, "1=ffffffffffffffff", .id = UINT64_MAX);
    CHECK(count_reply, "1=0300000000000000", .count = 3);
}

static void trust(void **state) {
    (void)state;
    const struct sph_msg_trust entries[] = {{.thumbprint = T("\1"), .point = T("\4")}};
    CHECK(trust, "1=0102 2=0405 3='me' 4=0600000000000000 5=01", .production = true,
          .thumbprint = T("\1\2"), .point = T("\4\5"), .name = T("me"), .added_wall_ms = 6);
    CHECK_SENT(trust_list_reply, "1=(1=01 2=04)", .entries = SPH_LIST(entries, 1));
    CHECK(trust_remove, "1=aabb", .thumbprint = T("\xaa\xbb"));
}

static void settings(void **state) {
    (void)state;
    CHECK(setting_key, "1='net.wifi-1'", .key = T("net.wifi-1"));
    CHECK(setting, "1='a' 2=00ff7b", .key = T("a"), .value = T("\0\xff{"));
    CHECK(setting_reply, "1=01 2='{}'", .is_there = true, .value = T("{}"));
    CHECK(setting_delete_reply, "1=01", .was_there = true);
    CHECK(capabilities, "1=0b0000000d000000", .ids = T("\13\0\0\0\15\0\0\0"));
    CHECK(telemetry_reply, "1=001f", .data = T("\0\37"));
}

static void pins(void **state) {
    (void)state;
    const struct sph_msg_gpio list[] = {{.pin = 0, .value = 1}, {.pin = 75}};
    CHECK(gpio, "1=0c000000 2=01000000 3=02000000 4=01000000 5=" HEX_A, .pin = 12, .value = 1,
          .use = SPH_GPIO_OUTPUT, .mode = 1, .holder = ID_A);
    CHECK_SENT(gpio_list_reply, "1=(1=00000000 2=01000000) 1=(1=4b000000 2=00000000)",
               .pins = SPH_LIST(list, 2));
    CHECK(gpio_pin, "1=4b000000", .pin = 75);
    CHECK(gpio_set, "1=4b000000 2=01000000", .pin = 75, .value = 1);
}

static void events(void **state) {
    (void)state;
    CHECK(event,
          "1=0100000000000000 2=0200000000000000 3=0300000000000000 4=05000000 5=" HEX_B " 6='n' "
          "7=04000000 8=02000000 9=c3 10=0500000000000000 11=0600000000000000 12=0700000000000000 "
          "13=0800000000000000 14=0900000000000000 15=01000000 16=0a000000 17=0b000000 18=0c000000 "
          "19=0d00000000000000 20=01 21=0e000000 22=0f000000 30=1000000000000000 "
          "31=1100000000000000 32=1200000000000000 33=1300000000000000",
          .seq = 1, .wall_ms = 2, .monotonic_ns = 3, .kind = SPH_EVENT_ENDED, .component = ID_B,
          .name = T("n"), .pid = 4, .stream = SPH_EVENT_STDERR, .text = T("\xc3"), .user_bytes = 5,
          .peak_user_bytes = 6, .total_bytes = 7, .limit_bytes = 8, .report_id = 9,
          .why = SPH_END_RATION, .exit_code = 10, .signal = 11, .restarts = 12,
          .restart_delay_ms = 13, .will_restart = true, .pin = 14, .value = 15, .writes = 16,
          .idle_writes = 17, .bytes_written = 18, .blocks_erased = 19);
    CHECK(events, "1=01 2=0700000000000000 3=01", .has_after = true, .after_seq = 7, .hold = true);
    CHECK(events_ack, "1=ffffffffffffffff", .seq = UINT64_MAX);
    CHECK(events_reply, "1=0200000000000000 2=0100000000000000", .last_seq = 2, .oldest_seq = 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zeros),   cmocka_unit_test(greeting),   cmocka_unit_test(memory),
        cmocka_unit_test(heaps),   cmocka_unit_test(pages),      cmocka_unit_test(apps),
        cmocka_unit_test(staging), cmocka_unit_test(device_log), cmocka_unit_test(reports),
        cmocka_unit_test(trust),   cmocka_unit_test(settings),   cmocka_unit_test(pins),
        cmocka_unit_test(events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
