/* Every operation from request to reply, over a socket pair, with apps that only seem to run. */
#include "agent/requests/wire_client_test.h"

#include "base/clock.h"

static struct sph_msg_app_control control(unsigned app, enum sph_app_trigger trigger) {
    return (struct sph_msg_app_control){.component = fixture_component(app), .trigger = trigger};
}

static void install(struct wire_client *client, const struct fixture_package *package) {
    wire_stage(client, package);
    wire_call(client, SPH_OP_INSTALL, NULL, NULL);
}

/* The state of one app as app-list tells it; NOT_PRESENT when it is not in the list. */
static struct sph_msg_app app_of(struct wire_client *client, unsigned number) {
    struct sph_msg_component asked = {.component = fixture_component(number)};
    struct sph_msg_app_list_reply reply;
    struct sph_msg_app app = {.state = SPH_APP_NOT_PRESENT};
    wire_call(client, SPH_OP_APP_LIST, &asked, &reply);
    struct sph_list_iter iter = sph_list_iter(&reply.apps);
    assert_true(reply.apps.count <= 1);
    (void)sph_list_next(&iter, &app);
    return app;
}

static void test_status(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    struct sph_msg_status_reply first, second;
    fixture->device.started_ms = sph_clock_monotonic_ms() - 5000;
    wire_connect(fixture, &client);
    wire_call(&client, SPH_OP_STATUS, NULL, &first);
    assert_true(first.uptime_ms >= 5000 && first.uptime_ms < 10000);
    assert_true(sph_slice_is(first.os_version, SPH_DEVICE_OS_VERSION));
    assert_int_equal(first.abi_application, SPH_DEVICE_APPLICATION_RUNTIME);
    wire_call(&client, SPH_OP_STATUS, NULL, &second);
    assert_true(second.uptime_ms >= first.uptime_ms);
    wire_disconnect(&client);
}

static void test_install_runs(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    struct sph_msg_app_list_reply list;
    wire_connect(fixture, &client);
    wire_call(&client, SPH_OP_INSTALL, NULL, NULL); /* nothing staged: fine, as on the device */
    struct fixture_package package = {.component = 1, .version = 1};
    wire_stage(&client, &package);
    assert_int_equal(app_of(&client, 1).state, SPH_APP_NOT_PRESENT);
    wire_call(&client, SPH_OP_APP_LIST, NULL, &list);
    assert_true(list.has_staged);
    assert_int_equal(list.flash_used_bytes, 0);
    wire_call(&client, SPH_OP_INSTALL, NULL, NULL);
    struct sph_msg_app app = app_of(&client, 1);
    assert_int_equal(app.state, SPH_APP_RUNNING);
    assert_true(sph_slice_is(app.name, "App 1"));
    assert_int_equal(app.image_type, 10);
    assert_int_equal(app.restarts, 3);
    assert_true(app.starts_by_itself);
    assert_false(app.is_staged);
    wire_call(&client, SPH_OP_APP_LIST, NULL, &list);
    assert_false(list.has_staged);
    assert_int_equal(list.flash_used_bytes, app.package_bytes);
    assert_int_equal(list.flash_limit_bytes, 1048576);
    wire_stage(&client, &(struct fixture_package){.component = 2});
    wire_call(&client, SPH_OP_INSTALL, &(struct sph_msg_install){.manual = true}, NULL);
    app = app_of(&client, 2);
    assert_int_equal(app.state, SPH_APP_STOPPED);
    assert_false(app.starts_by_itself);
    wire_disconnect(&client);
}

/* An update waits for the running version's end; another change of apps is refused meanwhile. */
static void test_install_waits(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client, other;
    struct sph_frame frame;
    wire_connect(fixture, &client);
    wire_connect(fixture, &other);
    install(&client, &(struct fixture_package){.component = 1, .version = 1});
    wire_stage(&client, &(struct fixture_package){.component = 1, .version = 2});
    fake_lifecycle.holds_stops = true;
    uint32_t id = wire_request(&client, SPH_OP_INSTALL, NULL);
    assert_false(wire_receive(&client, 30, &frame));
    assert_int_equal(app_of(&other, 1).image.bytes[0], 1);
    wire_refused(&other, SPH_OP_INSTALL, NULL, 10485765,
                 "an application is being changed: try again when it is through");
    struct sph_msg_app_control start = control(1, SPH_TRIGGER_START);
    wire_refused(&other, SPH_OP_APP_CONTROL, &start, 14680074,
                 "another change of this application is under way: try again");
    fake_finish_stops();
    wire_expect(&client, SPH_OP_INSTALL, id, NULL);
    assert_int_equal(app_of(&other, 1).image.bytes[0], 2);
    assert_int_equal(app_of(&other, 1).state, SPH_APP_RUNNING);
    wire_disconnect(&client);
    wire_disconnect(&other);
}

/* A client that leaves before its answer: the work is done all the same. */
static void test_client_leaves(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client, other;
    struct sph_msg_component asked = {.component = fixture_component(1)};
    wire_connect(fixture, &client);
    wire_connect(fixture, &other);
    install(&client, &(struct fixture_package){.component = 1});
    fake_lifecycle.holds_stops = true;
    (void)wire_request(&client, SPH_OP_APP_DELETE, &asked);
    (void)wire_request(
        &client, SPH_OP_LOG_READ,
        &(struct sph_msg_log){.cursor = sph_logring_end(fixture->device.log), .wait_ms = 60000});
    wire_disconnect(&client);
    fake_finish_stops();
    assert_int_equal(app_of(&other, 1).state, SPH_APP_NOT_PRESENT);
    wire_call(&other, SPH_OP_STAGE_BEGIN, NULL, NULL);
    wire_disconnect(&other); /* and the upload goes with it */
    wire_connect(fixture, &client);
    wire_call(&client, SPH_OP_STAGE_BEGIN, NULL, NULL);
    wire_call(&client, SPH_OP_STAGE_ABORT, NULL, NULL);
    wire_refused(&client, SPH_OP_STAGE_END, NULL, 1048577,
                 "no package is being staged on this connection");
    wire_disconnect(&client);
}

static void test_start_fails(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    static const struct {
        int code;
        uint32_t number;
    } rows[] = {
        {-ENOEXEC, 1048591}, {-ENOENT, 14680076}, {-ENOTSUP, 14680075},
        {-EBUSY, 14680074},  {-EIO, 1048591},     {-EALREADY, 1048589},
    };
    wire_connect(fixture, &client);
    fake_lifecycle.start_error = -ENOEXEC;
    wire_stage(&client, &(struct fixture_package){.component = 1});
    wire_refused(&client, SPH_OP_INSTALL, NULL, 1048591, "the fake does not start apps");
    assert_int_equal(app_of(&client, 1).state, SPH_APP_STOPPED); /* installed all the same */
    struct sph_msg_app_control start = control(1, SPH_TRIGGER_START);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        fake_lifecycle.start_error = rows[i].code;
        wire_refused(&client, SPH_OP_APP_CONTROL, &start, rows[i].number,
                     "the fake does not start apps");
    }
    wire_disconnect(&client);
}

/* An update that is refused at the last moment leaves the old version running and is staged no
 * more. */
static void test_refused_update(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    struct sph_msg_app_list_reply list;
    wire_connect(fixture, &client);
    install(&client, &(struct fixture_package){.component = 1, .version = 1});
    wire_stage(&client, &(struct fixture_package){.component = 1, .version = 2});
    assert_int_equal(sph_trust_store_remove(fixture->device.trust, sph_test_thumbprint, NULL), 0);
    uint32_t id = wire_request(&client, SPH_OP_INSTALL, NULL);
    struct sph_frame frame;
    struct sph_msg_error error;
    assert_true(wire_receive(&client, 1000, &frame));
    assert_int_equal(frame.type, SPH_FRAME_ERROR);
    assert_int_equal(frame.id, id);
    assert_int_equal(
        sph_codec_decode(&sph_msg_error_codec, frame.payload, frame.payload_len, &error, NULL), 0);
    assert_int_equal(error.device_error, 14680081);
    assert_int_equal(app_of(&client, 1).image.bytes[0], 1);
    assert_int_equal(app_of(&client, 1).state, SPH_APP_RUNNING);
    wire_call(&client, SPH_OP_APP_LIST, NULL, &list);
    assert_false(list.has_staged);
    wire_disconnect(&client);
}

static void test_control(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    struct sph_msg_app_control_reply reply;
    static const struct {
        enum sph_app_trigger trigger;
        bool run_once;
        enum sph_app_state state;
        unsigned starts; /* so far */
        bool by_itself;
    } rows[] = {
        {SPH_TRIGGER_START, false, SPH_APP_RUNNING, 1, true}, /* runs since its installation */
        {SPH_TRIGGER_STOP, false, SPH_APP_STOPPED, 1, false},
        {SPH_TRIGGER_STOP, false, SPH_APP_STOPPED, 1, false},
        {SPH_TRIGGER_START, true, SPH_APP_RUNNING, 2, false},
        {SPH_TRIGGER_STOP, false, SPH_APP_STOPPED, 2, false},
        {SPH_TRIGGER_START, false, SPH_APP_RUNNING, 3, true},
        {SPH_TRIGGER_START, false, SPH_APP_RUNNING, 3, true},
    };
    wire_connect(fixture, &client);
    install(&client, &(struct fixture_package){.component = 1});
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_msg_app_control asked = control(1, rows[i].trigger);
        asked.run_once = rows[i].run_once;
        wire_call(&client, SPH_OP_APP_CONTROL, &asked, &reply);
        assert_int_equal(reply.state, rows[i].state);
        assert_int_equal(reply.pid != 0, rows[i].state == SPH_APP_RUNNING);
        assert_int_equal(fake_lifecycle.starts, rows[i].starts);
        assert_int_equal(app_of(&client, 1).starts_by_itself, rows[i].by_itself);
    }
    struct sph_guid first = fixture_component(1);
    fake_set_state(&first, SPH_SESSION_WAITING); /* between an end and the next start */
    assert_int_equal(app_of(&client, 1).state, SPH_APP_STOPPED);
    struct sph_msg_app_control start = control(1, SPH_TRIGGER_START);
    wire_call(&client, SPH_OP_APP_CONTROL, &start, &reply);
    assert_int_equal(reply.state, SPH_APP_RUNNING);
    struct sph_msg_app_control unknown = control(9, SPH_TRIGGER_START);
    wire_refused(&client, SPH_OP_APP_CONTROL, &unknown, 14680076,
                 "no application with component id 00000000-1111-2222-3333-000000000009 is "
                 "installed");
    struct sph_msg_app_control wrong = control(1, 7);
    wire_refused(&client, SPH_OP_APP_CONTROL, &wrong, 14680073,
                 "there is no trigger 7: start, stop and start debug are 1 to 3");
    wire_disconnect(&client);
}

/* What a debugger needs to know stands in the answer and in the list, while it can be used. The
 * start mode stays as it was. */
static void test_control_of_debugging(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    struct sph_msg_app_control_reply reply;
    static const struct {
        enum sph_app_trigger trigger;
        enum sph_app_state state;
        uint32_t gdb_port;
    } rows[] = {
        {SPH_TRIGGER_STOP, SPH_APP_STOPPED, 0},
        {SPH_TRIGGER_START_DEBUG, SPH_APP_DEBUGGING, 2345},
        {SPH_TRIGGER_START, SPH_APP_DEBUGGING, 2345}, /* it runs: nothing to do */
        {SPH_TRIGGER_STOP, SPH_APP_STOPPED, 0},
    };
    wire_connect(fixture, &client);
    install(&client, &(struct fixture_package){.component = 1});
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_msg_app_control asked = control(1, rows[i].trigger);
        wire_call(&client, SPH_OP_APP_CONTROL, &asked, &reply);
        assert_int_equal(reply.state, rows[i].state);
        assert_int_equal(reply.gdb_port, rows[i].gdb_port);
        assert_int_equal(reply.out_port, 0);
        assert_int_equal(app_of(&client, 1).state, rows[i].state);
        assert_int_equal(app_of(&client, 1).gdb_port, rows[i].gdb_port);
        assert_false(app_of(&client, 1).starts_by_itself);
    }
    wire_disconnect(&client);
}

static void test_quota_and_delete(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    struct sph_msg_quota_reply quota;
    struct sph_msg_restarting_reply deleted;
    struct sph_msg_component asked = {.component = fixture_component(1)};
    wire_connect(fixture, &client);
    install(&client, &(struct fixture_package){.component = 1, .storage_kib = 8});
    wire_call(&client, SPH_OP_APP_QUOTA, &asked, &quota);
    assert_int_equal(quota.used_bytes, 0);
    assert_int_equal(quota.limit_bytes, 8192);
    sph_autoclose int fd =
        sph_storage_open(fixture->device.storage, &asked.component, geteuid(), NULL);
    assert_int_equal(write(fd, "12345", 5), 5);
    wire_call(&client, SPH_OP_APP_QUOTA, &asked, &quota);
    assert_int_equal(quota.used_bytes, 5);
    for (int i = 0; i < 2; i++) { /* the second time it is gone already: no matter */
        wire_call(&client, SPH_OP_APP_DELETE, &asked, &deleted);
        assert_false(deleted.restarting_system);
        assert_int_equal(app_of(&client, 1).state, SPH_APP_NOT_PRESENT);
    }
    wire_refused(&client, SPH_OP_APP_QUOTA, &asked, 14680076,
                 "no application with component id 00000000-1111-2222-3333-000000000001 is "
                 "installed");
    wire_disconnect(&client);
}

/* Behind the end, with processes that are not known, and with none that can be read. */
static void check_odd_pages(struct wire_client *client, uint32_t total) {
    struct sph_msg_pages asked = {.component = fixture_component(1), .first = total + 100};
    struct sph_msg_pages_reply pages;
    wire_call(client, SPH_OP_PAGES, &asked, &pages);
    assert_int_equal(pages.mappings.count, 0);
    assert_in_range(pages.total_mappings, total - 8, total + 8); /* it is the test's own map */
    fake_lifecycle.pages_cut = true;
    wire_call(client, SPH_OP_PAGES, &asked, &pages);
    assert_false(pages.exact);
    fake_lifecycle.pages_cut = false;
    fake_lifecycle.pages_error = -ENOMEM;
    wire_refused(client, SPH_OP_PAGES, &asked, 12, "no pages");
    fake_lifecycle.pages_error = 0;
}

static void test_memory_and_pages(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    struct sph_msg_memory_reply memory;
    struct sph_msg_app_memory app;
    wire_connect(fixture, &client);
    install(&client, &(struct fixture_package){.component = 1});
    wire_call(&client, SPH_OP_MEMORY, NULL, &memory);
    assert_int_equal(memory.user_bytes, 36864);
    assert_int_equal(memory.peak_user_bytes, 40960);
    assert_int_equal(memory.total_bytes, 65536);
    assert_int_equal(memory.limit_bytes, 262144);
    assert_int_equal(memory.checks, 5);
    assert_int_equal(memory.events, 17);
    assert_true(memory.user_exact && sph_slice_is(memory.user_how, "kmem:rss_stat"));
    struct sph_list_iter iter = sph_list_iter(&memory.apps);
    assert_true(sph_list_next(&iter, &app));
    assert_int_equal(sph_slice_u32_count(app.pids), 3);
    assert_int_equal(app.total_bytes, 65536);
    assert_int_equal(app.kernel_bytes, 28672);
    assert_true(app.kernel_exact);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(sph_slice_u32(app.pids, i), 4242 + i);
    assert_false(sph_list_next(&iter, &app));
    struct sph_msg_pages asked = {.component = fixture_component(1)};
    /* As many requests as the maps are long: each row once, of each process as many. */
    uint32_t seen = 0, total = 1, replies = 0, of[8] = {0};
    for (; seen < total; asked.first = seen) {
        struct sph_msg_pages_reply pages;
        struct sph_msg_mapping row;
        wire_call(&client, SPH_OP_PAGES, &asked, &pages);
        assert_true(pages.mappings.count > 0 && pages.exact);
        seen += (uint32_t)pages.mappings.count;
        total = pages.total_mappings;
        iter = sph_list_iter(&pages.mappings);
        while (sph_list_next(&iter, &row)) {
            assert_in_range(row.pid, 4242, 4249);
            of[row.pid - 4242]++;
        }
        replies++;
    }
    assert_int_equal(seen, total);
    assert_true(replies > 1);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(of); i++) /* it is the test's own map, and may grow */
        assert_in_range(of[i], total / 8 - 1, total / 8 + 1);
    check_odd_pages(&client, total);
    asked.component = fixture_component(9);
    wire_refused(&client, SPH_OP_PAGES, &asked, 14680076,
                 "no application with component id 00000000-1111-2222-3333-000000000009 is "
                 "installed");
    struct sph_msg_app_control stop = control(1, SPH_TRIGGER_STOP);
    wire_call(&client, SPH_OP_APP_CONTROL, &stop, NULL);
    asked.component = fixture_component(1);
    wire_refused(&client, SPH_OP_PAGES, &asked, 1048589,
                 "application 00000000-1111-2222-3333-000000000001 does not run: it has no pages");
    wire_disconnect(&client);
}

/* Reads from a cursor on; the text is checked by its end. */
static uint64_t read_log(struct wire_client *client, const struct sph_msg_log *asked,
                         const char *expected_end) {
    struct sph_msg_log_reply reply;
    wire_call(client, SPH_OP_LOG_READ, asked, &reply);
    size_t len = strlen(expected_end);
    assert_true(reply.data.len >= len);
    if (len)
        assert_memory_equal((const char *)reply.data.data + reply.data.len - len, expected_end,
                            len);
    else
        assert_int_equal(reply.data.len, 0);
    return reply.cursor;
}

static void test_log(void **state) {
    struct wire_fixture *fixture = *state;
    struct sph_logring *log = fixture->device.log;
    struct sph_guid app = fixture_component(1), unknown = fixture_component(9);
    struct wire_client client;
    wire_connect(fixture, &client);
    install(&client, &(struct fixture_package){.component = 1});
    uint64_t cursor =
        read_log(&client, &(struct sph_msg_log){.cursor = 0}, " device: installed app=App 1\n");
    sph_logring_append(log, &app, SPH_LOG_STDERR, "hello", 5);
    cursor = read_log(&client, &(struct sph_msg_log){.cursor = cursor}, "Z App 1: hello\n");
    cursor = read_log(&client, &(struct sph_msg_log){.cursor = cursor}, "");
    cursor = read_log(&client, &(struct sph_msg_log){.cursor = cursor, .wait_ms = 60}, "");
    uint32_t id = wire_request(&client, SPH_OP_LOG_READ,
                               &(struct sph_msg_log){.cursor = cursor, .wait_ms = 5000});
    wire_call(&client, SPH_OP_STATUS, NULL, NULL); /* a waiting reader delays nobody */
    sph_logring_append(log, &unknown, SPH_LOG_STDOUT, "late", 4);
    struct sph_msg_log_reply reply;
    wire_expect(&client, SPH_OP_LOG_READ, id, &reply);
    assert_int_equal(reply.cursor, cursor + 5);
    assert_non_null(strstr(reply.data.data, "Z 00000000-1111-2222-3333-000000000009: late\n"));
    (void)read_log(&client, &(struct sph_msg_log){.cursor = 1u << 30}, ": late\n"); /* other boot */
    for (int i = 0; i < 500; i++)
        sph_logring_append(log, &app, SPH_LOG_STDOUT, "0123456789012345678901234567890123456789",
                           40);
    uint64_t bytes = 0, lost = 0, at = cursor;
    do { /* in small pieces: every line once, what is gone is counted */
        struct sph_msg_log asked = {.cursor = at, .max_bytes = 700};
        wire_call(&client, SPH_OP_LOG_READ, &asked, &reply);
        bytes += reply.cursor - at;
        at = reply.cursor;
        lost += reply.lost_bytes;
        assert_true(reply.data.len <= 700);
    } while (reply.data.len);
    assert_int_equal(bytes, 5 + 500 * 41);
    assert_true(lost > 0);
    wire_disconnect(&client);
}

static void test_waiting_answers_bounded(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    struct sph_msg_log asked = {.wait_ms = 60000};
    wire_connect(fixture, &client);
    asked.cursor = sph_logring_end(fixture->device.log);
    for (int i = 0; i < SPH_CONNECTION_TICKETS; i++)
        (void)wire_request(&client, SPH_OP_LOG_READ, &asked);
    wire_refused(&client, SPH_OP_LOG_READ, &asked, 10485765,
                 "16 requests of this connection wait for their answer already");
    wire_disconnect(&client);
}

static uint64_t add_report(struct sph_device *device, unsigned app, enum sph_end_why why) {
    sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
    uint64_t number;
    struct sph_msg_report report = {.id = sph_kill_store_next_number(device->kills),
                                    .component = fixture_component(app),
                                    .name = sph_slice_text("App"),
                                    .why = why,
                                    .user_bytes = 262144,
                                    .log = sph_slice_text("last line\n")};
    assert_int_equal(sph_codec_encode(&sph_msg_report_codec, &report, &bytes, NULL), 0);
    assert_int_equal(
        sph_kill_store_add(device->kills, &report.component, bytes.data, bytes.len, &number, NULL),
        0);
    return number;
}

static void test_kills(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    struct sph_msg_kills_reply list;
    struct sph_msg_report report;
    struct sph_msg_report_row row;
    struct sph_msg_count_reply count;
    wire_connect(fixture, &client);
    install(&client, &(struct fixture_package){.component = 1});
    assert_int_equal(app_of(&client, 1).last_report_id, 0);
    (void)add_report(&fixture->device, 1, SPH_END_CRASH);
    (void)add_report(&fixture->device, 2, SPH_END_EXIT);
    uint64_t number = add_report(&fixture->device, 1, SPH_END_RATION);
    assert_int_equal(app_of(&client, 1).last_report_id, number);
    assert_int_equal(app_of(&client, 1).last_why, SPH_END_RATION);
    wire_call(&client, SPH_OP_KILLS_LIST, NULL, &list);
    assert_int_equal(list.reports.count, 3);
    struct sph_msg_kills asked = {.component = fixture_component(2)};
    wire_call(&client, SPH_OP_KILLS_LIST, &asked, &list);
    struct sph_list_iter iter = sph_list_iter(&list.reports);
    assert_true(sph_list_next(&iter, &row));
    assert_int_equal(row.id, 2);
    assert_int_equal(row.why, SPH_END_EXIT);
    assert_true(sph_slice_is(row.name, "App"));
    assert_int_equal(list.reports.count, 1);
    wire_call(&client, SPH_OP_KILL_GET, &(struct sph_msg_report_id){.id = number}, &report);
    assert_int_equal(report.user_bytes, 262144);
    assert_true(sph_slice_is(report.log, "last line\n"));
    wire_refused(&client, SPH_OP_KILL_GET, &(struct sph_msg_report_id){.id = 99}, ENOENT,
                 "there is no kill report 99");
    wire_call(&client, SPH_OP_KILLS_CLEAR, &asked, &count);
    assert_int_equal(count.count, 1);
    wire_call(&client, SPH_OP_KILLS_CLEAR, NULL, &count);
    assert_int_equal(count.count, 2);
    wire_disconnect(&client);
}

static void test_trust(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    struct sph_msg_trust_list_reply list;
    const struct sph_trust_record *record = &sph_trust_sdk_development;
    struct sph_msg_trust add = {.thumbprint = sph_slice(record->thumbprint, 20),
                                .point = sph_slice(record->point, 65),
                                .name = sph_slice_text(record->name)};
    struct sph_msg_trust_remove remove = {.thumbprint = add.thumbprint};
    wire_connect(fixture, &client);
    wire_call(&client, SPH_OP_TRUST_ADD, &add, NULL);
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_trust_store_add(fixture->device.trust, record, &err), SPH_TRUST_E_EXISTS);
    wire_refused(&client, SPH_OP_TRUST_ADD, &add, EEXIST, err.text);
    wire_call(&client, SPH_OP_TRUST_LIST, NULL, &list);
    assert_int_equal(list.entries.count, 2);
    wire_call(&client, SPH_OP_TRUST_REMOVE, &remove, NULL);
    assert_int_equal(sph_trust_store_remove(fixture->device.trust, record->thumbprint, &err),
                     SPH_TRUST_E_ABSENT);
    wire_refused(&client, SPH_OP_TRUST_REMOVE, &remove, ENOENT, err.text);
    add.point.len = 64;
    wire_refused(&client, SPH_OP_TRUST_ADD, &add, EINVAL, "a public key has 65 bytes, not 64");
    remove.thumbprint.len = 3;
    wire_refused(&client, SPH_OP_TRUST_REMOVE, &remove, EINVAL, "a thumbprint has 20 bytes, not 3");
    wire_disconnect(&client);
}

static void test_gpio(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    struct sph_msg_gpio pin;
    struct sph_msg_gpio_list_reply list;
    struct sph_err err = SPH_ERR_NULL;
    struct sph_gpio_pin ignored;
    wire_connect(fixture, &client);
    wire_call(&client, SPH_OP_GPIO_LIST, NULL, &list);
    assert_int_equal(list.pins.count, 0);
    wire_call(&client, SPH_OP_GPIO_SET, &(struct sph_msg_gpio_set){.pin = 12, .value = 0}, &pin);
    assert_int_equal(pin.pin, 12);
    assert_int_equal(pin.value, 0);
    wire_call(&client, SPH_OP_GPIO_GET, &(struct sph_msg_gpio_pin){.pin = 12}, &pin);
    assert_int_equal(pin.value, 0);
    assert_int_equal(pin.use, SPH_GPIO_FREE);
    wire_call(&client, SPH_OP_GPIO_GET, &(struct sph_msg_gpio_pin){.pin = 13}, &pin);
    assert_int_equal(pin.value, 1); /* nobody has set it */
    wire_call(&client, SPH_OP_GPIO_LIST, NULL, &list);
    assert_int_equal(list.pins.count, 1);
    wire_refused(&client, SPH_OP_GPIO_SET, &(struct sph_msg_gpio_set){.pin = 1, .value = 2}, EINVAL,
                 "a pin is 0 or 1, not 2");
    assert_int_equal(sph_gpio_get(fixture->device.gpio, 76, &ignored, &err), -ENODEV);
    wire_refused(&client, SPH_OP_GPIO_GET, &(struct sph_msg_gpio_pin){.pin = 76}, ENODEV, err.text);
    wire_disconnect(&client);
}

static void test_end(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    struct sph_msg_log asked = {.wait_ms = 60000};
    struct sph_msg_log_reply log;
    wire_connect(fixture, &client);
    asked.cursor = sph_logring_end(fixture->device.log);
    uint32_t id = wire_request(&client, SPH_OP_LOG_READ, &asked);
    sph_log_waits_end(&fixture->device); /* nobody is left without an answer */
    wire_expect(&client, SPH_OP_LOG_READ, id, &log);
    assert_int_equal(log.data.len, 0);
    wire_call(&client, SPH_OP_RESTART, NULL, NULL);
    assert_true(fixture->ended && fixture->restarts);
    wire_call(&client, SPH_OP_SHUTDOWN, NULL, NULL);
    assert_false(fixture->restarts);
    wire_disconnect(&client);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, wire_make, wire_clean)
    const struct CMUnitTest tests[] = {
        TEST(test_status),
        TEST(test_install_runs),
        TEST(test_install_waits),
        TEST(test_client_leaves),
        TEST(test_start_fails),
        TEST(test_refused_update),
        TEST(test_control),
        TEST(test_control_of_debugging),
        TEST(test_quota_and_delete),
        TEST(test_memory_and_pages),
        TEST(test_log),
        TEST(test_waiting_answers_bounded),
        TEST(test_kills),
        TEST(test_trust),
        TEST(test_gpio),
        TEST(test_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
