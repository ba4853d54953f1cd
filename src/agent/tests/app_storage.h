/* What the tests' app does with its mutable storage: deeds for app.c's table. */
#ifndef SPH_AGENT_TESTS_APP_STORAGE_H
#define SPH_AGENT_TESTS_APP_STORAGE_H

#include <stdint.h>

#include "wire/app_channel.h"

/* app.c: one request on the app's channel; a descriptor, or -1. */
int request(uint32_t op, uint32_t a, uint32_t b, uint32_t c, struct sph_app_reply *reply);

int do_fill(char **args);
int do_write_ways(char **args);
int do_deleted(char **args);
int do_hoard_deleted(char **args);
int do_mappings(char **args);
int do_rewrite(char **args);
int do_keep_open(char **args);

#endif
