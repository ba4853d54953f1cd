/* The input is a list of words put into a sound, empty region: 8 bytes of place, 8 of content. So
 * most inputs are ledgers, and the reader gets past the first look. */
#include <stdlib.h>
#include <string.h>

#include "base/le.h"
#include "wire/ledger_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WORDS_MAX = 512, PAGES = sizeof(struct sph_ledger) / SPH_LEDGER_PAGE_BYTES };

static struct sph_ledger *ledger;
static struct sph_ledger_summary *sum;
static unsigned char written[PAGES];

/* Places in the parts before the entries are as likely as all entries together. */
static size_t place_of(uint64_t word) {
    size_t head = offsetof(struct sph_ledger, large) / 8, all = sizeof(*ledger) / 8;
    return word & 1 ? (size_t)((word >> 1) % head) : (size_t)((word >> 1) % all);
}

static uint64_t resident(void *context, uint64_t address, uint64_t bytes) {
    (void)context;
    (void)address;
    return bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t places[WORDS_MAX], count = size / 16 < WORDS_MAX ? size / 16 : WORDS_MAX;
    struct sph_ledger_block block;
    if (!ledger) {
        ledger = aligned_alloc(4096, sizeof(*ledger));
        sum = malloc(sizeof(*sum));
        if (!ledger || !sum)
            abort();
        memset(ledger, 0, sizeof(*ledger));
    }
    memset(written, 0, sizeof(written));
    written[0] = 1;
    ledger->config.magic = SPH_LEDGER_MAGIC;
    ledger->config.version = SPH_LEDGER_VERSION;
    for (size_t i = 0; i < count; i++) {
        places[i] = place_of(sph_le64_get(data + 16 * i));
        ((uint64_t *)ledger)[places[i]] = sph_le64_get(data + 16 * i + 8);
        written[places[i] * 8 / SPH_LEDGER_PAGE_BYTES] = 1;
    }
    const struct sph_ledger_view view = {
        .bytes = (uint8_t *)ledger, .len = sizeof(*ledger), .written = written};
    if (sph_ledger_sum(&view, resident, NULL, sum, NULL) == 0) {
        uint64_t blocks = 0;
        for (unsigned i = 1; i < SPH_LEDGER_OWNERS; i++)
            blocks += sum->callers[i].live_blocks;
        if (blocks != sum->live_blocks || sum->live_blocks > count * 512)
            abort();
        (void)sph_ledger_find(&view, size > 0 ? data[0] : 0, &block);
    }
    for (size_t i = 0; i < count; i++)
        ((uint64_t *)ledger)[places[i]] = 0;
    return 0;
}
