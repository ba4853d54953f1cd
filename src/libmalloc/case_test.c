/* The ledger of small programs that are hard to follow, of regions that are full, and of one that
 * is overwritten while it is used. */
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libmalloc/case_plug.h"
#include "libmalloc/runner_test.h"

struct fixture {
    struct runner runner;
    struct runner_sum before[SPH_LEDGER_OWNERS], now[SPH_LEDGER_OWNERS];
};

static int set_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    runner_init(&fixture->runner, 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    runner_done(&fixture->runner);
    free(fixture);
    return 0;
}

static void start(struct fixture *fixture, const char *program, const char *name) {
    runner_start(&fixture->runner, (const char *const[]){program, name, NULL});
}

/* Up to the program's next rest, which ends when the next one is asked for. */
static void rest(struct fixture *fixture) {
    memcpy(fixture->before, fixture->now, sizeof(fixture->now));
    assert_true(runner_rests(&fixture->runner));
    runner_add(&fixture->runner, fixture->now);
}

static void next(struct fixture *fixture) {
    runner_go_on(&fixture->runner);
    rest(fixture);
}

static void finish(struct fixture *fixture) {
    runner_go_on(&fixture->runner);
    assert_false(runner_rests(&fixture->runner));
    assert_int_equal(runner_wait(&fixture->runner), 0);
}

/* What the owner gained between the last two rests. */
static void assert_gain(const struct fixture *fixture, unsigned owner, int64_t bytes,
                        int64_t blocks) {
    assert_int_not_equal(owner, 0);
    assert_int_equal(fixture->now[owner].bytes - fixture->before[owner].bytes, bytes);
    assert_int_equal(fixture->now[owner].blocks - fixture->before[owner].blocks, blocks);
}

static void assert_no_losses(const struct fixture *fixture) {
    struct sph_ledger_losses losses = fixture->runner.ledger->losses;
    losses.threads_seen = 0;
    static const struct sph_ledger_losses none;
    assert_memory_equal(&losses, &none, sizeof(none));
}

static void test_early(void **state) {
    struct fixture *fixture = *state;
    start(fixture, "case_app", "early");
    rest(fixture);
    next(fixture);
    assert_gain(fixture, SPH_LEDGER_OWNER_APP, -77, -1);
    assert_no_losses(fixture);
    finish(fixture);
}

/* Everything that the C library takes on its way is its caller's. */
static void test_ask(void **state) {
    struct fixture *fixture = *state;
    start(fixture, "case_app", "ask");
    rest(fixture);
    for (unsigned n = 0; n < CASE_ASKS; n++) {
        next(fixture);
        unsigned plug = runner_owner(&fixture->runner, "libcase_plug.so");
        assert_int_not_equal(plug, 0);
        if (fixture->now[plug].allocations == fixture->before[plug].allocations)
            fail_msg("number %u was not charged to its caller", n);
        for (unsigned owner = 1; owner < SPH_LEDGER_OWNERS; owner++)
            if (owner != plug && fixture->now[owner].bytes != fixture->before[owner].bytes)
                fail_msg("number %u was charged to owner %u as well", n, owner);
    }
    assert_no_losses(fixture);
    finish(fixture);
}

static void test_jump(void **state) {
    struct fixture *fixture = *state;
    const struct sph_ledger *ledger = fixture->runner.ledger;
    start(fixture, "case_app", "jump");
    rest(fixture);
    next(fixture);
    unsigned plug = runner_owner(&fixture->runner, "libcase_plug.so");
    assert_gain(fixture, plug, 1000, 1);
    assert_gain(fixture, SPH_LEDGER_OWNER_APP, 0, 0);
    next(fixture);
    assert_gain(fixture, plug, 500, 1);
    for (unsigned n = 1; n <= ledger->n_sites; n++) /* their addresses are theirs, too */
        if (ledger->sites[n].owner == plug)
            assert_in_range(ledger->sites[n].address, ledger->owners[plug].lo,
                            ledger->owners[plug].hi);
    finish(fixture);
}

/* One stack for each depth, as far as there is room, and all deeper ones are the same. */
static void test_deep(void **state) {
    struct fixture *fixture = *state;
    const struct sph_ledger *ledger = fixture->runner.ledger;
    unsigned depths[SPH_LEDGER_STACK_DEPTH + 1] = {0}, first = 1;
    fixture->runner.ledger->config.flags = SPH_LEDGER_FLAG_STACKS;
    start(fixture, "case_app", "deep");
    rest(fixture);
    for (unsigned n = 1; n < SPH_LEDGER_STACKS; n++) {
        unsigned depth = 0;
        while (depth < SPH_LEDGER_STACK_DEPTH && ledger->stacks[n].frames[depth] != 0)
            depth++;
        if (depth > 0 && ledger->sites[ledger->stacks[n].site].owner == SPH_LEDGER_OWNER_APP &&
            ledger->stacks[n].frames[0] == ledger->sites[ledger->stacks[n].site].address)
            depths[depth]++;
    }
    while (depths[first] == 0 || depths[first + 1] == 0) /* of the start of the program */
        assert_in_range(++first, 1, 9);
    for (unsigned depth = first; depth < SPH_LEDGER_STACK_DEPTH; depth++)
        assert_true(depths[depth] >= 1);
    assert_in_range(depths[SPH_LEDGER_STACK_DEPTH], 1, 8); /* main and the start are cut off */
    finish(fixture);
}

static void test_storm(void **state) {
    struct fixture *fixture = *state;
    start(fixture, "case_app", "storm");
    rest(fixture);
    unsigned x = runner_owner(&fixture->runner, "libcase_x.so");
    unsigned y = runner_owner(&fixture->runner, "libcase_y.so");
    assert_gain(fixture, x, 4000, 400);
    assert_gain(fixture, y, 2000, 200);
    assert_int_equal(fixture->now[x].frees, 400);
    assert_int_equal(fixture->runner.ledger->owners[x].state, 3);
    assert_true(fixture->runner.ledger->n_owners < 10);
    assert_true(fixture->runner.ledger->n_sites < 100);
    assert_no_losses(fixture);
    finish(fixture);
}

static void test_fork(void **state) {
    struct fixture *fixture = *state;
    start(fixture, "case_app", "fork");
    rest(fixture);
    next(fixture);
    assert_gain(fixture, SPH_LEDGER_OWNER_APP, 0, 0);
    next(fixture);
    assert_gain(fixture, SPH_LEDGER_OWNER_APP, -40, -1);
    assert_no_losses(fixture);
    finish(fixture);
}

static void test_signal(void **state) {
    struct fixture *fixture = *state;
    start(fixture, "case_app", "signal");
    rest(fixture);
    next(fixture);
    assert_gain(fixture, SPH_LEDGER_OWNER_APP, 0, 0);
    assert_int_equal(fixture->now[SPH_LEDGER_OWNER_APP].allocations -
                         fixture->before[SPH_LEDGER_OWNER_APP].allocations,
                     3000);
    assert_no_losses(fixture);
    finish(fixture);
}

static void test_failing(void **state) {
    struct fixture *fixture = *state;
    start(fixture, "case_app", "failing");
    rest(fixture);
    next(fixture);
    assert_gain(fixture, SPH_LEDGER_OWNER_APP, 0, 0);
    next(fixture);
    assert_gain(fixture, SPH_LEDGER_OWNER_APP, -60, -1);
    next(fixture);
    assert_gain(fixture, SPH_LEDGER_OWNER_APP, 0, 1);
    assert_no_losses(fixture);
    finish(fixture);
}

static void test_cxx(void **state) {
    struct fixture *fixture = *state;
    start(fixture, "case_cxx", NULL);
    rest(fixture);
    next(fixture);
    assert_gain(fixture, SPH_LEDGER_OWNER_APP, 4 + 40 + 4 + 80 + 128 + 256, 6);
    next(fixture);
    assert_gain(fixture, SPH_LEDGER_OWNER_APP, -(4 + 40 + 4 + 80 + 128 + 256), -6);
    assert_no_losses(fixture);
    finish(fixture);
}

/* Without a ledger every call passes, and nothing is written. */
static void test_off(void **state) {
    struct fixture *fixture = *state;
    static const struct sph_ledger_losses none;
    fixture->runner.ledger->config.state = SPH_LEDGER_OFF;
    runner_start(&fixture->runner, (const char *const[]){"truth_app", "2", "20000", NULL});
    while (runner_rests(&fixture->runner))
        runner_go_on(&fixture->runner);
    assert_int_equal(runner_wait(&fixture->runner), 0);
    assert_memory_equal(&fixture->runner.ledger->losses, &none, sizeof(none));
    assert_int_equal(fixture->runner.ledger->n_leaves, 0);
}

static void test_missing(void **state) {
    struct fixture *fixture = *state;
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    assert_true(null_fd >= 0 && dup2(null_fd, fixture->runner.region_fd) >= 0);
    close(null_fd);
    runner_start(&fixture->runner, (const char *const[]){"truth_app", "1", "20000", NULL});
    while (runner_rests(&fixture->runner))
        runner_go_on(&fixture->runner);
    assert_int_equal(runner_wait(&fixture->runner), 0);
    assert_true(fixture->runner.truth->parts[0].allocations > 1000);
}

/* Runs the ground truth to its end, without the C library's functions (threads that share a record
 * do not note on whose behalf those are); its last comparison stays in fixture->now. */
static void run_truth(struct fixture *fixture, const char *threads) {
    unsigned rests = 0;
    runner_start(&fixture->runner,
                 (const char *const[]){"truth_app", threads, "40000", "peaks", NULL});
    while (runner_rests(&fixture->runner)) {
        runner_add(&fixture->runner, rests++ == 0 ? fixture->before : fixture->now);
        runner_go_on(&fixture->runner);
    }
    assert_int_equal(runner_wait(&fixture->runner), 0);
}

static struct truth_part add_truth(const struct runner *runner) {
    struct truth_part sum = {0};
    for (unsigned part = 0; part < TRUTH_PARTS; part++) {
        sum.live_bytes += runner->truth->parts[part].live_bytes;
        sum.live_blocks += runner->truth->parts[part].live_blocks;
    }
    return sum;
}

static void assert_bytes(const struct fixture *fixture, uint64_t owners, const char *const *names) {
    for (unsigned part = 0; part < owners; part++) {
        unsigned owner = runner_owner(&fixture->runner, names[part]);
        assert_int_equal(fixture->now[owner].bytes - fixture->before[owner].bytes,
                         fixture->runner.truth->parts[part].live_bytes);
    }
}

static const char *const names[TRUTH_PARTS] = {"", "libtruth_a.so", "libtruth_b.so",
                                               "libtruth_c.so"};

static void test_no_sites(void **state) {
    struct fixture *fixture = *state;
    fixture->runner.ledger->n_sites = SPH_LEDGER_SITES - 4;
    run_truth(fixture, "1");
    assert_bytes(fixture, TRUTH_PARTS, names); /* who is still known, if not where */
    assert_true(fixture->runner.ledger->losses.sites > 0);
    assert_int_equal(fixture->runner.ledger->losses.damaged, 0);
}

static void test_no_owners(void **state) {
    struct fixture *fixture = *state;
    for (unsigned n = 3; n < SPH_LEDGER_OWNER_OTHERS; n++) {
        fixture->runner.ledger->owners[n].lo = fixture->runner.ledger->owners[n].hi = n;
        fixture->runner.ledger->owners[n].state = 2;
    }
    run_truth(fixture, "1");
    assert_bytes(fixture, 1, names);
    uint64_t others = 0;
    for (unsigned part = 1; part < TRUTH_PARTS; part++)
        others += fixture->runner.truth->parts[part].live_bytes;
    assert_int_equal(fixture->now[SPH_LEDGER_OWNER_OTHERS].bytes, others);
    assert_true(fixture->runner.ledger->losses.owners > 0);
}

static void test_no_threads(void **state) {
    struct fixture *fixture = *state;
    for (unsigned n = 0; n < SPH_LEDGER_THREADS - 1; n++)
        fixture->runner.ledger->threads[n].pointer = 1; /* of nobody */
    run_truth(fixture, "4");
    assert_bytes(fixture, TRUTH_PARTS, names);
    assert_true(fixture->runner.ledger->losses.threads > 0);
}

static void test_no_leaves(void **state) {
    struct fixture *fixture = *state;
    fixture->runner.ledger->n_leaves = SPH_LEDGER_LEAVES - 3;
    run_truth(fixture, "4"); /* each thread's heap is elsewhere */
    const struct sph_ledger_losses *losses = &fixture->runner.ledger->losses;
    uint64_t blocks = 0, bytes = 0;
    for (unsigned owner = 1; owner < SPH_LEDGER_OWNERS; owner++) {
        blocks += fixture->now[owner].blocks;
        bytes += fixture->now[owner].bytes;
    }
    assert_true(losses->blocks > 0);
    assert_true(blocks + losses->blocks >= add_truth(&fixture->runner).live_blocks);
    assert_true(losses->unknown_frees <= losses->blocks);
    assert_int_equal(losses->damaged, 0);
    assert_true(bytes > 0);
}

/* Whatever the region is overwritten with, the program goes on. (Its figures do not matter.) */
static void overwrite(struct fixture *fixture, uint64_t seed, unsigned rounds) {
    uint64_t *words = (uint64_t *)((char *)fixture->runner.ledger + SPH_LEDGER_FIXED_BYTES);
    const struct sph_ledger *ledger = fixture->runner.ledger;
    size_t books = offsetof(struct sph_ledger, large) - SPH_LEDGER_FIXED_BYTES;
    size_t all = books + sizeof(ledger->large) + 4 * sizeof(ledger->leaves[0]);
    for (unsigned i = 0; i < rounds; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        uint64_t value = seed >> 60 < 4 ? seed >> 62 : seed * 31;
        words[(seed >> 20) % ((i % 2 ? books : all) / sizeof(*words))] = value;
        if (i % 4096 == 0)
            usleep(100);
    }
}

static void check_overwritten(const char *threads, uint32_t flags) {
    struct fixture fixture;
    int status;
    runner_init(&fixture.runner, flags);
    runner_start(&fixture.runner, (const char *const[]){"truth_app", threads, "0", NULL});
    usleep(20000);
    for (unsigned i = 0; i < 20; i++) {
        overwrite(&fixture, 4711 + i, 100000);
        assert_int_equal(waitpid(fixture.runner.pid, &status, WNOHANG), 0);
    }
    assert_true(fixture.runner.truth->parts[0].allocations > 100);
    kill(fixture.runner.pid, SIGKILL);
    status = runner_wait(&fixture.runner);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    runner_done(&fixture.runner);
}

static void test_overwritten(void **state) {
    (void)state;
    check_overwritten("1", 0);
    check_overwritten("4", 0);
    check_overwritten("2", SPH_LEDGER_FLAG_STACKS);
}

/* All that the library writes, its tables included, is one page of the program's. */
static void test_one_page(void **state) {
    (void)state;
    static const char *const paths[] = {SPH_TEST_WORLD "/libmalloc.so.0", SPH_HOST_LIBRARY};
    for (unsigned i = 0; i < 2; i++) {
        unsigned segments = 0;
        uint8_t bytes[1024];
        int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0 && read(fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes));
        close(fd);
        const Elf64_Ehdr *header = (const Elf64_Ehdr *)bytes;
        const Elf64_Phdr *segment = (const Elf64_Phdr *)(bytes + header->e_phoff);
        for (unsigned n = 0; n < header->e_phnum; n++) {
            assert_int_not_equal(segment[n].p_type, PT_TLS);
            if (segment[n].p_type != PT_LOAD || !(segment[n].p_flags & PF_W))
                continue;
            segments++;
            assert_int_equal(segment[n].p_vaddr % 4096, 0);
            assert_in_range(segment[n].p_filesz, 1, 4096);
        }
        assert_int_equal(segments, 1);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(early),
        CASE(ask),
        CASE(jump),
        CASE(deep),
        CASE(storm),
        CASE(fork),
        CASE(signal),
        CASE(failing),
        CASE(cxx),
        CASE(off),
        CASE(missing),
        CASE(no_sites),
        CASE(no_owners),
        CASE(no_threads),
        CASE(no_leaves),
        cmocka_unit_test(test_overwritten),
        cmocka_unit_test(test_one_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
