/* Heaps from request to reply, over a socket pair, of apps that only seem to run. */
#include "agent/requests/wire_client_test.h"

#include "wire/msg_heap.h"

static struct sph_msg_app_control control(unsigned app, enum sph_app_trigger trigger) {
    return (struct sph_msg_app_control){.component = fixture_component(app), .trigger = trigger};
}

/* The memory reply has callers alone, the heap reply sites too. */
static void test_heap(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    struct fixture_package package = {.component = 1};
    struct sph_msg_component asked = {.component = fixture_component(1)};
    struct sph_msg_heap_reply reply;
    struct sph_msg_memory_reply memory;
    struct sph_msg_app_memory app;
    struct sph_msg_heap heap;
    fake_lifecycle.heaps = 2;
    fake_lifecycle.heap_state = SPH_HEAP_TRACKED;
    wire_connect(fixture, &client);
    wire_refused(&client, SPH_OP_HEAP, &asked, 14680076,
                 "no application with component id 00000000-1111-2222-3333-000000000001 is "
                 "installed");
    wire_stage(&client, &package);
    wire_call(&client, SPH_OP_INSTALL, NULL, NULL);
    wire_call(&client, SPH_OP_HEAP, &asked, &reply);
    assert_true(sph_guid_equal(&reply.component, &asked.component));
    assert_int_equal(reply.state, SPH_HEAP_TRACKED);
    assert_int_equal(reply.processes.count, 2);
    assert_int_equal(reply.processes_dropped, 0);
    struct sph_list_iter iter = sph_list_iter(&reply.processes);
    for (uint32_t i = 0; sph_list_next(&iter, &heap); i++) {
        assert_int_equal(heap.pid, 4242 + i);
        assert_int_equal(heap.live_bytes, 1000 + i);
        assert_int_equal(heap.callers.count, 1);
        assert_int_equal(heap.sites.count, 1);
    }
    wire_call(&client, SPH_OP_MEMORY, NULL, &memory);
    iter = sph_list_iter(&memory.apps);
    assert_true(sph_list_next(&iter, &app));
    assert_int_equal(app.heap_state, SPH_HEAP_TRACKED);
    assert_int_equal(app.heaps.count, 2);
    iter = sph_list_iter(&app.heaps);
    assert_true(sph_list_next(&iter, &heap));
    assert_int_equal(heap.callers.count, 1);
    assert_int_equal(heap.sites.count, 0);
    assert_int_equal(app.heaps_dropped, 0);
    fake_lifecycle.heaps = SPH_HEAP_PROCESSES_MAX + 3;
    wire_call(&client, SPH_OP_HEAP, &asked, &reply);
    assert_int_equal(reply.processes.count, SPH_HEAP_PROCESSES_MAX);
    assert_int_equal(reply.processes_dropped, 3);
    wire_call(&client, SPH_OP_MEMORY, NULL, &memory);
    iter = sph_list_iter(&memory.apps);
    assert_true(sph_list_next(&iter, &app));
    assert_int_equal(app.heaps.count, SPH_HEAP_PROCESSES_MAX);
    assert_int_equal(app.heaps_dropped, 3);
    fake_lifecycle.heaps = 0;
    fake_lifecycle.heap_state = SPH_HEAP_NO_LIBRARY;
    wire_call(&client, SPH_OP_HEAP, &asked, &reply);
    assert_int_equal(reply.state, SPH_HEAP_NO_LIBRARY);
    assert_int_equal(reply.processes.count, 0);
    struct sph_msg_app_control stop = control(1, SPH_TRIGGER_STOP);
    wire_call(&client, SPH_OP_APP_CONTROL, &stop, NULL);
    wire_call(&client, SPH_OP_HEAP, &asked, &reply); /* no failure: it has none */
    assert_int_equal(reply.state, SPH_HEAP_NOT_ASKED);
    wire_disconnect(&client);
}

/* What a start asks for reaches the lifecycle. */
static void test_start_with_heap(void **state) {
    struct wire_fixture *fixture = *state;
    struct wire_client client;
    struct fixture_package package = {.component = 1};
    static const struct {
        bool heap, stacks;
        unsigned flags;
    } rows[] = {{false, false, 0},
                {true, false, SPH_START_HEAP},
                {false, true, SPH_START_STACKS},
                {true, true, SPH_START_HEAP | SPH_START_STACKS}};
    wire_connect(fixture, &client);
    wire_stage(&client, &package);
    wire_call(&client, SPH_OP_INSTALL, NULL, NULL);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_msg_app_control asked = control(1, SPH_TRIGGER_STOP);
        wire_call(&client, SPH_OP_APP_CONTROL, &asked, NULL);
        asked = control(1, SPH_TRIGGER_START);
        asked.heap = rows[i].heap;
        asked.heap_stacks = rows[i].stacks;
        wire_call(&client, SPH_OP_APP_CONTROL, &asked, NULL);
        assert_int_equal(fake_lifecycle.last_flags, rows[i].flags);
    }
    wire_disconnect(&client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_heap, wire_make, wire_clean),
        cmocka_unit_test_setup_teardown(test_start_with_heap, wire_make, wire_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
