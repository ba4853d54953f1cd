/* heap_symbols: the call sites of a heap named from files of this machine. */
#ifndef SPH_CLI_REPORT_HEAP_SYMBOLS_H
#define SPH_CLI_REPORT_HEAP_SYMBOLS_H

#include "cli/frame/cli.h"
#include "cli/report/heap.h"

/* --symbols PATH, repeated; to stand in a command's list of options. */
#define SPH_HEAP_SYMBOLS_OPTION                                                                    \
    {                                                                                              \
        .name = "symbols", .value = "PATH",                                                        \
        .help = "a program with its symbols, or a folder with some", .kind = SPH_VALUE_FILE,       \
        .repeated = true                                                                           \
    }

/* Names what can be named, and warns of a --symbols that is not there. `program` (may be NULL) is
 * the file that the app is for sure. Without a heap nothing is looked at. */
void sph_heap_find_symbols(const struct sph_cli *cli, const char *program, struct sph_heap *heap);

/* Files and folders of the options --symbols, and where builds leave programs. */
struct sph_places;
void sph_heap_add_places(const struct sph_cli *cli, struct sph_places *places);

#endif
