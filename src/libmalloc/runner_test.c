#include "libmalloc/runner_test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void *share(size_t bytes, const char *name, int *ret_fd) {
    *ret_fd = memfd_create(name, MFD_CLOEXEC);
    assert_true(*ret_fd >= 0 && ftruncate(*ret_fd, (off_t)bytes) == 0);
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, *ret_fd, 0);
    assert_ptr_not_equal(at, MAP_FAILED);
    return at;
}

void runner_init(struct runner *runner, uint32_t flags) {
    *runner = (struct runner){.pid = -1, .ask_fd = -1, .go_fd = -1};
    runner->ledger = share(sizeof(*runner->ledger), "region", &runner->region_fd);
    runner->truth = share(sizeof(*runner->truth), "truth", &runner->truth_fd);
    runner->ledger->config = (struct sph_ledger_config){
        .magic = SPH_LEDGER_MAGIC,
        .version = SPH_LEDGER_VERSION,
        .state = SPH_LEDGER_ON,
        .flags = flags,
        .page_bytes = SPH_LEDGER_PAGE_BYTES,
        .region_bytes = sizeof(*runner->ledger),
    };
}

void runner_done(struct runner *runner) {
    munmap(runner->ledger, sizeof(*runner->ledger));
    munmap(runner->truth, sizeof(*runner->truth));
    close(runner->region_fd);
    close(runner->truth_fd);
    if (runner->ask_fd >= 0)
        close(runner->ask_fd);
    if (runner->go_fd >= 0)
        close(runner->go_fd);
}

static void run_child(const struct runner *runner, int ask, int go, const char *const argv[]) {
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", SPH_TEST_WORLD, argv[0]);
    if (dup2(runner->region_fd, TRUTH_REGION_FD) < 0 || dup2(runner->truth_fd, TRUTH_FD) < 0 ||
        dup2(ask, TRUTH_ASK_FD) < 0 || dup2(go, TRUTH_GO_FD) < 0)
        _exit(99);
    char *const environment[] = {"LD_PRELOAD=" SPH_TEST_WORLD "/libmalloc.so.0", NULL};
    execve(path, (char *const *)argv, environment);
    _exit(98);
}

void runner_start(struct runner *runner, const char *const argv[]) {
    int ask[2], go[2];
    assert_int_equal(pipe2(ask, O_CLOEXEC), 0);
    assert_int_equal(pipe2(go, O_CLOEXEC), 0);
    runner->pid = fork();
    assert_true(runner->pid >= 0);
    if (runner->pid == 0)
        run_child(runner, ask[1], go[0], argv);
    close(ask[1]);
    close(go[0]);
    runner->ask_fd = ask[0];
    runner->go_fd = go[1];
}

int runner_rests(struct runner *runner) {
    char byte;
    return read(runner->ask_fd, &byte, 1) == 1;
}

void runner_go_on(struct runner *runner) {
    char byte = 0;
    assert_int_equal(write(runner->go_fd, &byte, 1), 1);
}

int runner_wait(struct runner *runner) {
    int status = -1;
    assert_int_equal(waitpid(runner->pid, &status, 0), runner->pid);
    return status;
}

static void add_entry(const struct runner *runner, uint64_t entry, bool large,
                      struct runner_sum *sums) {
    if (entry == 0)
        return;
    assert_int_equal(entry >> SPH_LEDGER_SIZE_SHIFT >= SPH_LEDGER_LARGE_BYTES, large);
    unsigned owner = (unsigned)(entry >> SPH_LEDGER_OWNER_SHIFT) & (SPH_LEDGER_OWNERS - 1);
    unsigned site = (unsigned)(entry >> SPH_LEDGER_SITE_SHIFT) % SPH_LEDGER_SITES;
    if (runner->ledger->config.flags & SPH_LEDGER_FLAG_STACKS) {
        assert_in_range(site, 1, SPH_LEDGER_STACKS - 1);
        site = runner->ledger->stacks[site].site;
    }
    assert_in_range(owner, 1, SPH_LEDGER_OWNERS - 1);
    assert_in_range(site, 1, SPH_LEDGER_SITES - 1);
    if (site != SPH_LEDGER_SITES - 1)
        assert_int_equal(runner->ledger->sites[site].owner, owner);
    sums[owner].blocks++;
    sums[owner].bytes += entry >> SPH_LEDGER_SIZE_SHIFT;
}

void runner_add(const struct runner *runner, struct runner_sum sums[SPH_LEDGER_OWNERS]) {
    const struct sph_ledger *ledger = runner->ledger;
    memset(sums, 0, SPH_LEDGER_OWNERS * sizeof(*sums));
    assert_in_range(ledger->n_leaves, 0, SPH_LEDGER_LEAVES - 1);
    for (unsigned leaf = 1; leaf <= ledger->n_leaves; leaf++) {
        for (unsigned i = 0; i < SPH_LEDGER_LEAF_ENTRIES; i++)
            add_entry(runner, ledger->leaves[leaf][i], false, sums);
        for (unsigned i = 0; i < SPH_LEDGER_LARGE_ENTRIES; i++)
            add_entry(runner, ledger->large[leaf][i], true, sums);
    }
    for (unsigned n = 1; n < SPH_LEDGER_SITES; n++)
        sums[ledger->sites[n].owner].site_allocations += ledger->sites[n].allocations;
    for (unsigned t = 0; t < SPH_LEDGER_THREADS; t++) {
        const struct sph_ledger_thread *thread = &ledger->threads[t];
        for (unsigned owner = 1; owner < SPH_LEDGER_OWNERS; owner++) {
            sums[owner].allocations += thread->counts[owner].allocations;
            sums[owner].frees += thread->counts[owner].frees;
            sums[owner].counted_bytes += thread->counts[owner].live_bytes;
        }
        for (unsigned i = 0; i < SPH_LEDGER_RECENT; i++)
            if (thread->recent[i].pending != 0)
                sums[ledger->sites[thread->recent[i].tag >> SPH_LEDGER_SITE_SHIFT].owner]
                    .site_allocations += thread->recent[i].pending;
    }
}

uint64_t runner_peak(const struct runner *runner, unsigned owner) {
    const struct sph_ledger *ledger = runner->ledger;
    return ledger->is_alone == 1 ? ledger->threads[0].counts[owner].handed_over
                                 : ledger->owners[owner].peak_bytes;
}

unsigned runner_owner(const struct runner *runner, const char *name) {
    size_t len = strlen(name);
    if (len == 0)
        return SPH_LEDGER_OWNER_APP;
    for (unsigned n = 1; n < SPH_LEDGER_OWNERS; n++) {
        const struct sph_ledger_owner *owner = &runner->ledger->owners[n];
        if (owner->state >= 2 && owner->name_len >= len &&
            memcmp(owner->name + owner->name_len - len, name, len) == 0)
            return n;
    }
    return 0;
}
