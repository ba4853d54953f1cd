/* Who holds, when gates are told, and that nobody holds for ever; the clock is the test's. */
#include "agent/device/flow.h"

#include "base/testing.h"

static uint64_t now_ms;

uint64_t __wrap_sph_clock_monotonic_ms(void);
uint64_t __wrap_sph_clock_monotonic_ms(void) {
    return now_ms;
}

static struct sph_loop *loop;
static struct sph_flow flow;
static struct sph_flow_gate gates[2];
static unsigned resumed[2];

static void on_resume(void *context) {
    ++*(unsigned *)context;
}

static int make(void **state) {
    (void)state;
    now_ms = 1000;
    flow = (struct sph_flow){.is_held = false};
    for (int i = 0; i < 2; i++) {
        resumed[i] = 0;
        gates[i] = (struct sph_flow_gate){.resume = on_resume, .context = &resumed[i]};
        sph_flow_add(&flow, &gates[i]);
    }
    return sph_loop_new(&loop, NULL);
}

static int clean(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++)
        sph_flow_remove(&gates[i]);
    assert_null(flow.gates);
    assert_null(flow.listeners);
    assert_null(flow.timer);
    loop = sph_loop_free(loop);
    return 0;
}

static void join(struct sph_flow_listener *listener, uint64_t from) {
    *listener = (struct sph_flow_listener){
        .put = from, .taken = from, .window = 4, .patience = SPH_PATIENCE(1000)};
    assert_int_equal(sph_flow_join(&flow, loop, listener, NULL), 0);
}

/* Steps of one listener: what it is given and takes, and whether apps wait then. */
static void test_window(void **state) {
    (void)state;
    static const struct {
        uint64_t put, taken;
        bool is_held;
        unsigned resumed;
    } steps[] = {
        {103, 100, false, 0}, {104, 100, true, 0},  {105, 100, true, 0},
        {105, 101, true, 0},  {105, 102, false, 1}, {105, 101, false, 1}, /* old news */
        {106, 102, true, 1},  {106, 106, false, 2}, {106, 200, false, 2}, /* more than it had */
        {203, 200, false, 2}, {204, 200, true, 2},  {204, UINT64_MAX, false, 3},
        {999, 0, false, 3},
    };
    struct sph_flow_listener listener;
    join(&listener, 100);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(steps); i++) {
        sph_flow_put(&listener, steps[i].put);
        sph_flow_take(&listener, steps[i].taken);
        if (sph_flow_is_held(&flow) != steps[i].is_held || resumed[0] != steps[i].resumed)
            fail_msg("step %zu: held=%d resumed=%u", i, sph_flow_is_held(&flow), resumed[0]);
        assert_int_equal(resumed[1], resumed[0]);
        assert_int_equal(sph_flow_has_room(&listener), !steps[i].is_held);
    }
    sph_flow_leave(&listener);
    sph_flow_leave(&listener);
}

/* The slowest decides; who leaves does not hold. */
static void test_two_listeners(void **state) {
    (void)state;
    struct sph_flow_listener slow, quick;
    join(&slow, 0);
    join(&quick, 0);
    sph_flow_put(&slow, 4);
    sph_flow_put(&quick, 4);
    sph_flow_take(&quick, 4);
    assert_true(sph_flow_is_held(&flow));
    sph_flow_leave(&slow);
    assert_false(sph_flow_is_held(&flow));
    assert_int_equal(resumed[0], 1);
    sph_flow_put(&slow, 99); /* has left */
    assert_false(sph_flow_is_held(&flow));
    sph_flow_leave(&quick);
}

/* A second one that joins or gives news must not give the stuck one new time. */
static void test_stuck_listener(void **state) {
    (void)state;
    struct sph_flow_listener stuck, quick;
    join(&stuck, 0);
    sph_flow_put(&stuck, 5);
    now_ms += 500;
    join(&quick, 0);
    sph_flow_put(&quick, 3);
    now_ms += 499;
    sph_flow_take(&quick, 3);
    assert_true(sph_flow_is_held(&flow));
    now_ms += 1;
    for (int i = 0; i < 20 && sph_flow_is_held(&flow); i++)
        (void)sph_loop_step(loop, SPH_FLOW_LOOK_MS);
    assert_false(sph_flow_is_held(&flow));
    assert_int_equal(resumed[0], 1);
    sph_flow_take(&stuck, 1); /* it moves, but that is not enough */
    assert_false(sph_flow_is_held(&flow));
    sph_flow_put(&quick, 7); /* the other one is waited for all the same */
    assert_true(sph_flow_is_held(&flow));
    sph_flow_take(&quick, 7);
    sph_flow_take(&stuck, 5);
    sph_flow_put(&stuck, 9); /* caught up: it has its place again */
    assert_true(sph_flow_is_held(&flow));
    sph_flow_leave(&stuck);
    sph_flow_leave(&quick);
}

/* Progress within the time, again and again: never given up. */
static void test_slow_listener(void **state) {
    (void)state;
    struct sph_flow_listener slow;
    join(&slow, 0);
    sph_flow_put(&slow, 1000);
    for (uint64_t taken = 1; taken <= 900; taken++) {
        now_ms += 999;
        sph_flow_take(&slow, taken);
        assert_true(sph_flow_is_held(&flow));
    }
    sph_flow_leave(&slow);
    assert_int_equal(resumed[0], 1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, clean)
    const struct CMUnitTest tests[] = {
        TEST(test_window),
        TEST(test_two_listeners),
        TEST(test_stuck_listener),
        TEST(test_slow_listener),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
