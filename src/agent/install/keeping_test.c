/* What the device keeps in small files: kill reports, user ids, mutable storage, trusted signers.
 * Every change with every disk call failing once, and with the disk dead from that call on, then
 * read again as at a start. */
#include "agent/device/device_fixture_test.h"

#include <errno.h>
#include <sys/stat.h>

#include "agent/store/disk_faults_test.h"

static const struct sph_guid apps[] = {{{1}}, {{2}}, {{3}}};

static int make(void **state) {
    disk_faults_set(0, false);
    return sph_scratch_make(state);
}

static void add_report(struct sph_kill_store *store, unsigned app, char fill, size_t len,
                       uint64_t *ret_number) {
    static char report[SPH_KILL_STORE_ONE_BYTES];
    struct sph_err err = SPH_ERR_NULL;
    memset(report, fill, len);
    if (sph_kill_store_add(store, &apps[app], report, len, ret_number, &err) < 0)
        fail_msg("%s", err.text);
}

static size_t count_reports(const struct sph_kill_store *store, const struct sph_guid *component) {
    struct sph_kill_entry entry;
    size_t count = 0;
    for (uint64_t cursor = 0; sph_kill_store_next(store, component, &cursor, &entry); count++)
        assert_int_equal(entry.number, cursor);
    return count;
}

static void test_kills(void **state) {
    const struct sph_scratch *scratch = *state;
    struct sph_kill_store *store = NULL;
    struct sph_err err = SPH_ERR_NULL;
    uint64_t number;
    size_t cleared;
    assert_int_equal(sph_kill_store_new(scratch->fd, &store, NULL), 0);
    assert_int_equal(sph_kill_store_next_number(store), 1);
    for (unsigned i = 0; i < 6; i++) {
        add_report(store, i % 2, (char)('a' + i), 10 + i, &number);
        assert_int_equal(number, i + 1);
    }
    sph_kill_store_free(store);
    assert_int_equal(sph_kill_store_new(scratch->fd, &store, NULL), 0); /* as after a restart */
    assert_int_equal(count_reports(store, NULL), 6);
    assert_int_equal(count_reports(store, &apps[1]), 3);
    sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
    assert_int_equal(sph_kill_store_get(store, 3, &bytes, NULL), 0);
    assert_string_equal(bytes.data, "cccccccccccc");
    assert_int_equal(sph_kill_store_get(store, 7, &bytes, &err), -ENOENT);
    assert_err(&err, -ENOENT, "there is no kill report 7");
    assert_int_equal(sph_kill_store_clear(store, &apps[1], &cleared, NULL), 0);
    assert_int_equal(cleared, 3);
    assert_int_equal(count_reports(store, NULL), 3);
    assert_int_equal(sph_kill_store_clear(store, NULL, &cleared, NULL), 0);
    assert_int_equal(cleared, 3);
    sph_kill_store_free(store);
    assert_int_equal(sph_kill_store_new(scratch->fd, &store, NULL), 0);
    assert_int_equal(count_reports(store, NULL), 0);
    add_report(store, 0, 'x', 0, &number);
    assert_int_equal(number, 7); /* never used twice */
    sph_kill_store_free(store);
}

static void test_kills_bounded(void **state) {
    const struct sph_scratch *scratch = *state;
    static const struct {
        size_t bytes;
        unsigned added;
        size_t kept;
    } rows[] = {
        {100, SPH_KILL_STORE_COUNT + 10, SPH_KILL_STORE_COUNT},
        {SPH_KILL_STORE_ONE_BYTES, 20, SPH_KILL_STORE_BYTES / SPH_KILL_STORE_ONE_BYTES},
    };
    struct sph_err err = SPH_ERR_NULL;
    static char report[SPH_KILL_STORE_ONE_BYTES + 1];
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_kill_store *store = NULL;
        uint64_t number;
        assert_int_equal(sph_kill_store_new(scratch->fd, &store, NULL), 0);
        assert_int_equal(sph_kill_store_clear(store, NULL, NULL, NULL), 0);
        for (unsigned n = 0; n < rows[i].added; n++)
            add_report(store, 0, 'r', rows[i].bytes, &number);
        assert_int_equal(count_reports(store, NULL), rows[i].kept);
        assert_int_equal(sph_kill_store_dropped(store), rows[i].added - rows[i].kept);
        sph_kill_store_free(store);
        assert_int_equal(sph_kill_store_new(scratch->fd, &store, NULL), 0);
        assert_int_equal(count_reports(store, NULL), rows[i].kept);
        assert_int_equal(sph_kill_store_dropped(store), rows[i].added - rows[i].kept);
        assert_int_equal(sph_kill_store_add(store, &apps[0], report, sizeof(report), &number, &err),
                         -E2BIG);
        assert_err(&err, -E2BIG, "a kill report of 65537 bytes is larger than 65536");
        sph_kill_store_free(store);
    }
}

/* Whatever fails: the older reports stay, the new one is there or not, and numbers go on. */
static void test_kills_faults(void **state) {
    const struct sph_scratch *scratch = *state;
    for (int dead = 0; dead < 2; dead++) {
        bool failed = true;
        for (unsigned nth = 1; failed; nth++) {
            struct sph_kill_store *store = NULL;
            uint64_t number, first;
            assert_int_equal(sph_kill_store_new(scratch->fd, &store, NULL), 0);
            assert_int_equal(sph_kill_store_clear(store, NULL, NULL, NULL), 0);
            add_report(store, 0, 'a', 50, &first);
            disk_faults_set(nth, dead);
            failed = sph_kill_store_add(store, &apps[1], "bb", 2, &number, NULL) < 0;
            if (!failed)
                failed = sph_kill_store_clear(store, &apps[1], NULL, NULL) < 0;
            disk_faults_set(0, false);
            sph_kill_store_free(store);
            assert_int_equal(sph_kill_store_new(scratch->fd, &store, NULL), 0);
            assert_int_equal(count_reports(store, &apps[0]), 1);
            assert_true(count_reports(store, &apps[1]) <= 1);
            sph_autobuf struct sph_buf bytes = SPH_BUF_NULL;
            assert_int_equal(sph_kill_store_get(store, first, &bytes, NULL), 0);
            assert_int_equal(bytes.len, 50);
            add_report(store, 2, 'c', 3, &number);
            assert_true(number > first);
            sph_kill_store_free(store);
        }
    }
}

static void test_kills_foreign(void **state) {
    const struct sph_scratch *scratch = *state;
    static const char *const names[] = {"kills/1", "kills/.spherule-new-x", "kills/x", "kills/007"};
    struct sph_kill_store *store = NULL;
    struct sph_err err = SPH_ERR_NULL;
    assert_int_equal(sph_dir_make(scratch->fd, "kills/2", 0700, NULL), 0);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(names);
         i++) /* too short to be reports, or not named so */
        assert_int_equal(sph_file_replace(scratch->fd, names[i], "short", 5, 0600, NULL), 0);
    assert_int_equal(sph_kill_store_new(scratch->fd, &store, NULL), 0);
    assert_int_equal(count_reports(store, NULL), 0);
    sph_kill_store_free(store);
    assert_int_equal(sph_file_replace(scratch->fd, "kills/counters", "7", 1, 0600, NULL), 0);
    assert_int_equal(sph_kill_store_new(scratch->fd, &store, &err), -EBADMSG);
    assert_err(&err, -EBADMSG, "state/kills/counters does not hold two numbers");
}

static void test_uids(void **state) {
    const struct sph_scratch *scratch = *state;
    struct sph_uidmap *map = NULL;
    struct sph_err err = SPH_ERR_NULL;
    uid_t uid, again;
    assert_int_equal(sph_uidmap_new(scratch->fd, 0x99991234, &map, NULL), 0);
    for (unsigned i = 0; i < SPH_UIDMAP_MAX; i++) {
        struct sph_guid guid = {{(uint8_t)i, 1}};
        assert_int_equal(sph_uidmap_get(map, &guid, &uid, NULL), 0);
        assert_int_equal(uid, 0x70123400 | i);
    }
    assert_int_equal(sph_uidmap_get(map, &(struct sph_guid){{0, 2}}, &uid, &err), -ENOSPC);
    assert_err(&err, -ENOSPC, "all 256 user ids of this device are in use");
    assert_int_equal(sph_uidmap_forget(map, &(struct sph_guid){{7, 1}}, NULL), 0);
    assert_int_equal(sph_uidmap_forget(map, &(struct sph_guid){{7, 1}}, NULL), 0);
    sph_uidmap_free(map);
    assert_int_equal(sph_uidmap_new(scratch->fd, 0x99991234, &map, NULL), 0);
    assert_int_equal(sph_uidmap_get(map, &(struct sph_guid){{200, 1}}, &again, NULL), 0);
    assert_int_equal(again, 0x70123400 | 200);
    assert_int_equal(sph_uidmap_get(map, &(struct sph_guid){{0, 2}}, &uid, NULL), 0);
    assert_int_equal(uid, 0x70123400 | 7); /* the one that was given back */
    sph_uidmap_free(map);
}

static void test_uids_faults(void **state) {
    const struct sph_scratch *scratch = *state;
    for (int dead = 0; dead < 2; dead++) {
        bool failed = true;
        for (unsigned nth = 1; failed; nth++) {
            struct sph_uidmap *map = NULL;
            uid_t first, second, again;
            assert_int_equal(sph_uidmap_new(scratch->fd, 1, &map, NULL), 0);
            assert_int_equal(sph_uidmap_get(map, &apps[0], &first, NULL), 0);
            disk_faults_set(nth, dead);
            failed = sph_uidmap_get(map, &apps[1], &second, NULL) < 0 ||
                     sph_uidmap_forget(map, &apps[1], NULL) < 0;
            disk_faults_set(0, false);
            sph_uidmap_free(map);
            assert_int_equal(sph_uidmap_new(scratch->fd, 1, &map, NULL), 0);
            assert_int_equal(sph_uidmap_get(map, &apps[0], &again, NULL), 0);
            assert_int_equal(again, first);
            assert_int_equal(sph_uidmap_forget(map, &apps[1], NULL), 0);
            sph_uidmap_free(map);
        }
    }
}

static void test_uids_damaged(void **state) {
    const struct sph_scratch *scratch = *state;
    static const struct {
        const char *text, *sentence;
    } rows[] = {
        {"12345678-9abc-def0-1122-334455667788 0\nx 1\n",
         "line 2 of state/uidmap is not a component id and a number"},
        {"12345678-9abc-def0-1122-334455667788 256\n",
         "line 1 of state/uidmap is not a component id and a number"},
        {"12345678-9abc-def0-1122-334455667788\n",
         "line 1 of state/uidmap is not a component id and a number"},
        {"12345678-9abc-def0-1122-334455667788 3\n12345678-9abc-def0-1122-334455667789 3\n",
         "line 2 of state/uidmap is not a component id and a number"},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_uidmap *map = NULL;
        struct sph_err err = SPH_ERR_NULL;
        assert_int_equal(
            sph_file_replace(scratch->fd, "uidmap", rows[i].text, strlen(rows[i].text), 0600, NULL),
            0);
        assert_int_equal(sph_uidmap_new(scratch->fd, 1, &map, &err), -EBADMSG);
        assert_err(&err, -EBADMSG, rows[i].sentence);
    }
}

static void test_storage(void **state) {
    const struct sph_scratch *scratch = *state;
    struct sph_storage *storage = NULL;
    struct sph_err err = SPH_ERR_NULL;
    uint64_t bytes = 1;
    struct stat info;
    assert_int_equal(sph_storage_new(scratch->fd, &storage, NULL), 0);
    assert_int_equal(sph_storage_usage(storage, &apps[0], &bytes, NULL), 0);
    assert_int_equal(bytes, 0);
    assert_int_equal(sph_storage_delete(storage, &apps[0], &err), -ENOENT);
    assert_err(&err, -ENOENT, "00000001-0000-0000-0000-000000000000 has no mutable file");
    uid_t uid = geteuid() == 0 ? 0x70123401 : geteuid();
    int fd = sph_storage_open(storage, &apps[0], uid, NULL);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "kept", 4), 4);
    assert_int_equal(fstat(fd, &info), 0);
    assert_int_equal(info.st_uid, uid);
    assert_int_equal(info.st_mode & 0777, 0600);
    (void)close(fd);
    fd = sph_storage_open(storage, &apps[0], uid, NULL);
    char kept[4];
    assert_int_equal(read(fd, kept, 4), 4);
    assert_memory_equal(kept, "kept", 4);
    (void)close(fd);
    assert_int_equal(sph_storage_usage(storage, &apps[0], &bytes, NULL), 0);
    assert_int_equal(bytes, 4);
    assert_int_equal(sph_storage_delete(storage, &apps[0], NULL), 0);
    assert_int_equal(sph_storage_usage(storage, &apps[0], &bytes, NULL), 0);
    assert_int_equal(bytes, 0);
    assert_int_equal(sph_storage_forget(storage, &apps[0], NULL), 0);
    assert_int_equal(sph_storage_forget(storage, &apps[0], NULL), 0);
    sph_storage_free(storage);
}

static void test_trust_faults(void **state) {
    const struct sph_scratch *scratch = *state;
    struct sph_trust_record record = sph_trust_sdk_development, second = record;
    second.thumbprint[0] ^= 1;
    for (int dead = 0; dead < 2; dead++) {
        bool failed = true;
        for (unsigned nth = 1; failed; nth++) {
            struct sph_trust_store *store = NULL;
            assert_int_equal(sph_tree_remove(scratch->fd, "trust", NULL), 0);
            assert_int_equal(sph_trust_store_new(scratch->fd, &store, NULL), 0);
            assert_int_equal(sph_trust_store_add(store, &record, NULL), 0);
            disk_faults_set(nth, dead);
            int code = sph_trust_store_add(store, &second, NULL);
            disk_faults_set(0, false);
            failed = code != 0;
            assert_int_equal(code, failed ? -EIO : 0);
            assert_int_equal(sph_trust_store_get(store)->count, failed ? 1 : 2);
            sph_trust_store_free(store);
            assert_int_equal(sph_trust_store_new(scratch->fd, &store, NULL), 0);
            assert_non_null(sph_trust_find(sph_trust_store_get(store), record.thumbprint));
            sph_trust_store_free(store);
        }
    }
}

static void test_trust_conditions(void **state) {
    const struct sph_scratch *scratch = *state;
    struct sph_trust_store *store = NULL;
    struct sph_err err = SPH_ERR_NULL;
    const struct sph_trust_record *record = &sph_trust_sdk_development;
    assert_int_equal(sph_trust_store_new(scratch->fd, &store, NULL), 0);
    assert_int_equal(sph_trust_store_remove(store, record->thumbprint, &err), SPH_TRUST_E_ABSENT);
    assert_int_equal(sph_trust_store_add(store, record, NULL), 0);
    assert_int_equal(sph_trust_store_add(store, record, &err), SPH_TRUST_E_EXISTS);
    assert_int_equal(sph_trust_store_remove(store, record->thumbprint, NULL), 0);
    assert_int_equal(sph_trust_store_get(store)->count, 0);
    sph_trust_store_free(store);
    assert_int_equal(sph_file_replace(scratch->fd, "trust", "rubbish", 7, 0600, NULL), 0);
    assert_int_equal(sph_trust_store_new(scratch->fd, &store, &err), -EBADMSG);
    assert_err(&err, -EBADMSG, "state/trust: the trust store is no trust store");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, sph_scratch_remove)
    const struct CMUnitTest tests[] = {
        TEST(test_kills),        TEST(test_kills_bounded),
        TEST(test_kills_faults), TEST(test_kills_foreign),
        TEST(test_uids),         TEST(test_uids_faults),
        TEST(test_uids_damaged), TEST(test_storage),
        TEST(test_trust_faults), TEST(test_trust_conditions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
