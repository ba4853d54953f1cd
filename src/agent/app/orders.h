/* orders: what an app's manifest and the one who starts it say about a run. */
#ifndef SPH_AGENT_APP_ORDERS_H
#define SPH_AGENT_APP_ORDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/guid.h"
#include "package/manifest.h"
#include "wire/msg_peripheral.h"

/* Lives for the time of one start. Paths end in a NUL and fit: the manifest's parser bounds the
 * entry point. */
struct sph_orders {
    char package_entry[SPH_MANIFEST_PATH_SIZE];              /* in the package: "/bin/app" */
    char folder[SPH_GUID_TEXT + 16];                         /* inside the sandbox; the cwd */
    char entry[SPH_GUID_TEXT + 16 + SPH_MANIFEST_PATH_SIZE]; /* inside the sandbox; argv[0] */
    char **argv;                                             /* NULL-terminated; owned */
    bool wants_network;                                      /* connections, or ports to serve */
    bool wants_heap_stats;                                   /* capability HeapMemStats */
    uint32_t application_runtime;                            /* that it was made for; 0: unsaid */
    uint8_t pins[(SPH_GPIO_PINS + 7) / 8];                   /* bit per pin that it may open */
};
#define SPH_ORDERS_NULL                                                                            \
    { .argv = NULL }

/* Pure: from the manifest's text. `arguments` (NULL-terminated, or NULL) follow its CmdArgs. */
int sph_orders_parse(const char *manifest, size_t len, const struct sph_guid *component,
                     char *const *arguments, struct sph_orders *ret_orders, struct sph_err *err);
void sph_orders_done(struct sph_orders *orders);

/* NULL-terminated lists of strings, as argv. copy: NULL when there is no memory, or for NULL. */
char **sph_arguments_copy(const char *const *list);
void sph_arguments_free(char **list);

#endif
