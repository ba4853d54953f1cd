/* The wire tells whose pages they are (the package's, a library's, the heap's); the meter's classes
 * tell what part of a file they are. The path carries the second where it matters. */
#include "agent/process/mapping.h"

#include <stdio.h>
#include <string.h>

#include "agent/process/heap.h"

static const char package_prefix[] = "/mnt/apps/";
/* The app's heap ledger (docs/spec/ledger.md): a file without a name that would say so. */
static const char ledger_prefix[] = "/" SPH_HEAP_FOLDER "/" SPH_HEAP_REGION_PREFIX;

/* By the path that the app sees: only its own package is below that folder. */
static uint32_t file_class(const char *path) {
    bool own = strncmp(path, package_prefix, sizeof(package_prefix) - 1) == 0;
    if (strncmp(path, ledger_prefix, sizeof(ledger_prefix) - 1) == 0)
        return SPH_MAPPING_OTHER;
    return own ? SPH_MAPPING_PACKAGE : SPH_MAPPING_LIBRARY;
}

/* No default: a class that the meter gets new must be given a place here. */
static uint32_t wire_class(enum sph_maps_class class, const char *path) {
    switch (class) {
    case SPH_MAPS_HEAP:
        return SPH_MAPPING_HEAP;
    case SPH_MAPS_STACK:
        return SPH_MAPPING_STACK;
    case SPH_MAPS_ANON:
        return SPH_MAPPING_ANONYMOUS;
    case SPH_MAPS_SHARED:
        return SPH_MAPPING_SHARED;
    case SPH_MAPS_KERNEL:
        return SPH_MAPPING_KERNEL;
    case SPH_MAPS_TEXT:
    case SPH_MAPS_RODATA:
    case SPH_MAPS_DATA:
    case SPH_MAPS_RELRO:
    case SPH_MAPS_BSS:
    case SPH_MAPS_FILE:
        return *path ? file_class(path) : SPH_MAPPING_ANONYMOUS;
    }
    return SPH_MAPPING_OTHER;
}

/* Bits of our own, not the kernel's letters: a client need not parse "rw-p". */
static uint32_t wire_perms(const struct sph_maps_entry *entry) {
    return (entry->read ? SPH_PERM_READ : 0u) | (entry->write ? SPH_PERM_WRITE : 0u) |
           (entry->exec ? SPH_PERM_EXEC : 0u) | (entry->shared ? SPH_PERM_SHARED : 0u);
}

/* The nearest mapping before a .bss that has a name is the file that it belongs to. */
static const char *owner_name(const struct sph_pagemap *map, size_t index) {
    while (index > 0 && map->mappings[index].class == SPH_MAPS_BSS)
        index--;
    return map->mappings[index].entry.name;
}

void sph_mapping_row(const struct sph_pagemap *map, size_t index, pid_t pid,
                     char ret_path[SPH_MAPPING_PATH], struct sph_msg_mapping *ret_row) {
    const struct sph_pagemap_mapping *mapping = &map->mappings[index];
    bool is_bss = mapping->class == SPH_MAPS_BSS && mapping->entry.name[0] == '\0';
    const char *name = is_bss ? owner_name(map, index) : mapping->entry.name;
    (void)snprintf(ret_path, SPH_MAPPING_PATH, "%s%s", name, is_bss && *name ? " [bss]" : "");
    *ret_row = (struct sph_msg_mapping){
        .pid = (uint32_t)pid,
        .start = mapping->entry.start,
        .end = mapping->entry.end,
        .perms = wire_perms(&mapping->entry),
        .class = wire_class(mapping->class, name),
        .path = sph_slice_text(ret_path),
        .anonymous_pages = mapping->anon_pages,
        .shared_pages = mapping->shared_pages,
        .file_pages = mapping->file_pages,
    };
}
