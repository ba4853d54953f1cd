/* The child answers in shared memory, question after question, so that one file that ends it costs
 * the questions after it and nothing else. elfutils' own limits are few, hence the bounds around
 * all of it. Units are found by their own ranges: clang writes no table of them. */
#include "profile/symbols.h"

#include <dwarf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "profile/libdw.h"
#include "profile/object.h"

enum {
    SYMBOLS_MAX = 4096,
    CHILD_SECONDS = 10,    /* of processor time */
    CHILD_BYTES = 1 << 30, /* on top of what it begins with: a big C++ program's needs 200 MB */
    FILE_BYTES_MAX = 1 << 30,
    DEPTH_MAX = 64, /* of scopes */
};

/* One file opened. */
struct reader {
    const struct sph_libdw *lib;
    int fd;
    Elf *elf;
    Dwarf *dwarf;
    struct sph_object object;
};

static bool open_reader(const struct sph_libdw *lib, const char *path, struct reader *ret_reader) {
    struct stat st;
    *ret_reader = (struct reader){.lib = lib, .fd = -1};
    if (sph_object_read(AT_FDCWD, path, &ret_reader->object) < 0)
        return false;
    ret_reader->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (ret_reader->fd < 0 || fstat(ret_reader->fd, &st) < 0 || !S_ISREG(st.st_mode) ||
        st.st_size > FILE_BYTES_MAX)
        return false;
    ret_reader->elf = lib->elf_begin(ret_reader->fd, ELF_C_READ_MMAP_PRIVATE, NULL);
    if (ret_reader->elf)
        ret_reader->dwarf = lib->dwarf_begin_elf(ret_reader->elf, DWARF_C_READ, NULL);
    return ret_reader->elf != NULL;
}

static void close_reader(struct reader *reader) {
    if (reader->dwarf)
        (void)reader->lib->dwarf_end(reader->dwarf);
    if (reader->elf)
        (void)reader->lib->elf_end(reader->elf);
    if (reader->fd >= 0)
        (void)close(reader->fd);
}

/* The best symbol for an address: functions before all else, then the nearest. */
struct nearest {
    char name[96];
    uint64_t start;
    bool is_there;
};

static void look_at_symbol(const struct reader *reader, const GElf_Sym *symbol, const char *name,
                           uint64_t address, struct nearest *nearest) {
    uint64_t start = symbol->st_value;
    if (reader->object.machine == EM_ARM)
        start &= ~(uint64_t)1; /* says Thumb, not where */
    if (GELF_ST_TYPE(symbol->st_info) != STT_FUNC || symbol->st_shndx == SHN_UNDEF || !name ||
        !*name || start > address || (symbol->st_size > 0 && address - start >= symbol->st_size))
        return;
    if (nearest->is_there && nearest->start >= start)
        return;
    (void)snprintf(nearest->name, sizeof(nearest->name), "%s", name);
    nearest->start = start;
    nearest->is_there = true;
}

static void look_in_table(const struct reader *reader, uint32_t type, uint64_t address,
                          struct nearest *nearest) {
    const struct sph_libdw *lib = reader->lib;
    Elf_Scn *section = NULL;
    GElf_Shdr header;
    while ((section = lib->elf_nextscn(reader->elf, section))) {
        if (!lib->gelf_getshdr(section, &header) || header.sh_type != type ||
            header.sh_entsize == 0)
            continue;
        Elf_Data *data = lib->elf_getdata(section, NULL);
        GElf_Sym symbol;
        for (int i = 0; data && lib->gelf_getsym(data, i, &symbol); i++)
            look_at_symbol(reader, &symbol,
                           lib->elf_strptr(reader->elf, header.sh_link, symbol.st_name), address,
                           nearest);
    }
}

/* .symtab has all; .dynsym, which a stripped library keeps, what others may call. */
static bool find_symbol(const struct reader *reader, uint64_t address, struct nearest *nearest) {
    *nearest = (struct nearest){.is_there = false};
    look_in_table(reader, SHT_SYMTAB, address, nearest);
    if (!nearest->is_there)
        look_in_table(reader, SHT_DYNSYM, address, nearest);
    return nearest->is_there;
}

/* A return address stands behind the call: one less is inside it. On ARM bit 0 says Thumb. A
 * function's very first address, or the one after, is no return address but stands for the
 * function itself (a tail call has left nothing else). */
static uint64_t call_address(const struct reader *reader, uint64_t asked) {
    uint64_t address = reader->object.first_address + asked;
    struct nearest nearest;
    if (reader->object.machine != EM_ARM)
        return address - 1;
    address &= ~(uint64_t)1;
    return find_symbol(reader, address, &nearest) && nearest.start == address ? address
                                                                              : address - 1;
}

/* From the innermost function outwards to the one whose code it is. */
static void name_scopes(const struct reader *reader, Dwarf_Die *innermost,
                        struct sph_symbol *symbol) {
    Dwarf_Die *scopes = NULL;
    int count = reader->lib->dwarf_getscopes_die(innermost, &scopes);
    for (int i = 0; i < count && i < DEPTH_MAX; i++) {
        int tag = reader->lib->dwarf_tag(&scopes[i]);
        if (tag != DW_TAG_subprogram && tag != DW_TAG_inlined_subroutine)
            continue;
        const char *name = reader->lib->dwarf_diename(&scopes[i]);
        if (name && !*symbol->function)
            (void)snprintf(symbol->function, sizeof(symbol->function), "%s", name);
        else if (name)
            (void)snprintf(symbol->inlined_into, sizeof(symbol->inlined_into), "%s", name);
        if (tag == DW_TAG_subprogram)
            break;
    }
    free(scopes);
}

static bool find_line(const struct reader *reader, uint64_t address, struct sph_symbol *symbol) {
    const struct sph_libdw *lib = reader->lib;
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;
    Dwarf_Die *scopes = NULL;
    int line_number = 0;
    bool found = false;
    while (!found && lib->dwarf_get_units(reader->dwarf, unit, &unit, NULL, NULL, &die, NULL) == 0)
        found = lib->dwarf_haspc(&die, address) > 0;
    if (!found)
        return false;
    Dwarf_Line *line = lib->dwarf_getsrc_die(&die, address);
    const char *file = line ? lib->dwarf_linesrc(line, NULL, NULL) : NULL;
    if (!file)
        return false;
    (void)snprintf(symbol->file, sizeof(symbol->file), "%s", file);
    if (lib->dwarf_lineno(line, &line_number) == 0 && line_number > 0)
        symbol->line = (unsigned)line_number;
    if (lib->dwarf_getscopes(&die, address, &scopes) > 0)
        name_scopes(reader, &scopes[0], symbol);
    free(scopes);
    return true;
}

/* With one file of the object. True when nothing better can be had of another. */
static bool answer(const struct reader *reader, struct sph_symbol *symbol) {
    uint64_t address = call_address(reader, symbol->address);
    struct nearest nearest;
    if (reader->dwarf && symbol->line == 0)
        (void)find_line(reader, address, symbol);
    if (!*symbol->function && find_symbol(reader, address, &nearest)) {
        (void)snprintf(symbol->function, sizeof(symbol->function), "%s", nearest.name);
        symbol->offset = address - nearest.start;
    }
    return symbol->line > 0;
}

/* A file is opened once for all questions to it. */
static void answer_all(const struct sph_libdw *lib, const struct sph_symbols_object *objects,
                       unsigned n_objects, struct sph_symbol *symbols, unsigned count) {
    for (unsigned object = 0; object < n_objects; object++)
        for (unsigned path = 0; path < objects[object].count; path++) {
            struct reader reader;
            if (open_reader(lib, objects[object].paths[path], &reader))
                for (unsigned i = 0; i < count; i++)
                    if (symbols[i].object == object && symbols[i].line == 0)
                        (void)answer(&reader, &symbols[i]);
            close_reader(&reader);
        }
}

static void set_limit(int which, uint64_t value) {
    const struct rlimit limit = {.rlim_cur = value, .rlim_max = value};
    (void)setrlimit(which, &limit); /* ignoring: a limit less, and still a child's */
}

/* A sanitizer's address space is huge before anything is done: the limit is on top of it. */
static void set_limits(void) {
    char line[64] = "";
    sph_autofclose FILE *file = fopen("/proc/self/statm", "re"); /* its first word: pages in all */
    if (file && fgets(line, sizeof(line), file))
        set_limit(RLIMIT_AS,
                  strtoull(line, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) + CHILD_BYTES);
    set_limit(RLIMIT_CPU, CHILD_SECONDS);
    set_limit(RLIMIT_CORE, 0);
}

/* Never returns; its status says whether there is a libdw. */
static void run_child(const struct sph_symbols_object *objects, unsigned n_objects,
                      struct sph_symbol *symbols, unsigned count) {
    struct sph_libdw lib;
    static const int ends[] = {SIGSEGV, SIGBUS, SIGABRT, SIGINT, SIGTERM, SIGXCPU};
    for (size_t i = 0; i < SPH_ARRAY_SIZE(ends); i++)
        (void)signal(ends[i], SIG_DFL);
    set_limits();
    if (!sph_libdw_load(&lib))
        _exit(1);
    answer_all(&lib, objects, n_objects, symbols, count);
    _exit(0);
}

static void take(char *text, size_t size) {
    char copy[256];
    text[size - 1] = '\0';
    (void)snprintf(copy, sizeof(copy), "%s", text);
    sph_text_printable(copy, strlen(copy), text, size);
}

/* What the child left, also one that was ended while it wrote. The questions stay as asked. */
static void take_answers(const struct sph_symbol *shared, struct sph_symbol *symbols,
                         unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        struct sph_symbol one = shared[i];
        one.object = symbols[i].object;
        one.address = symbols[i].address;
        take(one.function, sizeof(one.function));
        take(one.inlined_into, sizeof(one.inlined_into));
        take(one.file, sizeof(one.file));
        symbols[i] = one;
    }
}

bool sph_symbols_find(const struct sph_symbols_object *objects, unsigned n_objects,
                      struct sph_symbol *symbols, unsigned count) {
    size_t bytes = count * sizeof(*symbols);
    int status = 0;
    if (count == 0 || count > SYMBOLS_MAX)
        return true;
    struct sph_symbol *shared =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return true;
    memcpy(shared, symbols, bytes);
    pid_t pid = fork();
    if (pid == 0)
        run_child(objects, n_objects, shared, count);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (pid > 0)
        take_answers(shared, symbols, count);
    (void)munmap(shared, bytes);
    return !WIFEXITED(status) || WEXITSTATUS(status) == 0;
}
