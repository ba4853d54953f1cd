/* Each deed prints what came of its steps, a line each; what should have is the test's to know. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "agent/tests/app_storage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KIB = 1024, QUOTA = 8 * KIB, HALF = QUOTA / 2, MOST = HALF + 2 * KIB };

static char data[32 * KIB];

static int open_storage(void) {
    struct sph_app_reply reply = {0};
    return request(SPH_APP_STORAGE_OPEN_MUTABLE, 0, 0, 0, &reply);
}

static int delete_storage(void) {
    struct sph_app_reply reply = {0};
    (void)request(SPH_APP_STORAGE_DELETE_MUTABLE, 0, 0, 0, &reply);
    return reply.error;
}

/* "name: result" or "name: -errno". */
static void show(const char *name, long result) {
    printf("%s: %ld\n", name, result < 0 ? -(long)errno : result);
    fflush(stdout);
}

/* To the quota and beyond, by write() alone. */
int do_fill(char **args) {
    int fd = open_storage();
    struct stat info;
    (void)args;
    memset(data, 'f', sizeof(data));
    show("too much", write(fd, data, sizeof(data)));
    show("one more", write(fd, data, 1));
    show("over what is there", pwrite(fd, data, QUOTA, 0));
    show("far away", pwrite(fd, data, 1, (off_t)1 << 40));
    show("cut", ftruncate(fd, 100));
    show("room again", pwrite(fd, data, sizeof(data), HALF));
    show("size", fstat(fd, &info) < 0 ? -1 : (long)info.st_size);
    show("read", pread(fd, data, sizeof(data), 0));
    show("zero", data[100] == 0 && data[4095] == 0 && data[4096] == 'f');
    show("sync", fsync(fd));
    return 0;
}

static int read_end_of_full_pipe(void) {
    int ends[2];
    if (pipe(ends) < 0)
        return -1;
    (void)write(ends[1], data, 100);
    (void)close(ends[1]);
    return ends[0];
}

static int write_in_child(int fd) {
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(write(fd, data, 1) < 0 ? errno : 0);
    (void)waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
}

/* Every call that writes, at a full file: none of them gets a byte in. */
int do_write_ways(char **args) {
    int fd = open_storage();
    struct iovec part = {data, 10};
    char self[32];
    (void)args;
    show("full", write(fd, data, QUOTA));
    show("copy", write(dup(fd), data, 1));
    show("child", write_in_child(fd));
    show("second open", pwrite(open_storage(), data, 1, QUOTA));
    (void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
    show("by its name", pwrite(open(self, O_RDWR), data, 1, QUOTA));
    show("append", write(open(self, O_WRONLY | O_APPEND), data, 1));
    show("writev", writev(fd, &part, 1));
    show("pwritev", pwritev(fd, &part, 1, QUOTA));
    show("splice", splice(read_end_of_full_pipe(), NULL, fd, NULL, 100, 0));
    show("sendfile", sendfile(fd, open("/proc/self/exe", O_RDONLY), NULL, 100));
    show("copy_file_range", copy_file_range(open_storage(), NULL, fd, NULL, 100, 0));
    show("ftruncate", ftruncate(fd, QUOTA + 1));
    errno = posix_fallocate(fd, 0, QUOTA + 1);
    show("posix_fallocate", -1);
    show("fallocate keep size", fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 1 << 20));
    struct statvfs space;
    show("free", fstatvfs(fd, &space) < 0 ? -1 : (long)(space.f_bfree * space.f_frsize));
    show("open to cut", open(self, O_RDWR | O_TRUNC) < 0 ? -1 : 0);
    show("fits now", write(open_storage(), data, 1));
    return 0;
}

/* A file that was deleted takes its room until it is closed. */
int do_deleted(char **args) {
    int first = open_storage();
    struct stat info;
    (void)args;
    show("first", write(first, data, MOST));
    show("delete", -delete_storage());
    show("links", fstat(first, &info) < 0 ? -1 : (long)info.st_nlink);
    int second = open_storage();
    show("second", write(second, data, QUOTA));
    show("no more", write(second, data, 1));
    show("nor here", write(first, data, 1));
    show("read", pread(first, data, QUOTA, 0));
    show("close", close(first));
    show("room again", write(second, data, QUOTA));
    return 0;
}

/* Empty files take no room; their number is bounded all the same. */
int do_hoard_deleted(char **args) {
    int fds[200], count = 0;
    (void)args;
    while (count < 200 && (fds[count] = open_storage()) >= 0) {
        (void)delete_storage();
        count++;
    }
    show("open", count);
    (void)close(fds[0]);
    fds[0] = open_storage();
    show("one more", write(fds[0], data, 1));
    return 0;
}

int do_mappings(char **args) {
    int fd = open_storage();
    (void)args;
    show("write", write(fd, "mapped", 6));
    void *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    show("shared", shared == MAP_FAILED ? -1 : 0);
    char *own = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    show("private", own == MAP_FAILED ? -1 : memcmp(own, "mapped", 6));
    own[0] = 'M';
    show("read", pread(fd, data, 10, 0));
    show("unchanged", memcmp(data, "mapped", 6));
    return 0;
}

/* The same state again and again, as careless apps keep theirs. */
int do_rewrite(char **args) {
    int times = *args ? (int)strtol(*args, NULL, 10) : 10;
    int fd = open_storage();
    int written = 0;
    for (int i = 0; i < times; i++)
        written += pwrite(fd, "state 1", 7, 0) == 7;
    show("written", written);
    return 0;
}

/* Ends with its file deleted and open, by its own hand or another's. */
int do_keep_open(char **args) {
    int fd = open_storage();
    (void)args;
    show("write", write(fd, data, QUOTA));
    show("delete", -delete_storage());
    printf("ready\n");
    fflush(stdout);
    while (pause() < 0)
        ;
    return 0;
}
