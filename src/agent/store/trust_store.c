/* The file is the package layer's form of the store, read once and replaced whole at each change:
 * 32 records are 5 KiB, so that nothing finer is worth its code. */
#include "agent/store/trust_store.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

enum { FILE_MAX = 16 * 1024 }; /* bytes; SPH_TRUST_MAX records take less than half */

struct sph_trust_store {
    int fd; /* state/, the store's own descriptor */
    struct sph_trust trust;
};

/* A device that has no file yet trusts nobody. One that cannot be read is no reason to trust nobody
 * silently: the start fails with the sentence. */
static int open_store(struct sph_trust_store *store, int state_fd, struct sph_err *err) {
    sph_autobuf struct sph_buf file = SPH_BUF_LIMIT(FILE_MAX);
    store->fd = sph_dir_open(state_fd, ".", err);
    if (store->fd < 0)
        return store->fd;
    int code = sph_file_read(state_fd, "trust", &file, err);
    if (code < 0)
        return code == -ENOENT ? 0 : code;
    code = sph_trust_parse(file.data, file.len, &store->trust, err);
    if (code < 0)
        (void)sph_err_prefix(err, "state/trust");
    return code;
}

int sph_trust_store_new(int state_fd, struct sph_trust_store **ret_store, struct sph_err *err) {
    SPH_CLEANUP(sph_trust_store_freep) struct sph_trust_store *store = calloc(1, sizeof(*store));
    if (!store)
        return SPH_FAIL(err, -ENOMEM, "out of memory for the trust store");
    store->fd = -1;
    int code = open_store(store, state_fd, err);
    if (code == 0)
        *ret_store = SPH_STEAL_PTR(store);
    return code;
}

struct sph_trust_store *sph_trust_store_free(struct sph_trust_store *store) {
    if (store) {
        if (store->fd >= 0)
            (void)close(store->fd);
        free(store);
    }
    return NULL;
}

/* Valid until the next change; the verifier looks at it and keeps nothing. */
const struct sph_trust *sph_trust_store_get(const struct sph_trust_store *store) {
    return &store->trust;
}

/* On disk first: what is trusted in memory is never more than what a restart will trust. */
static int replace(struct sph_trust_store *store, const struct sph_trust *changed,
                   struct sph_err *err) {
    sph_autobuf struct sph_buf file = SPH_BUF_LIMIT(FILE_MAX);
    sph_trust_format(changed, &file);
    if (file.error)
        return SPH_FAIL_ERRNO(err, file.error, "cannot lay out the trust store");
    int code =
        sph_file_replace(store->fd, "trust", file.data ? file.data : "", file.len, 0600, err);
    if (code == 0)
        store->trust = *changed;
    return code;
}

/* On a copy (5 KiB): a record that is refused, or a disk that is full, leaves the store untouched
 * without anything to be undone. */
int sph_trust_store_add(struct sph_trust_store *store, const struct sph_trust_record *record,
                        struct sph_err *err) {
    struct sph_trust changed = store->trust;
    int code = sph_trust_add(&changed, record, err);
    return code == 0 ? replace(store, &changed, err) : code;
}

int sph_trust_store_remove(struct sph_trust_store *store,
                           const uint8_t thumbprint[SPH_IMAGE_THUMBPRINT_BYTES],
                           struct sph_err *err) {
    struct sph_trust changed = store->trust;
    int code = sph_trust_remove(&changed, thumbprint, err);
    return code == 0 ? replace(store, &changed, err) : code;
}
