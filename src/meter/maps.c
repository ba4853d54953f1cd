/* maps: the form of a line is fixed by the kernel ("start-end rwxp offset major:minor inode name");
 * everything else is refused. A path may hold any byte but newline, which the kernel writes as
 * \012. */
#include "meter/maps.h"

#include <errno.h>
#include <string.h>

/* What is left of the line; each take_*() steps over what it has understood. */
struct cursor {
    const char *at;
    const char *end;
};

/* Upper case is refused: the kernel never writes it, and a field that is not the kernel's is
 * not a field. */
static int take_number(struct cursor *cursor, unsigned base, char stop, uint64_t *ret_number) {
    uint64_t number = 0;
    const char *start = cursor->at;
    for (; cursor->at < cursor->end && *cursor->at != stop; cursor->at++) {
        char c = *cursor->at;
        unsigned digit = base;
        if (c >= '0' && c <= '9')
            digit = (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (unsigned)(c - 'a') + 10;
        if (digit >= base || __builtin_mul_overflow(number, base, &number) ||
            __builtin_add_overflow(number, digit, &number))
            return -EBADMSG;
    }
    if (cursor->at == start || cursor->at == cursor->end)
        return -EBADMSG;
    cursor->at++;
    *ret_number = number;
    return 0;
}

/* One of two letters; anything else is not a line of maps. */
static int take_flag(struct cursor *cursor, char set, char unset, bool *ret_flag) {
    if (cursor->at == cursor->end || (*cursor->at != set && *cursor->at != unset))
        return -EBADMSG;
    *ret_flag = *cursor->at++ == set;
    return 0;
}

/* "rw-p" and the blank behind it. */
static int take_flags(struct cursor *cursor, struct sph_maps_entry *entry) {
    bool is_private = false;
    if (take_flag(cursor, 'r', '-', &entry->read) || take_flag(cursor, 'w', '-', &entry->write) ||
        take_flag(cursor, 'x', '-', &entry->exec) || take_flag(cursor, 'p', 's', &is_private))
        return -EBADMSG;
    entry->shared = !is_private;
    if (cursor->at == cursor->end || *cursor->at++ != ' ')
        return -EBADMSG;
    return 0;
}

/* The inode is the last number: the line ends right after it when there is no name. */
static int take_inode(struct cursor *cursor, uint64_t *ret_inode) {
    uint64_t inode = 0;
    const char *start = cursor->at;
    for (; cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9'; cursor->at++)
        if (__builtin_mul_overflow(inode, 10u, &inode) ||
            __builtin_add_overflow(inode, (uint64_t)(*cursor->at - '0'), &inode))
            return -EBADMSG;
    if (cursor->at == start || (cursor->at < cursor->end && *cursor->at != ' '))
        return -EBADMSG;
    *ret_inode = inode;
    return 0;
}

/* The end of a long path says more than its start: the file's own name is there. */
static void take_name(struct cursor *cursor, char *ret_name) {
    while (cursor->at < cursor->end && *cursor->at == ' ')
        cursor->at++;
    size_t len = (size_t)(cursor->end - cursor->at);
    const char *tail = cursor->at;
    if (len >= SPH_MAPS_NAME_MAX) {
        tail = cursor->end - (SPH_MAPS_NAME_MAX - 1);
        len = SPH_MAPS_NAME_MAX - 1;
    }
    (void)memcpy(ret_name, tail, len);
    ret_name[len] = '\0';
}

/* The entry is handed out only when the whole line was understood. */
int sph_maps_parse_line(const char *line, size_t len, struct sph_maps_entry *ret_entry) {
    struct sph_maps_entry entry = {.start = 0};
    struct cursor cursor = {.at = line, .end = line + len};
    uint64_t major = 0;
    uint64_t minor = 0;
    if (take_number(&cursor, 16, '-', &entry.start) || take_number(&cursor, 16, ' ', &entry.end) ||
        take_flags(&cursor, &entry) || take_number(&cursor, 16, ' ', &entry.offset) ||
        take_number(&cursor, 16, ':', &major) || take_number(&cursor, 16, ' ', &minor) ||
        take_inode(&cursor, &entry.inode))
        return -EBADMSG;
    if (entry.start >= entry.end || major > UINT32_MAX || minor > UINT32_MAX)
        return -EBADMSG;
    entry.dev_major = (uint32_t)major;
    entry.dev_minor = (uint32_t)minor;
    take_name(&cursor, entry.name);
    *ret_entry = entry;
    return 0;
}

static bool starts_with(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Names that only the kernel's internal shared-memory mount gives. */
bool sph_maps_is_shmem_name(const char *name) {
    return strcmp(name, "/dev/zero (deleted)") == 0 || starts_with(name, "/memfd:") ||
           starts_with(name, "/SYSV") || starts_with(name, "[anon_shmem:");
}

/* By their start: new kernels add parts ("[vvar_vclock]"). */
static bool is_kernel_name(const char *name) {
    return starts_with(name, "[vdso") || starts_with(name, "[vvar") || starts_with(name, "[vsys") ||
           starts_with(name, "[sigpage") || starts_with(name, "[vectors") ||
           starts_with(name, "[uprobes");
}

/* The kernel maps .bss beyond the file's pages as anonymous memory without a name. */
static bool follows_data(const struct sph_maps_entry *entry,
                         const struct sph_maps_entry *previous) {
    return previous && previous->inode != 0 && !previous->shared && previous->end == entry->start &&
           entry->write; /* and executable too on machines without that distinction */
}

/* From the most telling feature down: what the kernel names, then sharing, then what backs it,
 * then what may be done with it. */
enum sph_maps_class sph_maps_classify(const struct sph_maps_entry *entry,
                                      const struct sph_maps_entry *previous, bool is_shmem) {
    if (is_kernel_name(entry->name))
        return SPH_MAPS_KERNEL;
    if (is_shmem && entry->shared)
        return SPH_MAPS_SHARED;
    if (strcmp(entry->name, "[heap]") == 0)
        return SPH_MAPS_HEAP;
    if (strcmp(entry->name, "[stack]") == 0)
        return SPH_MAPS_STACK;
    if (entry->inode == 0)
        return entry->name[0] == '\0' && follows_data(entry, previous) ? SPH_MAPS_BSS
                                                                       : SPH_MAPS_ANON;
    if (entry->shared)
        return SPH_MAPS_FILE;
    if (entry->exec)
        return SPH_MAPS_TEXT;
    return entry->write ? SPH_MAPS_DATA : SPH_MAPS_RODATA;
}

/* As reports and their JSON have it: these words are an interface. */
const char *sph_maps_class_name(enum sph_maps_class class) {
    static const char *const names[] = {
        [SPH_MAPS_ANON] = "anon", [SPH_MAPS_TEXT] = "text",     [SPH_MAPS_RODATA] = "rodata",
        [SPH_MAPS_DATA] = "data", [SPH_MAPS_RELRO] = "relro",   [SPH_MAPS_BSS] = "bss",
        [SPH_MAPS_HEAP] = "heap", [SPH_MAPS_STACK] = "stack",   [SPH_MAPS_SHARED] = "shared",
        [SPH_MAPS_FILE] = "file", [SPH_MAPS_KERNEL] = "kernel",
    };
    return (size_t) class < SPH_ARRAY_SIZE(names) ? names[class] : "unknown";
}
