/* Any bytes as what a virtual device's gateway reads of others: its device.json, the listing of its
 * images, and lines of QEMU's. What is accepted keeps the bounds that the rest relies on. */
#include <assert.h>
#include <string.h>

#include "gateway/machine/images.h"
#include "gateway/machine/machine.h"
#include "gateway/machine/qmp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* No byte of the text gets into a word of the command line but as a number. */
static void check_words(const struct sph_machine_config *config) {
    struct sph_machine_words words;
    assert(sph_machine_compose(config, "/k", "/i", UINT64_MAX, &words, NULL) == 0);
    assert(words.count < SPH_MACHINE_WORDS && !words.words[words.count]);
    for (unsigned i = 0; i < words.count; i++)
        if (strncmp(words.words[i], "user,", 5) == 0)
            assert(strspn(words.words[i], "userid=ntcofhwptrsi-.:,0123456789") ==
                   strlen(words.words[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = (const char *)data;
    struct sph_machine_config config;
    struct sph_err err = SPH_ERR_NULL;
    uint32_t crc;
    uint64_t bytes;
    char answer[SPH_QMP_TEXT];
    if (sph_machine_parse(text, size, &config, &err) < 0) {
        assert(strncmp(err.text, "device.json: ", 13) == 0);
    } else if (config.is_virtual) {
        assert(config.forward_count <= SPH_MACHINE_FORWARDS);
        assert(sph_machine_disk_bytes(&config) % (1 << 20) == 0);
        check_words(&config);
    }
    if (sph_images_parse(text, size, "kernel", &crc, &bytes) == 0)
        assert(bytes <= UINT32_MAX);
    if (sph_qmp_parse(text, size, answer) == 1)
        assert(memchr(answer, '\0', sizeof(answer)));
    return 0;
}
