/* probe: the application of the whole-system tests; its arguments say what it does, one word after
 * the other. Plain C without the device's libraries, so that it builds with musl and with glibc,
 * statically and dynamically. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096

static void say(const char *text) {
    (void)!write(STDOUT_FILENO, text, strlen(text));
}

static void rest_ms(long ms) {
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&time, &time) < 0 && errno == EINTR)
        continue;
}

/* Touches `count` fresh pages; 0 means until the end. */
static void eat(long count) {
    for (long i = 0; count == 0 || i < count; i++) {
        char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED)
            exit(90);
        *(volatile char *)page = 1;
    }
}

/* Blocks from malloc, each filled, by a function that stacks show. What `drop` gives back is the
 * last that `hold` took. */
static void *held[64];
static int n_held;

static __attribute__((noinline)) void hold(long bytes) {
    char *block = malloc((size_t)bytes);
    if (!block || n_held == 64)
        exit(90);
    memset(block, 1, (size_t)bytes);
    held[n_held++] = block;
}

static void drop(void) {
    if (n_held > 0)
        free(held[--n_held]);
}

/* Without end; nothing is given back. */
static void hoard(long bytes) {
    for (;;) {
        void *volatile block = malloc((size_t)bytes); /* volatile: it is wanted, and lost */
        if (!block)
            exit(90);
        memset(block, 1, (size_t)bytes);
    }
}

/* Anonymous pages of this process by the kernel's own walk, read without stdio: it would take some
 * itself. */
static long walk_pages(void) {
    static char text[2048];
    int fd = open("/proc/self/smaps_rollup", O_RDONLY);
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    (void)close(fd);
    const char *line = len > 0 ? strstr(text, "Anonymous:") : NULL;
    return line ? strtol(line + strlen("Anonymous:"), NULL, 10) * 1024 / PAGE : -1;
}

/* Pages until the end, each written down as soon as it is there: "pages N" for what the process
 * held before, then a dot for each one more. */
static void count_pages(void) {
    char line[32];
    (void)walk_pages(); /* its buffer is a page of ours too */
    (void)snprintf(line, sizeof(line), "pages %ld\n", walk_pages());
    say(line);
    for (;;) {
        eat(1);
        say(".");
    }
}

/* Answers each TCP connection on the port with a word. */
static void serve(long port) {
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&place, sizeof(place)) < 0 || listen(fd, 4) < 0)
        exit(95);
    say("serving\n");
    for (;;) {
        int client = accept(fd, NULL, NULL);
        (void)!write(client, "served\n", 7);
        (void)close(client);
    }
}

/* A page in each `us` microseconds, without end. */
static void grow(long us) {
    const struct timespec pause_time = {.tv_nsec = us * 1000};
    for (;;) {
        eat(1);
        (void)nanosleep(&pause_time, NULL);
    }
}

/* Numbered lines of 64 bytes to both streams in turn, `bytes` to each. */
static void flood(long bytes) {
    char line[80];
    for (long i = 0; i < bytes / 64; i++) {
        for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
            (void)snprintf(line, sizeof(line), "%c%010ld %051d\n", fd == STDOUT_FILENO ? 'o' : 'e',
                           i, 0);
            for (size_t done = 0; done < 64;) {
                ssize_t n = write(fd, line + done, 64 - done);
                if (n < 0)
                    exit(91);
                done += (size_t)n;
            }
        }
    }
}

/* Every value of a byte again and again, in pieces of odd length. */
static void write_bytes(long count) {
    unsigned char piece[1021];
    for (long at = 0; at < count;) {
        size_t len = count - at < (long)sizeof(piece) ? (size_t)(count - at) : sizeof(piece);
        for (size_t i = 0; i < len; i++)
            piece[i] = (unsigned char)(at + (long)i);
        ssize_t n = write(STDOUT_FILENO, piece, len);
        if (n < 0)
            exit(91);
        at += n;
    }
}

static void show_arguments(int argc, char **argv) {
    for (int i = 0; i < argc; i++)
        (void)printf("%d [%s]\n", i, argv[i]);
    (void)fflush(stdout);
}

/* A child that stays; the process itself goes on. */
static void start_child(long pages) {
    if (fork() == 0) {
        eat(pages);
        say("child\n");
        for (;;)
            (void)pause();
    }
}

/* The same as another program: this one, executed anew. */
static void start_program(const char *pages) {
    if (fork() == 0) {
        (void)execl("/proc/self/exe", "app", "eat", pages, "stay", (char *)NULL);
        exit(94);
    }
}

static void share(long count) {
    size_t size = (size_t)count * PAGE;
    char *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        exit(90);
    memset(pages, 1, size);
}

/* Another program in the same process, or itself once more (/proc/self/exe): the first word is its
 * path, and the others are its words. */
static void become(char **words) {
    (void)execv(words[0], words);
    exit(94);
}

/* Every descriptor that it may have. */
static void use_descriptors(void) {
    while (open("/dev/null", O_RDONLY) >= 0)
        continue;
}

/* Addresses for so many MiB and no more, for itself and what it becomes. */
static void limit_space(long mib) {
    const struct rlimit space = {.rlim_cur = (rlim_t)mib << 20, .rlim_max = (rlim_t)mib << 20};
    if (setrlimit(RLIMIT_AS, &space) < 0)
        exit(96);
}

/* Where its heap's ledger is mapped with these rights, if it is; without stdio, which allocates. */
static size_t find_ledger(const char *rights, char **ret_start) {
    static char text[16384];
    size_t len = 0;
    int fd = open("/proc/self/maps", O_RDONLY);
    for (ssize_t n; (n = read(fd, text + len, sizeof(text) - 1 - len)) > 0;)
        len += (size_t)n;
    (void)close(fd);
    text[len] = '\0';
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        char *dash, *name = strstr(line, "/run/spherule/heap/r");
        unsigned long from = strtoul(line, &dash, 16), to = strtoul(dash + 1, &dash, 16);
        if (name && strncmp(dash + 1, rights, 4) == 0) {
            *ret_start = (char *)from; /* NOLINT(performance-no-int-to-ptr) */
            return to - from;
        }
    }
    return 0;
}

/* A stray write over all of the ledger that there is by now. */
static void scribble(void) {
    static unsigned char is_there[32768];
    char *start;
    size_t len = find_ledger("rw-s", &start);
    if (len == 0 || len / PAGE > sizeof(is_there) || mincore(start, len, is_there) < 0)
        exit(97);
    for (size_t i = 0; i < len / PAGE; i++)
        if (is_there[i] & 1)
            memset(start + i * PAGE, 0xff, PAGE);
    say("scribbled\n");
}

/* The ledger's first page, which can only be read, says no longer what it is. */
static void deface(void) {
    char *start;
    size_t len = find_ledger("r--s", &start);
    if (len == 0 || mprotect(start, PAGE, PROT_READ | PROT_WRITE) < 0)
        exit(97);
    memset(start, 0, 8);
    say("defaced\n");
}

/* Blocks come and go, as if nothing had happened. */
static void churn(long rounds) {
    for (long i = 0; i < rounds; i++) {
        char *volatile text = strdup("a text"); /* volatile: no compiler may leave them out */
        void *volatile block = realloc(malloc((size_t)(i % 500)), 40);
        free(text);
        free(block);
    }
    say("churned\n");
}

/* What of the host can be seen from here, a line each. */
static void look(const char *path) {
    (void)printf("%s %s\n", path, access(path, F_OK) == 0 ? "there" : strerror(errno));
    (void)fflush(stdout);
}

static void crash(void) {
    char *volatile nowhere = (char *)16; /* volatile: no compiler may know */
    *nowhere = 1;
}

static void stay(void) {
    say("staying\n");
    for (;;)
        (void)pause();
}

static void tick(long ms) {
    for (long i = 0;; i++) {
        char line[32];
        (void)snprintf(line, sizeof(line), "tick %ld\n", i);
        say(line);
        rest_ms(ms);
    }
}

static void ids(void) {
    (void)printf("uid %u gid %u pid %d cwd %s\n", (unsigned)getuid(), (unsigned)getgid(),
                 (int)getpid(), getcwd((char[256]){0}, 256));
    (void)fflush(stdout);
}

/* Words with a number behind them. */
static int act_number(const char *word, long number) {
    if (strcmp(word, "exit") == 0)
        exit((int)number);
    else if (strcmp(word, "eat") == 0)
        eat(number);
    else if (strcmp(word, "grow") == 0)
        grow(number);
    else if (strcmp(word, "hold") == 0)
        hold(number);
    else if (strcmp(word, "hoard") == 0)
        hoard(number);
    else if (strcmp(word, "share") == 0)
        share(number);
    else if (strcmp(word, "flood") == 0)
        flood(number);
    else if (strcmp(word, "bytes") == 0)
        write_bytes(number);
    else if (strcmp(word, "child") == 0)
        start_child(number);
    else if (strcmp(word, "space") == 0)
        limit_space(number);
    else if (strcmp(word, "churn") == 0)
        churn(number);
    else if (strcmp(word, "rest") == 0)
        rest_ms(number);
    else if (strcmp(word, "raise") == 0)
        (void)kill(getpid(), (int)number);
    else if (strcmp(word, "tick") == 0)
        tick(number);
    else if (strcmp(word, "serve") == 0)
        serve(number);
    else
        return -1;
    return 0;
}

static int act(const char *word) {
    if (strcmp(word, "stay") == 0)
        stay();
    else if (strcmp(word, "crash") == 0)
        crash();
    else if (strcmp(word, "abort") == 0)
        abort();
    else if (strcmp(word, "ids") == 0)
        ids();
    else if (strcmp(word, "count") == 0)
        count_pages();
    else if (strcmp(word, "drop") == 0)
        drop();
    else if (strcmp(word, "scribble") == 0)
        scribble();
    else if (strcmp(word, "deface") == 0)
        deface();
    else if (strcmp(word, "descriptors") == 0)
        use_descriptors();
    else if (strcmp(word, "ignore-term") == 0)
        (void)signal(SIGTERM, SIG_IGN);
    else
        return -1;
    return 0;
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "arguments") == 0) {
            show_arguments(argc - i - 1, argv + i + 1);
            return 0;
        }
        if (next && strcmp(argv[i], "become") == 0)
            become(argv + i + 1);
        if (act(argv[i]) == 0)
            continue;
        if (!next)
            return 92;
        i++;
        if (strcmp(argv[i - 1], "out") == 0)
            (void)!write(STDOUT_FILENO, next, strlen(next)), say("\n");
        else if (strcmp(argv[i - 1], "err") == 0)
            (void)fprintf(stderr, "%s\n", next);
        else if (strcmp(argv[i - 1], "program") == 0)
            start_program(next);
        else if (strcmp(argv[i - 1], "look") == 0)
            look(next);
        else if (act_number(argv[i - 1], strtol(next, NULL, 10)) < 0)
            return 93;
    }
    return 0;
}
