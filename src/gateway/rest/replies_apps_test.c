/* Applications as clients get them: a list, one of them, and what is told only when it is known. */
#include "gateway/rest/replies_testing.h"

#define APP_A                                                                                      \
    "{\"componentId\":\"" TEXT_A "\",\"imageId\":\"" TEXT_B "\",\"name\":\"" EVIL_JSON             \
    "\",\"imageType\":10,\"state\":\"running\",\"packageBytes\":16384,\"isStaged\":true,"          \
    "\"isDebugger\":false,\"startsByItself\":true,\"restarts\":" MAX32                             \
    ",\"lastReportId\":3,\"lastWhy\":\"ration\",\"lastExitCode\":0,\"lastSignal\":9,"              \
    "\"lastSignalName\":\"SIGKILL\",\"nextStartMs\":" MAX64 "}"
/* An app that has not ended yet has no last report and no word for why. */
#define APP_B                                                                                      \
    "{\"componentId\":\"" TEXT_B "\",\"imageId\":\"" TEXT_0 "\",\"name\":\"\",\"imageType\":0,"    \
    "\"state\":\"notPresent\",\"packageBytes\":0,\"isStaged\":false,\"isDebugger\":true,"          \
    "\"startsByItself\":false,\"restarts\":0}"

static void apps(void **state) {
    (void)state;
    const struct sph_msg_app list[] = {
        {.component = ID_A,
         .image = ID_B,
         .name = EVIL,
         .image_type = 10,
         .state = SPH_APP_RUNNING,
         .package_bytes = 16384,
         .is_staged = true,
         .starts_by_itself = true,
         .restarts = UINT32_MAX,
         .last_report_id = 3,
         .last_why = SPH_END_RATION,
         .last_signal = 9,
         .next_start_ms = UINT64_MAX},
        {.component = ID_B, .is_debugger = true, .last_why = SPH_END_CRASH, .last_signal = 11},
    };
    CHECK("GET", "/spherule/v1/apps", app_list_reply,
          "{\"apps\":[],\"hasStaged\":false,\"flashUsedBytes\":0,\"flashLimitBytes\":0}",
          .has_staged = false);
    CHECK("GET", "/spherule/v1/apps", app_list_reply,
          "{\"apps\":[" APP_A "," APP_B "],\"hasStaged\":true,\"flashUsedBytes\":16384,"
          "\"flashLimitBytes\":" MAX64 "}",
          .apps = SPH_LIST(list, 2), .has_staged = true, .flash_used_bytes = 16384,
          .flash_limit_bytes = UINT64_MAX);
    CHECK("GET", "/spherule/v1/apps/" TEXT_A, app_list_reply, APP_A, .apps = SPH_LIST(list, 2));
    CHECK("GET", "/spherule/v1/apps/" TEXT_B, app_list_reply, APP_B, .apps = SPH_LIST(list, 2));
    const struct sph_msg_app_list_reply other = {.apps = SPH_LIST(list + 1, 1)};
    check_answer("GET", "/spherule/v1/apps/" TEXT_A, &other, 404,
                 "{\"error\":14680076,\"name\":\"RestApp/AppNotPresent\",\"message\":\"no "
                 "application with component id " TEXT_A " is installed\"}");
}

static void apps_that_may_not_start(void **state) {
    (void)state;
    static const struct {
        uint32_t hindrance;
        const char *member;
    } rows[] = {
        {0, ""},
        {1, ",\"mayNotStart\":\"Development is switched off, and the device trusts its signer for "
            "development only: enable it ('azsphere device enable-development'), or add the "
            "signer's certificate with 'spherule trust add CERT.pem --production'.\""},
        {2, ",\"mayNotStart\":\"Development is switched off, and the device does not trust its "
            "signer any more: add its certificate with 'spherule trust add CERT.pem "
            "--production'.\""},
        {3, ",\"mayNotStart\":\"The device does not let it start, for a reason that this gateway "
            "does not know.\""},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        const struct sph_msg_app app = {.component = ID_A, .hindrance = rows[i].hindrance};
        const struct sph_msg_app_list_reply reply = {.apps = SPH_LIST(&app, 1)};
        char body[700];
        (void)snprintf(body, sizeof(body),
                       "{\"componentId\":\"" TEXT_A "\",\"imageId\":\"" TEXT_0
                       "\",\"name\":\"\",\"imageType\":0,\"state\":\"notPresent\","
                       "\"packageBytes\":0,\"isStaged\":false,\"isDebugger\":false,"
                       "\"startsByItself\":false,\"restarts\":0%s}",
                       rows[i].member);
        check_answer("GET", "/spherule/v1/apps/" TEXT_A, &reply, 200, body);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(apps),
        cmocka_unit_test(apps_that_may_not_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
