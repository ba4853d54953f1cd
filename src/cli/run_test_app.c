/* What `spherule run` is tested with: ends in every way there is, at a word. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* One page after the other, written, for ever. */
static void grow(void) {
    for (;;) {
        volatile char *page =
            mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        page[0] = 1;
    }
}

/* The arguments and a line on each stream come first in every case: that output passes is part of
 * what is tested. */
int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    for (int i = 1; i < argc; i++)
        (void)printf("[%s]", argv[i]);
    (void)printf("\n");
    (void)fflush(stdout);
    (void)fprintf(stderr, "to standard error\n");
    if (strcmp(what, "exit") == 0)
        return argc > 2 ? (int)strtol(argv[2], NULL, 10) : 0;
    if (strcmp(what, "grow") == 0)
        grow();
    if (strcmp(what, "crash") == 0)
        (void)raise(SIGSEGV);
    if (strcmp(what, "abort") == 0)
        abort();
    if (strcmp(what, "wait") == 0)
        for (;;)
            (void)pause();
    if (strcmp(what, "deaf") == 0) {
        (void)signal(SIGTERM, SIG_IGN);
        for (;;)
            (void)pause();
    }
    return 0;
}
