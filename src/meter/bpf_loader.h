/* bpf_loader: the bpf(2) system call, as far as the meter needs it. */
#ifndef SPH_METER_BPF_LOADER_H
#define SPH_METER_BPF_LOADER_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

/* As bpf_embed writes them. */
struct sph_bpf_reloc {
    uint32_t insn; /* index of the instruction that loads a map's address */
    uint32_t map;  /* enum sph_abi_map */
};
struct sph_bpf_program {
    const char *name;
    uint32_t type; /* BPF_PROG_TYPE_* */
    const uint64_t *insns;
    size_t n_insns;
    const struct sph_bpf_reloc *relocs;
    size_t n_relocs;
};
#define SPH_BPF_PROGRAM(label, kind, code)                                                         \
    {                                                                                              \
        .name = (label), .type = (kind), .insns = (code), .n_insns = SPH_ARRAY_SIZE(code),         \
        .relocs = code##_relocs, .n_relocs = SPH_ARRAY_SIZE(code##_relocs)                         \
    }

/* A map to be made; sizes in bytes, `entries` as the kind of map has it. */
struct sph_bpf_map {
    const char *name;
    uint32_t type; /* BPF_MAP_TYPE_* */
    uint32_t key_bytes;
    uint32_t value_bytes;
    uint32_t entries;
    uint32_t flags;
};

/* A descriptor (close-on-exec) or negative errno with a sentence. A refused program's sentence ends
 * with the last lines of the verifier's log. `map_fds` is indexed by a relocation's map. */
int sph_bpf_map_create(const struct sph_bpf_map *map, struct sph_err *err);
int sph_bpf_program_load(const struct sph_bpf_program *program, const int *map_fds, size_t n_maps,
                         struct sph_err *err);
/* Runs a raw tracepoint program once on `arg`; its answer, or negative errno. */
int sph_bpf_program_run(int fd, const void *arg, size_t len);
/* Runs of the program that the kernel skipped; 0 where it does not say. */
uint64_t sph_bpf_program_missed(int fd);

/* 0 or negative errno. next_key starts with key NULL and ends with -ENOENT. */
int sph_bpf_map_update(int fd, const void *key, const void *value, uint64_t flags);
int sph_bpf_map_lookup(int fd, const void *key, void *ret_value);
int sph_bpf_map_delete(int fd, const void *key);
int sph_bpf_map_next_key(int fd, const void *key, void *ret_key);

/* Attaches a tracepoint program to the event `id` on all CPUs; closing the descriptor detaches it.
 */
int sph_bpf_attach_tracepoint(int program_fd, uint64_t id, struct sph_err *err);

/* Pure: as many of the last lines of a log as fit (a cut one if none does), newlines as "; ",
 * without the line of statistics that the verifier ends with. */
void sph_bpf_log_tail(const char *log, size_t len, char *ret_tail, size_t size);

#endif
