/* Calls and linkage tables as the assembler and the linker make them (their listings are the
 * oracle), and the headers of objects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "libmalloc/callsite.h"
#include "libmalloc/object.h"

typedef struct sph_call decode_fn(const uint8_t *code, size_t len, uint64_t address);

struct row {
    decode_fn *decode;
    size_t len;
    uint8_t code[24];
    uint64_t at;
    enum sph_call_kind kind;
    uint64_t address;
};

static const struct row rows[] = {
    /* x86-64: call rel32, forwards and backwards; through a slot; through registers */
    {sph_call_x86_64, 5, {0xe8, 0x10, 0, 0, 0}, 0x1005, SPH_CALL_DIRECT, 0x1015},
    {sph_call_x86_64, 8, {1, 2, 3, 0xe8, 0xfb, 0xff, 0xff, 0xff}, 0x1005, SPH_CALL_DIRECT, 0x1000},
    {sph_call_x86_64, 6, {0xff, 0x15, 0x20, 0x10, 0, 0}, 0x1006, SPH_CALL_SLOT, 0x2026},
    {sph_call_x86_64, 8, {0x90, 0x90, 0x90, 0x90, 0x90, 0x41, 0xff, 0xd4}, 0x1008, 0, 0},
    {sph_call_x86_64, 8, {0x90, 0x90, 0xff, 0x90, 0x10, 0, 0, 0}, 0x1008, 0, 0},
    {sph_call_x86_64, 4, {0x10, 0, 0, 0}, 0x1005, 0, 0},
    {sph_call_x86_64, 0, {0}, 0x1005, 0, 0},
    /* jmp *rel32(%rip), plain, after endbr64, and with bnd as well */
    {sph_stub_x86_64, 6, {0xff, 0x25, 0xfa, 0x2f, 0, 0}, 0x1000, SPH_CALL_SLOT, 0x4000},
    {sph_stub_x86_64,
     10,
     {0xf3, 0x0f, 0x1e, 0xfa, 0xff, 0x25, 0xf6, 0x2f, 0, 0},
     0x1000,
     SPH_CALL_SLOT,
     0x4000},
    {sph_stub_x86_64,
     11,
     {0xf3, 0x0f, 0x1e, 0xfa, 0xf2, 0xff, 0x25, 0xf5, 0x2f, 0, 0},
     0x1000,
     SPH_CALL_SLOT,
     0x4000},
    {sph_stub_x86_64, 6, {0xf3, 0x0f, 0x1e, 0xfa, 0x55, 0x48}, 0x1000, 0, 0},
    {sph_stub_x86_64, 5, {0xff, 0x25, 0xfa, 0x2f, 0}, 0x1000, 0, 0},
    /* Thumb: bl forwards and backwards, blx to ARM code from either half of a word, blx r3 */
    {sph_call_arm, 4, {0x00, 0xf0, 0x7e, 0xf9}, 0x105, SPH_CALL_DIRECT, 0x401},
    {sph_call_arm, 4, {0xff, 0xf7, 0xf9, 0xff}, 0x10f, SPH_CALL_DIRECT, 0x101},
    {sph_call_arm, 4, {0x00, 0xf0, 0xfc, 0xe9}, 0x109, SPH_CALL_DIRECT, 0x500},
    {sph_call_arm, 4, {0xff, 0xf7, 0x6c, 0xef}, 0x539, SPH_CALL_DIRECT, 0x410},
    {sph_call_arm, 4, {0x00, 0xf0, 0x98, 0x47}, 0x10b, 0, 0},
    {sph_call_arm, 3, {0xf0, 0x7e, 0xf9}, 0x105, 0, 0},
    /* ARM: bl, bl with a condition, blx to Thumb, blx r4, b */
    {sph_call_arm, 4, {0xfd, 0xff, 0xff, 0xeb}, 0x508, SPH_CALL_DIRECT, 0x500},
    {sph_call_arm, 4, {0x01, 0x00, 0x00, 0x1b}, 0x510, SPH_CALL_DIRECT, 0x518},
    {sph_call_arm, 4, {0xbc, 0xff, 0xff, 0xfa}, 0x50c, SPH_CALL_DIRECT, 0x401},
    {sph_call_arm, 4, {0x34, 0xff, 0x2f, 0xe1}, 0x514, 0, 0},
    {sph_call_arm, 4, {0xf9, 0xff, 0xff, 0xea}, 0x518, 0, 0},
    /* the linkage table: three instructions; from Thumb code without blx; cut off */
    {sph_stub_arm,
     12,
     {0x00, 0xc6, 0x8f, 0xe2, 0x01, 0xca, 0x8c, 0xe2, 0x00, 0xfc, 0xbc, 0xe5},
     0x410,
     SPH_CALL_SLOT,
     0x2018},
    {sph_stub_arm,
     16,
     {0x78, 0x47, 0xc0, 0x46, 0x00, 0xc6, 0x8f, 0xe2, 0x01, 0xca, 0x8c, 0xe2, 0xfc, 0xfb, 0xbc,
      0xe5},
     0x40d,
     SPH_CALL_SLOT,
     0x2014},
    {sph_stub_arm, 8, {0x00, 0xc6, 0x8f, 0xe2, 0x01, 0xca, 0x8c, 0xe2}, 0x410, 0, 0},
    {sph_stub_arm, 12, {0x04, 0xe0, 0x2d, 0xe5}, 0x3d8, 0, 0},
    {sph_stub_arm, 12, {0x10, 0xb5}, 0x411, 0, 0},
};

static void test_decode(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        struct sph_call call = row->decode(row->code, row->len, row->at);
        if (call.kind != row->kind || call.address != row->address)
            fail_msg("row %zu: kind %d, address %#lx", i, call.kind, (unsigned long)call.address);
    }
}

extern const char __ehdr_start[], etext[], end[];

/* This program itself is the object; the linker's symbols are the oracle. */
static void test_object(void **state) {
    (void)state;
    struct sph_object object = {0};
    uintptr_t lo, hi, start = (uintptr_t)__ehdr_start;
    uint8_t id[64];
    assert_true(sph_object_parse(start, &object));
    assert_true(sph_object_bounds(&object, &lo, &hi));
    assert_int_equal(lo, start);
    assert_in_range(hi, (uintptr_t)end, (uintptr_t)end + 4096);
    assert_true(sph_object_holds(&object, (uintptr_t)test_object, 16, PF_R | PF_X));
    assert_false(sph_object_holds(&object, (uintptr_t)test_object, 16, PF_W));
    assert_false(sph_object_holds(&object, hi - 4, 8, PF_R));
    assert_false(sph_object_holds(&object, start - 1, 1, PF_R));
    assert_false(sph_object_holds(&object, (uintptr_t)test_object, SIZE_MAX, PF_R));
    size_t len = sph_object_build_id(&object, id, sizeof(id));
    assert_true(len == 0 || len == 16 || len == 20); /* as the linker was told */
    assert_true(sph_object_build_id(&object, id, 5) <= 5);
}

struct image {
    ElfW(Ehdr) header;
    ElfW(Phdr) segments[2];
    struct {
        ElfW(Nhdr) note;
        char name[4];
        uint8_t id[8];
    } notes[2];
};

static void make_image(struct image *image) {
    *image = (struct image){
        .header = {.e_phoff = offsetof(struct image, segments),
                   .e_phentsize = sizeof(ElfW(Phdr)),
                   .e_phnum = 2},
        .segments = {{.p_type = PT_LOAD, .p_flags = PF_R, .p_memsz = sizeof(*image)},
                     {.p_type = PT_NOTE,
                      .p_vaddr = offsetof(struct image, notes),
                      .p_memsz = sizeof(image->notes)}},
        .notes = {{{4, 8, 99}, "ABC", {0}}, {{4, 8, NT_GNU_BUILD_ID}, "GNU", {1, 2, 3, 4, 5}}},
    };
    memcpy(image->header.e_ident, ELFMAG, SELFMAG);
}

/* A note that says it is longer than its segment is not followed. */
static void test_notes(void **state) {
    (void)state;
    static struct image image;
    struct sph_object object = {0};
    uint8_t id[20];
    make_image(&image);
    assert_true(sph_object_parse((uintptr_t)&image, &object));
    assert_int_equal(sph_object_build_id(&object, id, sizeof(id)), 8);
    assert_memory_equal(id, image.notes[1].id, 8);
    image.notes[0].note.n_descsz = UINT32_MAX;
    assert_int_equal(sph_object_build_id(&object, id, sizeof(id)), 0);
    image.notes[0].note.n_descsz = 8;
    image.segments[1].p_memsz *= 2; /* beyond what is loaded */
    assert_int_equal(sph_object_build_id(&object, id, sizeof(id)), 0);
    image.header.e_phnum = 100; /* beyond the first page */
    assert_false(sph_object_parse((uintptr_t)&image, &object));
    make_image(&image);
    image.header.e_phoff = UINTPTR_MAX - 7; /* before it, by going round */
    assert_false(sph_object_parse((uintptr_t)&image, &object));
    make_image(&image);
    image.header.e_ident[1] = 'X';
    assert_false(sph_object_parse((uintptr_t)&image, &object));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_object),
        cmocka_unit_test(test_notes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
