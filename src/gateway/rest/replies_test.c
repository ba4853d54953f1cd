/* Every formatter's JSON to the byte: what is usual, nothing at all, and the extremes: the largest
 * numbers, names that are no UTF-8, words for numbers that this version does not know. */
#include "gateway/rest/replies_testing.h"

static const struct sph_guid id_a = ID_A;

static void status(void **state) {
    (void)state;
    CHECK("GET", "/status", status_reply, "{\"uptime\":0}", .uptime_ms = 999);
    CHECK("GET", "/status", status_reply, "{\"uptime\":634}", .uptime_ms = 634999);
    CHECK("GET", "/status", status_reply, "{\"uptime\":18446744073709551}",
          .uptime_ms = UINT64_MAX);
    CHECK("GET", "/osversion", status_reply, "{\"osversion\":\"22.11\"}", .os_version = T("22.11"));
    CHECK("GET", "/osversion", status_reply, "{\"osversion\":\"\"}", .uptime_ms = 1);
    CHECK("GET", "/osversion", status_reply, "{\"osversion\":\"" EVIL_JSON "\"}",
          .os_version = EVIL);
    CHECK("GET", "/abi_versions", status_reply,
          "{\"SecureWorldRuntime\":1,\"OSRuntime\":1,\"ApplicationRuntime\":17}",
          .abi_secure_world = 1, .abi_os = 1, .abi_application = 17);
    CHECK("GET", "/abi_versions", status_reply,
          "{\"SecureWorldRuntime\":0,\"OSRuntime\":" MAX32 ",\"ApplicationRuntime\":0}",
          .abi_os = UINT32_MAX);
}

/* "State" of one app is found in a list: of it alone, of all, or without it. */
static void app_state(void **state) {
    (void)state;
    static const char *const words[] = {"notPresent", "stopped", "running", "debugging",
                                        "unknown" /* a later version's */};
    for (uint32_t number = 0; number < SPH_ARRAY_SIZE(words); number++) {
        const struct sph_msg_app apps[] = {
            {.component = ID_B, .state = SPH_APP_STOPPED},
            {.component = ID_A, .state = number},
        };
        const struct sph_msg_app_list_reply reply = {.apps = SPH_LIST(apps, 2)};
        char body[64];
        (void)snprintf(body, sizeof(body), "{\"state\":\"%s\"}", words[number]);
        check_answer("GET", "/app/status/" TEXT_A, &reply, 200, body);
    }
    CHECK("GET", "/app/status/" TEXT_A, app_list_reply, "{\"state\":\"notPresent\"}",
          .has_staged = true);
}

static void app_control(void **state) {
    (void)state;
    CHECK("PATCH", "/app/status/" TEXT_A, app_control_reply, "{\"state\":\"running\"}",
          .state = SPH_APP_RUNNING, .pid = 7, .gdb_port = 1, .out_port = 2);
    CHECK("PATCH", "/app/status/" TEXT_A, app_control_reply,
          "{\"state\":\"debugging\",\"gdbPort\":2345,\"outPort\":" MAX32 "}",
          .state = SPH_APP_DEBUGGING, .gdb_port = 2345, .out_port = UINT32_MAX);
    CHECK("PATCH", "/app/status/" TEXT_A, app_control_reply, "{\"state\":\"unknown\"}",
          .state = UINT32_MAX);
    CHECK("POST", "/spherule/v1/apps/" TEXT_A "/run", app_control_reply,
          "{\"state\":\"running\",\"pid\":123}", .state = SPH_APP_RUNNING, .pid = 123);
    CHECK("POST", "/spherule/v1/apps/" TEXT_A "/run", app_control_reply,
          "{\"state\":\"stopped\",\"pid\":0}", .state = SPH_APP_STOPPED);
}

/* Rounded up as a disk would: one byte takes a KiB; but a limit is what there is. */
static void quota(void **state) {
    (void)state;
    static const struct {
        uint64_t used, limit;
        const char *body;
    } cases[] = {
        {0, 0, "{\"UsageKB\":0,\"LimitKB\":0}"},
        {1, 8192, "{\"UsageKB\":1,\"LimitKB\":8}"},
        {1023, 1023, "{\"UsageKB\":1,\"LimitKB\":0}"},
        {1024, 1024, "{\"UsageKB\":1,\"LimitKB\":1}"},
        {1025, 2048, "{\"UsageKB\":2,\"LimitKB\":2}"},
        {UINT64_MAX, UINT64_MAX, "{\"UsageKB\":18014398509481984,\"LimitKB\":18014398509481983}"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++)
        CHECK("GET", "/app/quota/" TEXT_A, quota_reply, cases[i].body, .used_bytes = cases[i].used,
              .limit_bytes = cases[i].limit);
}

static void storage(void **state) {
    (void)state;
    CHECK("GET", "/spherule/v1/storage/" TEXT_A, quota_reply,
          "{\"componentId\":\"" TEXT_A "\",\"usedBytes\":1,\"limitBytes\":8192,\"writes\":4,"
          "\"bytesWritten\":" MAX64 ",\"blocksErased\":3,\"idleWrites\":2}",
          .used_bytes = 1, .limit_bytes = 8192, .bytes_written = UINT64_MAX, .blocks_erased = 3,
          .writes = 4, .idle_writes = 2);
}

static void what_restarts(void **state) {
    (void)state;
    static const char *const paths[][2] = {{"DELETE", "/app/image/" TEXT_A},
                                           {"POST", "/update/install"}};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(paths); i++) {
        CHECK(paths[i][0], paths[i][1], restarting_reply, "{}", .restarting_system = false);
        CHECK(paths[i][0], paths[i][1], restarting_reply, "{\"restartingSystem\":true}",
              .restarting_system = true);
    }
    CHECK("POST", "/restart", empty, "{\"restartingSystem\":true}", 0);
    CHECK("POST", "/spherule/v1/stop", empty, "{\"stopping\":true}", 0);
    CHECK("PUT", "/update/stage", stage_end_reply, "{}", .component = ID_A, .name = T("blink"));
}

#define COMPONENT(uid, staged, name, image, bytes)                                                 \
    "{\"uid\":\"" uid "\",\"image_type\":10,\"is_update_staged\":" staged                          \
    ",\"does_image_type_require_restart\":false,\"name\":\"" name                                  \
    "\",\"images\":[{\"uid\":\"" image "\",\"length_in_bytes\":" bytes                             \
    ",\"uncompressed_length_in_bytes\":" bytes ",\"replica_type\":0}]}"

static void images(void **state) {
    (void)state;
    const struct sph_msg_app apps[] = {
        {.component = ID_A, .image = ID_B, .name = EVIL, .image_type = 10, .package_bytes = 16384},
        {.component = ID_B, .image_type = 10, .package_bytes = UINT64_MAX, .is_staged = true},
    };
    CHECK("GET", "/images", app_list_reply,
          "{\"is_ota_update_in_progress\":false,\"has_staged_updates\":false,"
          "\"restart_required\":false,\"components\":[]}",
          .flash_used_bytes = 1);
    CHECK("GET", "/images", app_list_reply,
          "{\"is_ota_update_in_progress\":false,\"has_staged_updates\":true,"
          "\"restart_required\":false,\"components\":[" COMPONENT(
              TEXT_A, "false", EVIL_JSON, TEXT_B, "16384") "," COMPONENT(TEXT_B, "true", "", TEXT_0,
                                                                         MAX64) "]}",
          .has_staged = true, .apps = SPH_LIST(apps, 2));
}

static void memory_stats(void **state) {
    (void)state;
    CHECK("GET", "/stats/memory/groups/applications", memory_reply,
          "{\"memoryStats\":{\"currentMemoryUsageInBytes\":65536,"
          "\"userModeMemoryUsageInBytes\":36864,\"peakUserModeMemoryUsageInBytes\":" MAX64 "}}",
          .total_bytes = 65536, .user_bytes = 36864, .peak_user_bytes = UINT64_MAX);
}

static void device(void **state) {
    (void)state;
    CHECK("GET", "/spherule/v1/device", hello_reply,
          "{\"name\":\"dev\",\"backend\":\"native\",\"profile\":\"mt3620\",\"core\":\"x86-64\","
          "\"kernel\":\"6.18.0\",\"agent\":\"spherule-agent "
          "0.1.0\",\"gateway\":\"spheruled " SPH_VERSION "\",\"bootId\":\"" TEXT_A
          "\",\"uptimeMs\":634000,\"pageBytes\":4096,"
          "\"ramBytes\":262144,\"flashBytes\":1048576,\"storageBytes\":65536}",
          .version = 1, .program = T("spherule-agent 0.1.0"), .device = T("dev"), .boot_id = ID_A,
          .uptime_ms = 634000, .backend = T("native"), .profile = T("mt3620"), .core = T("x86-64"),
          .kernel = T("6.18.0"), .ram_bytes = 262144, .flash_bytes = 1048576,
          .storage_bytes = 65536, .page_bytes = 4096);
    CHECK("GET", "/spherule/v1/device", hello_reply,
          "{\"name\":\"" EVIL_JSON "\",\"backend\":\"\",\"profile\":\"\",\"core\":\"\","
          "\"kernel\":\"\",\"agent\":\"\",\"gateway\":\"spheruled " SPH_VERSION
          "\",\"bootId\":\"" TEXT_0 "\",\"uptimeMs\":" MAX64 ",\"pageBytes\":" MAX32
          ",\"ramBytes\":0,\"flashBytes\":0,\"storageBytes\":0}",
          .device = EVIL, .uptime_ms = UINT64_MAX, .page_bytes = UINT32_MAX);
}

static void memory(void **state) {
    (void)state;
    const struct sph_msg_app_memory apps[] = {
        {.component = ID_A,
         .name = EVIL,
         .user_bytes = 1,
         .peak_user_bytes = UINT64_MAX,
         .total_bytes = 3,
         .kernel_bytes = 2,
         .kernel_exact = true,
         .pids = T("\x92\x10\0\0\xff\xff\xff\xff\1\1")}, /* and half a pid more */
        {.component = ID_B},
    };
    CHECK("GET", "/spherule/v1/memory", memory_reply,
          "{\"totalBytes\":1,\"userBytes\":2,\"peakUserBytes\":3,\"kernelBytes\":4,"
          "\"limitBytes\":5,\"userExact\":true,\"userHow\":\"kmem:rss_stat\","
          "\"kernelExact\":false,\"kernelHow\":\"\",\"checks\":6,\"mismatches\":7,\"events\":8,"
          "\"apps\":[{\"componentId\":\"" TEXT_A "\",\"name\":\"" EVIL_JSON
          "\",\"userBytes\":1,\"peakUserBytes\":" MAX64
          ",\"totalBytes\":3,\"kernelBytes\":2,\"kernelExact\":true,\"pids\":[4242," MAX32
          "],\"heapState\":\"notAsked\"},{\"componentId\":\"" TEXT_B
          "\",\"name\":\"\",\"userBytes\":0,\"peakUserBytes\":0,"
          "\"totalBytes\":0,\"kernelBytes\":0,\"kernelExact\":false,\"pids\":[],\"heapState\":"
          "\"notAsked\"}]}",
          .total_bytes = 1, .user_bytes = 2, .peak_user_bytes = 3, .kernel_bytes = 4,
          .limit_bytes = 5, .user_exact = true, .user_how = T("kmem:rss_stat"), .checks = 6,
          .mismatches = 7, .events = 8, .apps = SPH_LIST(apps, 2));
}

#define CALLER_JSON                                                                                \
    "{\"name\":\"App + Static Libraries\",\"path\":\"/bin/app\",\"buildId\":\"00ff\","             \
    "\"base\":\"0x10000\",\"spanBytes\":0,\"liveBytes\":1,\"residentBytes\":2,\"peakBytes\":3,"    \
    "\"liveBlocks\":4,"                                                                            \
    "\"allocations\":5,\"frees\":6,\"largestBytes\":" MAX64 "}"

static const struct sph_msg_heap_caller heap_callers[] = {
    {.name = T("App + Static Libraries"),
     .path = T("/bin/app"),
     .build_id = T("\0\xff"),
     .base = 0x10000,
     .live_bytes = 1,
     .resident_bytes = 2,
     .peak_bytes = 3,
     .live_blocks = 4,
     .allocations = 5,
     .frees = 6,
     .largest_bytes = UINT64_MAX},
};
static const struct sph_msg_heap_site heap_sites[] = {
    {.caller = 0,
     .address = 0x1234,
     .live_bytes = 7,
     .resident_bytes = 8,
     .live_blocks = 9,
     .allocations = 10,
     .only_grew = true},
    {.caller = UINT32_MAX, .stack = T("\x10\0\0\0\0\0\0\0")},
};

static void heap(void **state) {
    (void)state;
    const struct sph_msg_heap processes[] = {
        {.pid = 42,
         .state = SPH_HEAP_TRACKED,
         .live_bytes = 1,
         .resident_bytes = 2,
         .live_blocks = 3,
         .allocations = 4,
         .frees = 5,
         .uptime_ms = 6,
         .complete = true,
         .peaks_exact = true,
         .blocks_lost = 7,
         .unknown_frees = 8,
         .damaged = UINT64_MAX,
         .damage_found = 5,
         .callers = SPH_LIST(heap_callers, 1),
         .sites = SPH_LIST(heap_sites, 2),
         .sites_dropped = 9},
        {.pid = 43, .state = SPH_HEAP_STATIC}, /* without figures none is shown */
    };
    CHECK("GET", "/spherule/v1/heap/" TEXT_A, heap_reply,
          "{\"componentId\":\"" TEXT_A "\",\"state\":\"tracked\",\"reason\":\"Its heap is "
          "tracked.\",\"processes\":[{\"pid\":42,\"state\":\"tracked\",\"liveBytes\":1,"
          "\"residentBytes\":2,\"liveBlocks\":3,\"allocations\":4,\"frees\":5,\"uptimeMs\":6,"
          "\"complete\":true,\"peaksExact\":true,\"countsExact\":false,\"blocksLost\":7,"
          "\"unknownFrees\":8,\"damaged\":" MAX64 ",\"damageFound\":5,\"callers\":[" CALLER_JSON
          "],\"sites\":[{"
          "\"caller\":0,\"address\":\"0x1234\",\"liveBytes\":7,\"residentBytes\":8,"
          "\"liveBlocks\":9,\"allocations\":10,\"onlyGrew\":true},{\"caller\":" MAX32
          ",\"address\":\"0x0\",\"liveBytes\":0,\"residentBytes\":0,\"liveBlocks\":0,"
          "\"allocations\":0,\"onlyGrew\":false,\"stack\":[\"0x10\"]}],\"sitesDropped\":9},"
          "{\"pid\":43,\"state\":\"static\"}],\"processesDropped\":3}",
          .component = ID_A, .state = SPH_HEAP_TRACKED, .processes = SPH_LIST(processes, 2),
          .processes_dropped = 3);
    CHECK("GET", "/spherule/v1/heap/" TEXT_A, heap_reply,
          "{\"componentId\":\"" TEXT_A "\",\"state\":\"debugged\",\"reason\":\"A debugger holds "
          "the application, and heaps are not tracked then: start it without --debug-mode.\","
          "\"processes\":[],\"processesDropped\":0}",
          .component = ID_A, .state = SPH_HEAP_DEBUGGED);
}

/* As documented by the original: tracked processes alone, and no member where there are none. */
static void heap_usage(void **state) {
    (void)state;
    const struct sph_msg_heap_caller callers[] = {
        {.name = T("App + Static Libraries"), .live_bytes = 123},
        {.name = T("libcurl.so.4"), .live_bytes = 5}};
    const struct sph_msg_heap heaps[] = {
        {.pid = 1, .state = SPH_HEAP_TRACKED, .callers = SPH_LIST(callers, 2)},
        {.pid = 2, .state = SPH_HEAP_FAILED, .callers = SPH_LIST(callers, 2)}};
    const struct sph_msg_heap damaged[] = {{.pid = 2, .state = SPH_HEAP_DAMAGED}, heaps[0]};
    const struct sph_msg_app_memory apps[] = {
        {.component = ID_A, .heap_state = SPH_HEAP_NO_LIBRARY},
        {.component = ID_B, .heap_state = SPH_HEAP_TRACKED, .heaps = SPH_LIST(heaps, 2)},
        {.component = ID_A, .heap_state = SPH_HEAP_TRACKED, .heaps_dropped = 4},
        {.component = ID_A, .heap_state = SPH_HEAP_NOT_ASKED},
        {.component = ID_A, .heap_state = SPH_HEAP_DAMAGED, .heaps = SPH_LIST(damaged, 2)}};
#define NO_STATS                                                                                   \
    "{\"memoryStats\":{\"currentMemoryUsageInBytes\":0,\"userModeMemoryUsageInBytes\":0,"          \
    "\"peakUserModeMemoryUsageInBytes\":0}"
#define NOT_TRACKED(id, more, state, reason)                                                       \
    "{\"componentId\":\"" id "\",\"name\":\"\"" more ",\"state\":\"" state                         \
    "\",\"reason\":\"" reason "\"}"
#define NO_LIBRARY                                                                                 \
    NOT_TRACKED(TEXT_A, "", "noLibrary",                                                           \
                "The manifest has HeapMemStats, but the package lacks libmalloc.so.0: add "        \
                "DEBUG_LIB \\\"libmalloc\\\" to azsphere_target_add_image_package() in "           \
                "CMakeLists.txt and deploy again.")
    CHECK("GET", "/stats/memory/groups/applications", memory_reply,
          NO_STATS
          ",\"apps\":[{\"componentId\":\"FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF\","
          "\"processes\":[{\"pid\":1,\"heapUsageByCaller\":[{\"name\":\"App + Static "
          "Libraries\",\"usageInBytes\":123},{\"name\":\"curl\",\"usageInBytes\":5}]}]}"
          "],\"heapsNotTracked\":[" NO_LIBRARY
          "," NOT_TRACKED("ffffffff-ffff-ffff-ffff-ffffffffffff", ",\"pid\":2", "failed",
                          "The ledger could not be put into the process: read why in the device's "
                          "log, and start the application again.") "]}",
          .apps = SPH_LIST(apps, 2));
    CHECK("GET", "/stats/memory/groups/applications", memory_reply,
          NO_STATS ",\"heapsNotTracked\":[" NO_LIBRARY "]}", .apps = SPH_LIST(apps, 1));
    CHECK("GET", "/stats/memory/groups/applications", memory_reply, NO_STATS "}",
          .apps = SPH_LIST(&apps[3], 1));
    /* a first process that damaged its ledger, with a child that is tracked */
    CHECK("GET", "/stats/memory/groups/applications", memory_reply,
          NO_STATS
          ",\"apps\":[{\"componentId\":\"04030201-0605-0807-090A-0B0C0D0E0F10\","
          "\"processes\":[{\"pid\":1,\"heapUsageByCaller\":[{\"name\":\"App + Static "
          "Libraries\",\"usageInBytes\":123},{\"name\":\"curl\",\"usageInBytes\":5}]}]}"
          "],\"heapsNotTracked\":[" NOT_TRACKED(
              TEXT_A, ",\"pid\":2", "damaged",
              "The application has overwritten its own ledger: look for a stray write.") "]}",
          .apps = SPH_LIST(&apps[4], 1));
    CHECK("GET", "/stats/memory/groups/applications", memory_reply,
          NO_STATS ",\"apps\":[{\"componentId\":\"04030201-0605-0807-090A-0B0C0D0E0F10\","
                   "\"processes\":[],\"processesDropped\":4}]}",
          .apps = SPH_LIST(&apps[2], 1));
}

#define MAPPING_TAIL "\"perms\":\"---p\",\"class\":\"other\",\"path\":\"\",\"anonymousPages\":"

static void pages(void **state) {
    (void)state;
    const struct sph_msg_mapping mappings[] = {
        {.pid = 1, .start = 4096, .end = 8192, .anonymous_pages = 1, .file_pages = 5},
        {.pid = 2, .start = 0, .end = UINT64_MAX, .anonymous_pages = 2, .shared_pages = 3},
    };
    CHECK("GET", "/spherule/v1/memory/pages/" TEXT_A, pages_reply,
          "{\"componentId\":\"" TEXT_A "\",\"pageBytes\":4096,\"exact\":true,\"how\":\"smaps\","
          "\"totalMappings\":21,\"first\":0,\"mappings\":["
          "{\"pid\":1,\"start\":\"0x1000\",\"end\":\"0x2000\"," MAPPING_TAIL
          "1,\"sharedPages\":0,\"filePages\":5},"
          "{\"pid\":2,\"start\":\"0x0\",\"end\":\"0xffffffffffffffff\"," MAPPING_TAIL
          "2,\"sharedPages\":3,\"filePages\":0}],"
          "\"anonymousPages\":3,\"sharedPages\":3,\"filePages\":5}",
          .component = ID_B, /* the one that was asked for is shown */
          .page_bytes = 4096, .total_mappings = 21, .exact = true, .how = T("smaps"),
          .mappings = SPH_LIST(mappings, 2));
    CHECK("GET", "/spherule/v1/memory/pages/" TEXT_A, pages_reply,
          "{\"componentId\":\"" TEXT_A "\",\"pageBytes\":0,\"exact\":false,\"how\":\"\","
          "\"totalMappings\":0,\"first\":0,\"mappings\":[],\"anonymousPages\":0,"
          "\"sharedPages\":0,\"filePages\":0}",
          .component = ID_A);
}

#define ROW(id, name, why, rest)                                                                   \
    "{\"id\":" id ",\"componentId\":\"" TEXT_A "\",\"name\":\"" name                               \
    "\",\"timeMs\":1700000000000,"                                                                 \
    "\"why\":\"" why "\"," rest "}"

static void kills(void **state) {
    (void)state;
    const struct sph_msg_report_row rows[] = {
        {.id = 3,
         .component = ID_A,
         .name = EVIL,
         .wall_ms = 1700000000000,
         .why = SPH_END_RATION,
         .signal = 9,
         .limit_bytes = 1,
         .user_bytes = 2,
         .peak_user_bytes = 3,
         .total_bytes = 4},
        {.id = UINT64_MAX,
         .component = ID_A,
         .wall_ms = 1700000000000,
         .why = 8,
         .exit_code = UINT32_MAX,
         .total_bytes = UINT64_MAX},
    };
    CHECK("GET", "/spherule/v1/kills", kills_reply, "{\"reports\":[],\"dropped\":0}", .dropped = 0);
    CHECK("GET", "/spherule/v1/kills", kills_reply,
          "{\"reports\":[" ROW(
              "3", EVIL_JSON, "ration",
              "\"exitCode\":0,\"signal\":9,\"limitBytes\":1,\"userBytes\":2,"
              "\"peakUserBytes\":3,\"totalBytes\":4") "," ROW(MAX64, "", "unknown",
                                                              "\"exitCode\":" MAX32
                                                              ",\"signal\":0,\"limitBytes\":0,"
                                                              "\"userBytes\":0,"
                                                              "\"peakUserBytes\":0,"
                                                              "\"totalBytes\":" MAX64) "],"
                                                                                       "\"dropped\""
                                                                                       ":" MAX64
                                                                                       "}",
          .reports = SPH_LIST(rows, 2), .dropped = UINT64_MAX);
    CHECK("DELETE", "/spherule/v1/kills", count_reply, "{\"count\":0}", .count = 0);
    CHECK("DELETE", "/spherule/v1/kills", count_reply, "{\"count\":" MAX64 "}",
          .count = UINT64_MAX);
}

static void capabilities(void **state) {
    (void)state;
    CHECK("GET", "/device/capabilities", capabilities, "{\"device_capabilities\":[]}",
          .ids = T(""));
    CHECK("GET", "/device/capabilities", capabilities, "{\"device_capabilities\":[11," MAX32 "]}",
          .ids = T("\13\0\0\0\xff\xff\xff\xff\1" /* and an odd rest */));
    CHECK("PUT", "/spherule/v1/capabilities", empty, "{}", 0);
}

static void trust(void **state) {
    (void)state;
    const struct sph_msg_trust entries[] = {
        {.thumbprint = T("\0\1\xff"),
         .point = T("\4"),
         .name = EVIL,
         .added_wall_ms = UINT64_MAX,
         .production = true},
        {.name = T("short")}, /* what an agent should not send is shown as it is */
    };
    CHECK("GET", "/spherule/v1/trust", trust_list_reply, "{\"entries\":[]}",
          .entries = {.count = 0});
    CHECK("GET", "/spherule/v1/trust", trust_list_reply,
          "{\"entries\":[{\"thumbprint\":\"0001ff\",\"point\":\"04\",\"name\":\"" EVIL_JSON
          "\",\"kind\":\"production\",\"addedMs\":" MAX64
          "},{\"thumbprint\":\"\",\"point\":\"\",\"name\":\"short\","
          "\"kind\":\"development\",\"addedMs\":0}]}",
          .entries = SPH_LIST(entries, 2));
    const struct sph_msg_empty nothing = {0};
    check_answer("POST", "/spherule/v1/trust", &nothing, 201, "{}");
    CHECK("DELETE", "/spherule/v1/trust/000102030405060708090a0b0c0d0e0f10111213", empty, "{}", 0);
}

static void pins(void **state) {
    (void)state;
    static const struct {
        struct sph_msg_gpio pin;
        const char *body;
    } cases[] = {
        {{.pin = 0}, "{\"pin\":0,\"value\":0,\"use\":\"free\"}"},
        {{.pin = 75, .value = 1, .use = SPH_GPIO_INPUT, .mode = 1, .holder = ID_A},
         "{\"pin\":75,\"value\":1,\"use\":\"input\",\"componentId\":\"" TEXT_A "\"}"},
        {{.pin = 1, .use = SPH_GPIO_OUTPUT, .holder = ID_B},
         "{\"pin\":1,\"value\":0,\"use\":\"output\",\"componentId\":\"" TEXT_B
         "\",\"mode\":\"pushPull\"}"},
        {{.pin = 1, .use = SPH_GPIO_OUTPUT, .mode = 1},
         "{\"pin\":1,\"value\":0,\"use\":\"output\",\"mode\":\"openDrain\"}"},
        {{.pin = 1, .use = SPH_GPIO_OUTPUT, .mode = 2},
         "{\"pin\":1,\"value\":0,\"use\":\"output\",\"mode\":\"openSource\"}"},
        {{.pin = 1, .use = SPH_GPIO_OUTPUT, .mode = 3}, /* a later version's */
         "{\"pin\":1,\"value\":0,\"use\":\"output\"}"},
        {{.pin = UINT32_MAX, .value = UINT32_MAX, .use = 3},
         "{\"pin\":" MAX32 ",\"value\":" MAX32 ",\"use\":\"unknown\"}"},
    };
    struct sph_msg_gpio all[SPH_ARRAY_SIZE(cases)];
    char body[2048] = "{\"pins\":[";
    for (size_t i = 0; i < SPH_ARRAY_SIZE(cases); i++) {
        check_answer("GET", "/spherule/v1/gpio/12", &cases[i].pin, 200, cases[i].body);
        check_answer("PUT", "/spherule/v1/gpio/12", &cases[i].pin, 200, cases[i].body);
        all[i] = cases[i].pin;
        size_t len = strlen(body);
        (void)snprintf(body + len, sizeof(body) - len, "%s%s", i ? "," : "", cases[i].body);
    }
    (void)snprintf(body + strlen(body), sizeof(body) - strlen(body), "]}");
    CHECK("GET", "/spherule/v1/gpio", gpio_list_reply, body,
          .pins = SPH_LIST(all, SPH_ARRAY_SIZE(all)));
    CHECK("GET", "/spherule/v1/gpio", gpio_list_reply, "{\"pins\":[]}", .pins = {.count = 0});
}

/* Octets as they are, piece after piece; what was lost adds up. Only our own path has a cursor. */
static void device_log(void **state) {
    (void)state;
    static const char *const paths[] = {"/log", "/spherule/v1/log"};
    const struct sph_msg_log_reply pieces[] = {
        {.cursor = 3, .lost_bytes = 2, .data = T("a\0\xff")},
        {.cursor = UINT64_MAX, .lost_bytes = 1, .data = T("\n")},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(paths); i++) {
        struct sph_call call;
        struct sph_response response = SPH_RESPONSE_NULL;
        call_for("GET", paths[i], &call);
        for (size_t k = 0; k < SPH_ARRAY_SIZE(pieces); k++)
            assert_int_equal(sph_format_log(&call, &pieces[k], &response), 0);
        assert_string_equal(response.content_type, "application/octet-stream");
        assert_int_equal(response.body.len, 4);
        assert_memory_equal(response.body.data, "a\0\xff\n", 4);
        assert_int_equal(response.has_log_cursor, i == 1);
        assert_true(response.log_cursor == UINT64_MAX);
        assert_int_equal(response.log_lost, 3);
        sph_response_done(&response);
    }
}

/* A refusal drops what was written, and the next answer starts anew. */
static void a_refusal_is_not_mixed_with_an_answer(void **state) {
    (void)state;
    struct sph_call call = {.is_own = true, .component = id_a};
    const struct sph_msg_app_list_reply none = {.has_staged = true};
    struct sph_response response = SPH_RESPONSE_NULL;
    sph_buf_puts(&response.body, "[1,2");
    assert_int_equal(sph_format_app(&call, &none, &response), 404);
    assert_non_null(strstr(response.body.data, "{\"error\":14680076,"));
    assert_string_equal(response.sentence,
                        "no application with component id " TEXT_A " is installed");
    sph_response_done(&response);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status),
        cmocka_unit_test(app_state),
        cmocka_unit_test(app_control),
        cmocka_unit_test(quota),
        cmocka_unit_test(storage),
        cmocka_unit_test(what_restarts),
        cmocka_unit_test(images),
        cmocka_unit_test(memory_stats),
        cmocka_unit_test(device),
        cmocka_unit_test(memory),
        cmocka_unit_test(pages),
        cmocka_unit_test(heap),
        cmocka_unit_test(heap_usage),
        cmocka_unit_test(kills),
        cmocka_unit_test(trust),
        cmocka_unit_test(pins),
        cmocka_unit_test(capabilities),
        cmocka_unit_test(device_log),
        cmocka_unit_test(a_refusal_is_not_mixed_with_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
