/* replies: the agent's replies turned into the JSON of REST answers.
 *
 * Each takes the decoded reply of its route's operation (`message` is of the struct that the table
 * in wire/op.c names) and appends to response->body, whose type and status the caller has set. 0,
 * or the status of a refusal that is then in *response. Pure; nothing of the message is kept. */
#ifndef SPH_GATEWAY_REST_REPLIES_H
#define SPH_GATEWAY_REST_REPLIES_H

#include "gateway/rest/route.h"

/* the device's own interface */
sph_route_format_fn sph_format_status;
sph_route_format_fn sph_format_os_version;
sph_route_format_fn sph_format_abi_versions;
sph_route_format_fn sph_format_app_state; /* of an app list */
sph_route_format_fn sph_format_app_control;
sph_route_format_fn sph_format_quota;
sph_route_format_fn sph_format_storage;
sph_route_format_fn sph_format_restarting;
sph_route_format_fn sph_format_restart;
sph_route_format_fn sph_format_images;
sph_route_format_fn sph_format_memory_stats;
sph_route_format_fn sph_format_capabilities;
sph_route_format_fn sph_format_telemetry_bytes; /* replies_telemetry.c */
/* below /spherule/v1 */
sph_route_format_fn sph_format_telemetry; /* replies_telemetry.c */
sph_route_format_fn sph_format_device;
sph_route_format_fn sph_format_memory;
sph_route_format_fn sph_format_pages;
sph_route_format_fn sph_format_heap;
sph_route_format_fn sph_format_apps;
sph_route_format_fn sph_format_app;
sph_route_format_fn sph_format_run;
sph_route_format_fn sph_format_stop;
sph_route_format_fn sph_format_kills;
sph_route_format_fn sph_format_report;
sph_route_format_fn sph_format_count;
sph_route_format_fn sph_format_trust_list;
sph_route_format_fn sph_format_trust_added;
sph_route_format_fn sph_format_pins;
sph_route_format_fn sph_format_pin;
sph_route_format_fn sph_format_log;

#endif
