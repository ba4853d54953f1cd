/* smaps: sums over the page tables. The rollup is one walk in the kernel; it knows anonymous pages,
 * but not shared memory apart from files, so that sph_smaps_read() adds up the mappings by itself.
 */
#include "meter/smaps.h"

#include <errno.h>
#include <string.h>

#include "meter/proc_file.h"

/* A line of interest and the sum that it goes to. */
struct field {
    const char *name; /* with its colon */
    size_t offset;
};
static const struct field fields[] = {
    {"Rss:", offsetof(struct sph_smaps, rss)},
    {"Anonymous:", offsetof(struct sph_smaps, anonymous)},
    {"Swap:", offsetof(struct sph_smaps, swap)},
};
enum { ALL_FIELDS = (1u << SPH_ARRAY_SIZE(fields)) - 1 };

/* "Rss:                1234 kB", the unit included so that a cut line is never taken. */
static int parse_kib(const char *text, size_t len, uint64_t *ret_bytes) {
    uint64_t kib = 0;
    size_t i = 0;
    while (i < len && text[i] == ' ')
        i++;
    size_t first = i;
    for (; i < len && text[i] >= '0' && text[i] <= '9'; i++)
        if (i - first > 15)
            return -EBADMSG;
        else
            kib = kib * 10 + (uint64_t)(text[i] - '0');
    if (i == first || len - i != 3 || memcmp(text + i, " kB", 3) != 0)
        return -EBADMSG;
    *ret_bytes = kib * 1024;
    return 0;
}

/* Adds the line's value to its sum; the field's bit, 0 for a line of no interest, or -EBADMSG. */
static int parse_field(const char *line, size_t len, struct sph_smaps *sums) {
    for (size_t i = 0; i < SPH_ARRAY_SIZE(fields); i++) {
        size_t name_len = strlen(fields[i].name);
        if (len < name_len || memcmp(line, fields[i].name, name_len) != 0)
            continue;
        uint64_t bytes = 0;
        if (parse_kib(line + name_len, len - name_len, &bytes) != 0)
            return -EBADMSG;
        *(uint64_t *)(void *)((char *)sums + fields[i].offset) += bytes;
        return 1 << i;
    }
    return 0;
}

/* All three fields must be there: a zero that is only missing would pass for a measurement. */
int sph_smaps_parse_rollup(const char *text, size_t len, struct sph_smaps *ret_sums) {
    struct sph_smaps sums = {.rss = 0};
    unsigned seen = 0;
    const char *end = text + len;
    for (const char *line = text; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        if (!newline)
            return -EBADMSG;
        int field = parse_field(line, (size_t)(newline - line), &sums);
        if (field < 0)
            return field;
        seen |= (unsigned)field;
        line = newline + 1;
    }
    if (seen != ALL_FIELDS)
        return -EBADMSG;
    *ret_sums = sums;
    return 0;
}

/* One walk in the kernel, and some 1 KiB of text however many mappings there are. */
int sph_smaps_read_rollup(pid_t pid, struct sph_smaps *ret_sums, struct sph_err *err) {
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    int error = sph_proc_read(pid, "smaps_rollup", &text, err);
    if (error)
        return error;
    if (sph_smaps_parse_rollup(text.data, text.len, ret_sums) != 0)
        return SPH_FAIL(err, -EBADMSG, "the kernel's smaps_rollup of process %d is unreadable",
                        (int)pid);
    return 0;
}

/* Takes what one mapping holds into the sums. */
static void add_mapping(pid_t pid, const struct sph_maps_entry *entry,
                        const struct sph_smaps *mapping, struct sph_smaps *sums) {
    sums->rss += mapping->rss;
    sums->anonymous += mapping->anonymous;
    sums->swap += mapping->swap;
    if (mapping->rss > mapping->anonymous && sph_proc_is_shmem(pid, entry))
        sums->shmem += mapping->rss - mapping->anonymous;
}

/* The text alternates: a line of maps, then the fields of that mapping. A mapping is complete
 * when the next line of maps comes. */
int sph_smaps_read(pid_t pid, struct sph_smaps *ret_sums, struct sph_err *err) {
    sph_autobuf struct sph_buf text = SPH_BUF_NULL;
    int error = sph_proc_read(pid, "smaps", &text, err);
    if (error)
        return error;
    struct sph_smaps sums = {.rss = 0};
    struct sph_smaps mapping = {.rss = 0};
    struct sph_maps_entry entry = {.start = 0};
    struct sph_maps_entry next;
    const char *line = NULL;
    size_t len = 0;
    for (size_t at = 0; sph_proc_next_line(&text, &at, &line, &len);) {
        if (sph_maps_parse_line(line, len, &next) == 0) {
            add_mapping(pid, &entry, &mapping, &sums);
            mapping = (struct sph_smaps){.rss = 0};
            entry = next;
        } else if (parse_field(line, len, &mapping) < 0) {
            return SPH_FAIL(err, -EBADMSG, "the kernel's smaps of process %d is unreadable",
                            (int)pid);
        }
    }
    add_mapping(pid, &entry, &mapping, &sums);
    *ret_sums = sums;
    return 0;
}
