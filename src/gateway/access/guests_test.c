/* Guests in made-up time: who has to go, and who must not. */
#include "base/testing.h"

#include <string.h>

#include "gateway/access/guests.h"

static bool is_gone[2 * SPH_GUESTS_MAX]; /* by descriptor */

static void drop(int fd) {
    assert_false(is_gone[fd]); /* nobody is told twice */
    is_gone[fd] = true;
}

static int start(void **state) {
    static struct sph_guests guests;
    guests = (struct sph_guests){.drop = drop};
    memset(is_gone, 0, sizeof(is_gone));
    *state = &guests;
    return 0;
}

static int stop(void **state) {
    struct sph_guests *guests = *state;
    while (guests->first)
        sph_guests_remove(guests, guests->first);
    assert_int_equal(guests->count, 0);
    return 0;
}

static unsigned gone(void) {
    unsigned count = 0;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(is_gone); i++)
        count += is_gone[i];
    return count;
}

static void nobody_needs_no_time(void **state) {
    assert_int_equal(sph_guests_hurry(*state, 5), 0);
    sph_guests_remove(*state, NULL);
    sph_guest_let_in(NULL);
    sph_guest_took(NULL, 1);
    sph_guest_pause(NULL, 1);
    sph_guest_resume(NULL, 1);
    sph_guest_sends(NULL, 1, 1);
    sph_guest_waits(NULL, 1);
}

static void newcomers_are_counted(void **state) {
    struct sph_guests *guests = *state;
    struct sph_guest *a = sph_guests_add(guests, 1, 0), *b = sph_guests_add(guests, 2, 0);
    assert_int_equal(guests->newcomers, 2);
    sph_guest_asks(guests, a);
    sph_guest_asks(guests, a);
    assert_int_equal(guests->newcomers, 1);
    sph_guests_remove(guests, a);
    assert_int_equal(guests->newcomers, 1);
    sph_guests_remove(guests, b);
    assert_int_equal(guests->newcomers, 0);
}

/* A byte now and then is no reason to wait longer. */
static void a_request_has_thirty_seconds(void **state) {
    struct sph_guests *guests = *state;
    struct sph_guest *guest = sph_guests_add(guests, 1, 1000);
    assert_int_equal(sph_guests_hurry(guests, 1000), 30000);
    for (unsigned i = 0; i < 300; i++)
        sph_guest_took(guest, 1);
    assert_int_equal(sph_guests_hurry(guests, 30999), 1);
    assert_false(is_gone[1]);
    assert_int_equal(sph_guests_hurry(guests, 31000), 0);
    assert_true(is_gone[1]);
    assert_int_equal(sph_guests_hurry(guests, 99000), 0);
}

static void bytes_that_come_give_time(void **state) {
    struct sph_guests *guests = *state;
    struct sph_guest *guest = sph_guests_add(guests, 1, 0);
    sph_guest_took(guest, 4194304);
    assert_int_equal(sph_guests_hurry(guests, 0), 30000 + 256000);
    sph_guest_took(guest, 8192);
    assert_int_equal(sph_guests_hurry(guests, 0), 30000 + 256500);
}

static void no_time_passes_while_we_are_waited_for(void **state) {
    struct sph_guests *guests = *state;
    struct sph_guest *guest = sph_guests_add(guests, 1, 0);
    sph_guest_pause(guest, 10000);
    sph_guest_pause(guest, 20000); /* it is already */
    assert_int_equal(sph_guests_hurry(guests, 900000), 0);
    assert_int_equal(gone(), 0);
    sph_guest_resume(guest, 900000);
    sph_guest_resume(guest, 950000);
    assert_int_equal(sph_guests_hurry(guests, 900000), 20000);
    sph_guest_pause(guest, 999999); /* too late: nothing is left */
    sph_guest_resume(guest, 1000000);
    assert_int_equal(sph_guests_hurry(guests, 1000000), 0);
    assert_true(is_gone[1]);
}

static void an_answer_has_time_for_its_length(void **state) {
    struct sph_guests *guests = *state;
    struct sph_guest *guest = sph_guests_add(guests, 1, 0);
    sph_guest_sends(guest, 163840, 5000);
    assert_int_equal(sph_guests_hurry(guests, 5000), 40000);
    sph_guest_sends(guest, UINT64_MAX, 5000); /* a stream */
    sph_guest_took(guest, 1000);
    sph_guest_pause(guest, 6000);
    sph_guest_resume(guest, 7000);
    assert_int_equal(sph_guests_hurry(guests, UINT64_MAX - 1), 0);
    assert_int_equal(gone(), 0);
    sph_guest_waits(guest, 8000);
    assert_int_equal(sph_guests_hurry(guests, 8000), 30000);
}

static void with_room_left_nobody_is_hurried(void **state) {
    struct sph_guests *guests = *state;
    for (int i = 0; i < SPH_GUESTS_MAX - 1; i++)
        assert_non_null(sph_guests_add(guests, i, 0));
    assert_int_equal(sph_guests_hurry(guests, 29000), 1000);
    assert_int_equal(gone(), 0);
}

static void in_a_full_room_strangers_go_first(void **state) {
    struct sph_guests *guests = *state;
    struct sph_guest *all[SPH_GUESTS_MAX];
    for (int i = 0; i < SPH_GUESTS_MAX; i++)
        all[i] = sph_guests_add(guests, i, i < 32 ? 0 : 100);
    sph_guest_let_in(all[0]);
    sph_guest_let_in(all[1]);
    sph_guest_sends(all[1], 32, 0);
    sph_guest_let_in(all[2]);
    sph_guest_pause(all[2], 0);
    sph_guest_pause(all[3], 0);
    assert_int_equal(sph_guests_hurry(guests, 249), SPH_GUESTS_GRACE_MS / 5);
    assert_int_equal(gone(), 0);
    (void)sph_guests_hurry(guests, 250);
    assert_int_equal(gone(), 28); /* 32 without the four above */
    (void)sph_guests_hurry(guests, 350);
    assert_int_equal(gone(), SPH_GUESTS_MAX - 4);
    (void)sph_guests_hurry(guests, 999);
    assert_int_equal(gone(), SPH_GUESTS_MAX - 4);
    (void)sph_guests_hurry(guests, 1000); /* the library has not noticed any of them yet */
    assert_int_equal(gone(), SPH_GUESTS_MAX - 3);
    assert_true(is_gone[0]);
    assert_false(is_gone[1] || is_gone[2] || is_gone[3]);
    (void)sph_guests_hurry(guests, 1001); /* it has not taken its answer */
    assert_true(is_gone[1]);
    (void)sph_guests_hurry(guests, 29000);
    assert_int_equal(gone(), SPH_GUESTS_MAX - 2);
}

/* Of those that were let in, the one that has been silent longest, and one at a time. */
static void in_a_room_of_acquaintances_the_most_silent_goes(void **state) {
    struct sph_guests *guests = *state;
    struct sph_guest *all[SPH_GUESTS_MAX];
    for (int i = 0; i < SPH_GUESTS_MAX; i++) {
        all[i] = sph_guests_add(guests, i, i == 1 ? 0 : 5);
        sph_guest_let_in(all[i]);
    }
    sph_guest_waits(all[0], 500); /* has just been answered */
    (void)sph_guests_hurry(guests, 999);
    assert_int_equal(gone(), 0);
    (void)sph_guests_hurry(guests, 1000);
    assert_int_equal(gone(), 1);
    assert_true(is_gone[1]);
    sph_guests_remove(guests, all[1]);
    (void)sph_guests_hurry(guests, 29000);
    assert_int_equal(gone(), 1);
    sph_guest_let_in(sph_guests_add(guests, 200, 29000));
    sph_guest_took(all[2], UINT64_C(28) * 16384); /* at a good rate */
    (void)sph_guests_hurry(guests, 29000);
    assert_int_equal(gone(), 2);
    assert_false(is_gone[0] || is_gone[2] || is_gone[200]);
}

/* Who sends its first request at a good rate is none of those that keep others waiting; nor is one
 * that waited for us. */
static void strangers_at_work_are_left_alone(void **state) {
    struct sph_guests *guests = *state;
    struct sph_guest *all[SPH_GUESTS_MAX];
    for (int i = 0; i < SPH_GUESTS_MAX; i++)
        all[i] = sph_guests_add(guests, i, 0);
    sph_guest_took(all[0], 16384);
    sph_guest_took(all[1], 16);
    sph_guest_pause(all[2], 100);
    sph_guest_resume(all[2], 250);
    (void)sph_guests_hurry(guests, 251);
    assert_int_equal(gone(), SPH_GUESTS_MAX - 2);
    assert_false(is_gone[0] || is_gone[2]);
    (void)sph_guests_hurry(guests, 400);
    assert_true(is_gone[2] && !is_gone[0]);
    (void)sph_guests_hurry(guests, 1250);
    assert_true(is_gone[0]);
}

/* Whose time is over makes the room; the others are left alone then. */
static void deadlines_make_room_too(void **state) {
    struct sph_guests *guests = *state;
    for (int i = 0; i < SPH_GUESTS_MAX; i++)
        assert_non_null(sph_guests_add(guests, i, i == 5 ? 0 : 29000));
    assert_int_equal(sph_guests_hurry(guests, 30000), 29000);
    assert_int_equal(gone(), 1);
    assert_true(is_gone[5]);
}

int main(void) {
#define GUESTS_TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)
    const struct CMUnitTest tests[] = {
        GUESTS_TEST(nobody_needs_no_time),
        GUESTS_TEST(newcomers_are_counted),
        GUESTS_TEST(a_request_has_thirty_seconds),
        GUESTS_TEST(bytes_that_come_give_time),
        GUESTS_TEST(no_time_passes_while_we_are_waited_for),
        GUESTS_TEST(an_answer_has_time_for_its_length),
        GUESTS_TEST(with_room_left_nobody_is_hurried),
        GUESTS_TEST(in_a_full_room_strangers_go_first),
        GUESTS_TEST(in_a_room_of_acquaintances_the_most_silent_goes),
        GUESTS_TEST(strangers_at_work_are_left_alone),
        GUESTS_TEST(deadlines_make_room_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
