/* The manifest was checked when the package was installed and is checked again here: what is on
 * disk may be older than this agent. Its lists are slices of the text, so what a run needs is
 * copied out. */
#include "agent/app/orders.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

enum { ARGUMENT_BYTES = 64 * 1024 }; /* of one: the manifest's own limit */

static size_t list_length(char *const *list) {
    size_t count = 0;
    while (list && list[count])
        count++;
    return count;
}

/* A start's arguments are kept for the restarts, long after the request that brought them. NULL
 * also without memory: the caller knows whether there was a list. */
char **sph_arguments_copy(const char *const *list) {
    size_t count = 0;
    while (list && list[count])
        count++;
    char **copy = list ? calloc(count + 1, sizeof(*copy)) : NULL;
    for (size_t i = 0; copy && i < count; i++) {
        copy[i] = strdup(list[i]);
        if (!copy[i]) {
            sph_arguments_free(copy);
            return NULL;
        }
    }
    return copy;
}

void sph_arguments_free(char **list) {
    for (size_t i = 0; list && list[i]; i++)
        free(list[i]);
    free(list);
}

/* Escapes resolved; NULL without memory. A value with U+0000 does not get past the manifest's
 * parser. */
static char *take_text(const struct sph_json_value *value) {
    struct sph_buf text SPH_CLEANUP(sph_buf_done) = SPH_BUF_LIMIT(ARGUMENT_BYTES);
    if (sph_json_to_buf(value, &text) < 0)
        return NULL;
    return text.len > 0 ? sph_buf_take(&text) : strdup("");
}

/* argv[0] is the program, then the manifest's CmdArgs, then those of the start. */
static int build_argv(const struct sph_manifest_list *fixed, char *const *arguments,
                      struct sph_orders *orders, struct sph_err *err) {
    size_t extra = list_length(arguments), n = 0;
    orders->argv = calloc(1 + (size_t)fixed->count + extra + 1, sizeof(char *));
    bool whole = orders->argv && (orders->argv[n++] = strdup(orders->entry));
    if (fixed->count > 0) {
        struct sph_json_iter iter;
        struct sph_json_value value;
        sph_json_iter_init(&iter, &fixed->array);
        while (whole && n <= fixed->count && sph_json_next(&iter, NULL, &value))
            whole = (orders->argv[n++] = take_text(&value)) != NULL;
    }
    for (size_t i = 0; whole && i < extra; i++)
        whole = (orders->argv[n++] = strdup(arguments[i])) != NULL;
    return whole ? 0 : SPH_FAIL(err, -ENOMEM, "No memory for the app's arguments.");
}

int sph_orders_parse(const char *manifest, size_t len, const struct sph_guid *component,
                     char *const *arguments, struct sph_orders *ret_orders, struct sph_err *err) {
    struct sph_manifest parsed;
    struct sph_orders orders SPH_CLEANUP(sph_orders_done) = SPH_ORDERS_NULL;
    char guid[SPH_GUID_TEXT];
    /* Checked against the profile when it was installed; a smaller one of today does not undo it.
     */
    const struct sph_manifest_options options = {.storage_max_kib = UINT32_MAX};
    int rc = sph_manifest_parse(manifest, len, &options, &parsed, NULL, err);
    if (rc < 0)
        return rc;
    (void)snprintf(orders.package_entry, sizeof(orders.package_entry), "%s", parsed.entry_point);
    (void)snprintf(orders.folder, sizeof(orders.folder), "/mnt/apps/%s",
                   sph_guid_format(component, guid));
    (void)snprintf(orders.entry, sizeof(orders.entry), "%s%s", orders.folder, parsed.entry_point);
    orders.wants_network = parsed.allowed_connections.count > 0 ||
                           parsed.allowed_tcp_server_ports.count > 0 ||
                           parsed.allowed_udp_server_ports.count > 0;
    orders.wants_heap_stats = sph_manifest_has(&parsed, SPH_CAP_HEAP_MEM_STATS);
    orders.application_runtime = parsed.application_runtime;
    /* Pins that this device does not have are passed over: the manifest may be for several boards.
     */
    for (unsigned i = 0; i < parsed.gpio_count; i++)
        if (parsed.gpio[i] < SPH_GPIO_PINS)
            orders.pins[parsed.gpio[i] / 8] |= (uint8_t)(1u << parsed.gpio[i] % 8);
    rc = build_argv(&parsed.cmd_args, arguments, &orders, err);
    if (rc < 0)
        return rc;
    *ret_orders = orders;
    orders.argv = NULL;
    return 0;
}

void sph_orders_done(struct sph_orders *orders) {
    sph_arguments_free(orders->argv);
    orders->argv = NULL;
}
