/* Every parser of /proc and of the control groups, on any bytes: no crash, and what is taken holds
 * together. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "meter/cgroup.h"
#include "meter/kmem.h"
#include "meter/maps.h"
#include "meter/smaps.h"
#include "meter/tracefs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int ok) {
    if (!ok)
        abort();
}

static void try_line(const char *line, size_t len) {
    struct sph_maps_entry entry;
    if (sph_maps_parse_line(line, len, &entry) != 0)
        return;
    expect(entry.start < entry.end);
    expect(strnlen(entry.name, sizeof(entry.name)) < sizeof(entry.name));
    enum sph_maps_class class =
        sph_maps_classify(&entry, &entry, sph_maps_is_shmem_name(entry.name));
    expect(strcmp(sph_maps_class_name(class), "unknown") != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = (const char *)data;
    struct sph_smaps sums;
    struct sph_kmem_figures figures;
    struct sph_cgroup_mounts mounts;
    struct sph_tracefs_rss_stat layout;
    uint64_t bytes = 0;
    char path[32];
    for (size_t at = 0; at < size;) {
        const char *newline = memchr(text + at, '\n', size - at);
        size_t len = newline ? (size_t)(newline - text) - at : size - at;
        try_line(text + at, len);
        at += len + 1;
    }
    (void)sph_smaps_parse_rollup(text, size, &sums);
    (void)sph_kmem_parse_v1(text, size, &bytes);
    (void)sph_kmem_parse_v2(text, size, &figures);
    (void)sph_tracefs_parse_rss_stat(text, size, &layout);
    if (sph_cgroup_parse_mounts(text, size, &mounts) == 0)
        expect(strlen(mounts.unified) < sizeof(mounts.unified));
    if (sph_cgroup_parse_path(text, size, "memory", path, sizeof(path)) == 0)
        expect(strlen(path) < sizeof(path));
    return 0;
}
