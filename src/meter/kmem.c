/* kmem: where each kind of controller tells kernel memory, behind one table.
 *
 * v1: memory.kmem.usage_in_bytes is kept page by page (only user memory is charged in batches), TCP
 * buffers are in memory.kmem.tcp.usage_in_bytes, and only once a limit has been written there.
 * v2: memory.stat, which is brought up to date lazily: reading cpu.stat of the group forces the
 * flush. Rejected: memory.usage_in_bytes, memory.current and memory.peak, which move 64 pages at a
 * time. */
#include "meter/kmem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

enum { STAT_MAX = 16384 /* bytes; memory.stat has some 2 KiB, and grows with each kernel */ };

/* One kind of controller. `start` proves that `read` will work. */
struct source {
    int (*start)(int dir, struct sph_err *err);
    int (*read)(int dir, struct sph_kmem_figures *ret_figures, struct sph_err *err);
};

/* `dir` is a descriptor of its own. */
struct sph_kmem {
    const struct source *source;
    int dir;
};

/* Digits and nothing else: strtoull takes signs, blanks and cut text. */
static int parse_u64(const char *text, size_t len, uint64_t *ret_value) {
    uint64_t value = 0;
    if (len == 0)
        return -EBADMSG;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
            return -EBADMSG;
    }
    *ret_value = value;
    return 0;
}

/* The newline is wanted: a cut number would be a wrong one. */
int sph_kmem_parse_v1(const char *text, size_t len, uint64_t *ret_bytes) {
    if (len == 0 || text[len - 1] != '\n')
        return -EBADMSG;
    return parse_u64(text, len - 1, ret_bytes);
}

/* memory.stat's rows that are taken. `kernel` is there since 5.18 and is all of them but sock. */
enum row {
    ROW_KERNEL,
    ROW_STACK,
    ROW_TABLES,
    ROW_SECOND,
    ROW_PERCPU,
    ROW_SOCK,
    ROW_VMALLOC,
    ROW_SLAB,
    ROWS
};
static const char *const row_names[ROWS] = {
    [ROW_KERNEL] = "kernel",         [ROW_STACK] = "kernel_stack", [ROW_TABLES] = "pagetables",
    [ROW_SECOND] = "sec_pagetables", [ROW_PERCPU] = "percpu",      [ROW_SOCK] = "sock",
    [ROW_VMALLOC] = "vmalloc",       [ROW_SLAB] = "slab",
};

/* Rows of other names are passed over: every kernel adds some. */
static int parse_row(const char *line, size_t len, uint64_t *values, unsigned *seen) {
    const char *blank = memchr(line, ' ', len);
    if (!blank)
        return -EBADMSG;
    size_t name_len = (size_t)(blank - line);
    for (unsigned i = 0; i < ROWS; i++) {
        if (strlen(row_names[i]) != name_len || memcmp(line, row_names[i], name_len) != 0)
            continue;
        *seen |= 1u << i;
        return parse_u64(blank + 1, len - name_len - 1, &values[i]);
    }
    return 0;
}

/* The rows that every kernel since 5.10 has must be there; a text without them is not
 * memory.stat, or is cut. */
int sph_kmem_parse_v2(const char *text, size_t len, struct sph_kmem_figures *ret_figures) {
    uint64_t values[ROWS] = {0};
    unsigned seen = 0;
    const char *end = text + len;
    for (const char *line = text; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        if (!newline || parse_row(line, (size_t)(newline - line), values, &seen) != 0)
            return -EBADMSG;
        line = newline + 1;
    }
    const unsigned wanted = 1u << ROW_STACK | 1u << ROW_SOCK | 1u << ROW_SLAB;
    if ((seen & wanted) != wanted)
        return -EBADMSG;
    uint64_t kernel = values[ROW_KERNEL];
    if (!(seen & 1u << ROW_KERNEL))
        kernel = values[ROW_STACK] + values[ROW_TABLES] + values[ROW_SECOND] + values[ROW_PERCPU] +
                 values[ROW_VMALLOC] + values[ROW_SLAB];
    *ret_figures = (struct sph_kmem_figures){
        .total = kernel + values[ROW_SOCK],
        .kernel = kernel,
        .sock = values[ROW_SOCK],
        .kernel_stack = values[ROW_STACK],
        .pagetables = values[ROW_TABLES],
        .slab = values[ROW_SLAB],
        .has_parts = true,
    };
    return 0;
}

/* The name is in the sentence: there are two of these files, and either may fail. */
static int read_v1_file(int dir, const char *name, uint64_t *ret_bytes, struct sph_err *err) {
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(STAT_MAX);
    int error = sph_file_read(dir, name, &text, err);
    if (error)
        return error;
    if (!text.data || sph_kmem_parse_v1(text.data, text.len, ret_bytes) != 0)
        return SPH_FAIL(err, -EBADMSG, "the kernel's %s is unreadable", name);
    return 0;
}

/* Any limit switches the accounting on: the largest there is, which the kernel rounds to a page. */
static int start_v1(int dir, struct sph_err *err) {
    (void)sph_file_poke(dir, "memory.kmem.tcp.limit_in_bytes", "9223372036854771712", NULL);
    uint64_t bytes = 0;
    return read_v1_file(dir, "memory.kmem.usage_in_bytes", &bytes, err);
}

static int read_v1(int dir, struct sph_kmem_figures *ret_figures, struct sph_err *err) {
    struct sph_kmem_figures figures = {.has_parts = false};
    int error = read_v1_file(dir, "memory.kmem.usage_in_bytes", &figures.kernel, err);
    /* A kernel without TCP accounting has no such file, and then no such memory to tell. */
    if (!error && read_v1_file(dir, "memory.kmem.tcp.usage_in_bytes", &figures.sock, NULL) != 0)
        figures.sock = 0;
    if (error)
        return error;
    figures.total = figures.kernel + figures.sock;
    *ret_figures = figures;
    return 0;
}

/* What cpu.stat says is of no interest; that it is read makes the kernel bring the group's
 * statistics up to date. */
static int read_v2(int dir, struct sph_kmem_figures *ret_figures, struct sph_err *err) {
    sph_autobuf struct sph_buf flush = SPH_BUF_LIMIT(STAT_MAX);
    sph_autobuf struct sph_buf text = SPH_BUF_LIMIT(STAT_MAX);
    (void)sph_file_read(dir, "cpu.stat", &flush, NULL);
    int error = sph_file_read(dir, "memory.stat", &text, err);
    if (error)
        return error;
    if (!text.data || sph_kmem_parse_v2(text.data, text.len, ret_figures) != 0)
        return SPH_FAIL(err, -EBADMSG, "the kernel's memory.stat is unreadable");
    return 0;
}

/* One reading at the start: a kernel with other rows is told then, and not at the first figure
 * that is wanted. */
static int start_v2(int dir, struct sph_err *err) {
    struct sph_kmem_figures figures;
    return read_v2(dir, &figures, err);
}

static const struct source sources[] = {
    [SPH_MEMCTL_V1] = {.start = start_v1, .read = read_v1},
    [SPH_MEMCTL_V2] = {.start = start_v2, .read = read_v2},
};

/* The directory is duplicated: the reader outlives the tree's descriptor or not, as its owner
 * likes. */
int sph_kmem_open(enum sph_memctl kind, int memory_fd, struct sph_kmem **ret_kmem,
                  struct sph_err *err) {
    if (kind == SPH_MEMCTL_NONE)
        return SPH_FAIL(err, -EOPNOTSUPP,
                        "kernel memory cannot be told: there is no memory controller");
    struct sph_kmem *kmem = malloc(sizeof(*kmem));
    if (!kmem)
        return SPH_FAIL_ERRNO(err, -ENOMEM, "cannot read kernel memory");
    kmem->source = &sources[kind];
    kmem->dir = fcntl(memory_fd, F_DUPFD_CLOEXEC, 3);
    if (kmem->dir < 0) {
        int code = -errno;
        free(kmem);
        return SPH_FAIL_ERRNO(err, code, "cannot read kernel memory");
    }
    int error = kmem->source->start(kmem->dir, err);
    if (error) {
        (void)sph_kmem_close(kmem);
        return error;
    }
    *ret_kmem = kmem;
    return 0;
}

struct sph_kmem *sph_kmem_close(struct sph_kmem *kmem) {
    if (kmem) {
        (void)close(kmem->dir);
        free(kmem);
    }
    return NULL;
}

int sph_kmem_read(struct sph_kmem *kmem, struct sph_kmem_figures *ret_figures,
                  struct sph_err *err) {
    return kmem->source->read(kmem->dir, ret_figures, err);
}
