/* One look for all sites of a heap, since it is a child process. The first caller is the app. */
#include "cli/report/heap_symbols.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/cleanup.h"
#include "profile/places.h"

struct files {
    char *paths[SPH_HEAP_CALLERS_MAX][SPH_PLACES_FOUND_MAX];
    struct sph_symbols_object objects[SPH_HEAP_CALLERS_MAX];
};

void sph_heap_add_places(const struct sph_cli *cli, struct sph_places *places) {
    for (unsigned i = 0; i < cli->args.n_hits; i++) {
        const struct sph_args_hit *hit = &cli->args.hits[i];
        if (strcmp(hit->option->name, "symbols") != 0)
            continue;
        int r = sph_places_add(places, hit->value);
        if (r < 0)
            sph_say_warn("--symbols %s: %s", hit->value,
                         r == -ENOEXEC ? "neither a folder nor a program" : strerror(-r));
    }
    sph_places_add_outputs(places);
}

static void find_files(const struct sph_heap *heap, const struct sph_places *places,
                       const char *program, struct files *files) {
    for (unsigned i = 0; i < heap->n_callers; i++) {
        const struct sph_heap_caller *caller = &heap->callers[i];
        const struct sph_places_wanted wanted = {.build_id = caller->build_id,
                                                 .build_id_len = caller->build_id_len,
                                                 .path = caller->path,
                                                 .program = i == 0 ? program : NULL};
        files->objects[i].paths = files->paths[i];
        files->objects[i].count = sph_places_find(places, &wanted, files->paths[i]);
    }
}

static void free_files(struct files *files) {
    for (unsigned i = 0; i < SPH_HEAP_CALLERS_MAX; i++)
        for (unsigned j = 0; j < files->objects[i].count; j++)
            free(files->paths[i][j]);
}

void sph_heap_find_symbols(const struct sph_cli *cli, const char *program, struct sph_heap *heap) {
    sph_autoplaces struct sph_places places = SPH_PLACES_NULL;
    sph_autofree struct files *files = calloc(1, sizeof(*files));
    sph_autofree struct sph_symbol *symbols =
        calloc(heap->n_sites + heap->n_frames + 1U, sizeof(*symbols));
    if (!files || !symbols || heap->n_callers == 0)
        return;
    sph_heap_add_places(cli, &places);
    find_files(heap, &places, program, files);
    for (unsigned i = 0; i < heap->n_sites; i++)
        symbols[i] = heap->sites[i].at;
    symbols[heap->n_sites] = heap->crossing; /* one of zeroes finds nothing */
    struct sph_symbol *frames = &symbols[heap->n_sites + 1];
    memcpy(frames, heap->frames, heap->n_frames * sizeof(*frames));
    heap->lacks_libdw = !sph_symbols_find(files->objects, heap->n_callers, symbols,
                                          heap->n_sites + heap->n_frames + 1);
    memcpy(heap->frames, frames, heap->n_frames * sizeof(*frames));
    for (unsigned i = 0; i < heap->n_sites; i++)
        heap->sites[i].at = symbols[i];
    heap->crossing = symbols[heap->n_sites];
    free_files(files);
}
