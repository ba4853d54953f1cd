/* A library that asks the C library, and jumps to malloc: what it gets is its own. */
#include <dirent.h>
#include <glob.h>
#include <locale.h>
#include <malloc.h>
#include <pthread.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "libmalloc/case_plug.h"

static void keep(const void *block) {
    if (block == NULL)
        abort();
}

static void *rest(void *argument) {
    return argument;
}

static void by_text(unsigned n) {
    char *text = NULL, *line = NULL;
    size_t size = 0;
    switch (n) {
    case 0:
        keep(strdup("text"));
        break;
    case 1:
        keep(strndup("text", 2));
        break;
    case 2:
        keep(wcsdup(L"text"));
        break;
    case 3:
        if (asprintf(&text, "%s %f %d %d %d %d", "text", 1.5, 1, 2, 3, 4) < 0 ||
            strcmp(text, "text 1.500000 1 2 3 4") != 0)
            abort();
        break;
    case 4:
        if (sscanf("word other", "%ms", &text) != 1 || strcmp(text, "word") != 0)
            abort();
        break;
    case 5: {
        FILE *stream = fopen("/proc/self/cmdline", "r");
        keep(stream);
        static char buffer[64];
        setvbuf(stream, buffer, _IOFBF, sizeof(buffer)); /* or it is the C library's own */
        if (getline(&line, &size, stream) < 0)
            abort();
        break;
    }
    default:
        abort();
    }
}

static void by_files(unsigned n) {
    static regex_t regex;
    static glob_t names;
    static pthread_t thread;
    switch (n) {
    case 6:
        keep(fopen("/proc/self/cmdline", "r"));
        break;
    case 7:
        keep(opendir("/"));
        break;
    case 8:
        keep(realpath("/proc/self/..", NULL));
        break;
    case 9:
        keep(getcwd(NULL, 0));
        break;
    case 10:
        if (setenv("SPHERULE_CASE", "value", 1) != 0)
            abort();
        break;
    case 11:
        if (regcomp(&regex, "a.*(b|c)", REG_EXTENDED) != 0)
            abort();
        break;
    case 12:
        if (glob("/proc/self/*", 0, NULL, &names) != 0)
            abort();
        break;
    case 13:
        if (pthread_create(&thread, NULL, rest, NULL) != 0 || pthread_join(thread, NULL) != 0)
            abort();
        break;
    case 14:
        keep(fmemopen(NULL, 16, "w"));
        break;
    case 15:
        keep(reallocarray(NULL, 3, 5));
        break;
    default:
        abort();
    }
}

void case_ask(unsigned n) {
    if (n < 6)
        by_text(n);
    else
        by_files(n);
}

void *case_take(size_t bytes) {
    char *block = malloc(bytes);
    keep(block); /* so that it is a call, not a jump */
    return block;
}

void *case_jump(size_t bytes) {
    return malloc(bytes);
}
