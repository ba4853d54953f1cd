/* The smallest app that stays: what a C library and a kernel need for themselves. */
#include <unistd.h>

int main(void) {
    (void)!write(STDOUT_FILENO, "hello\n", 6);
    for (;;)
        (void)pause();
}
