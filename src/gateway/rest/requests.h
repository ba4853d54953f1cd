/* requests: the bodies and arguments of REST calls turned into requests to the agent.
 *
 * Pure. Each writes the encoded request of its route's operation into *ret_payload and returns 0,
 * or makes *response a refusal, leaves the payload empty and returns its status. `body` is NULL
 * without one; members that a call does not know are ignored. */
#ifndef SPH_GATEWAY_REST_REQUESTS_H
#define SPH_GATEWAY_REST_REQUESTS_H

#include "gateway/rest/route.h"

sph_route_build_fn sph_build_component;    /* id of the path, or of the query, or none */
sph_route_build_fn sph_build_trigger;      /* {"trigger":…} */
sph_route_build_fn sph_build_run_once;     /* {"heap":…,"heapStacks":…}, or none */
sph_route_build_fn sph_build_install;      /* {"appControlMode":…} */
sph_route_build_fn sph_build_pages;        /* query first */
sph_route_build_fn sph_build_log;          /* query cursor, waitMs, reader */
sph_route_build_fn sph_build_report_id;    /* number of the path */
sph_route_build_fn sph_build_capabilities; /* {"device_capabilities":[…]} */
sph_route_build_fn sph_build_trust; /* {"thumbprint":…,"point":…,"name":…,"kind":…} */
sph_route_build_fn sph_build_trust_remove; /* thumbprint of the path */
sph_route_build_fn sph_build_listen;       /* {"address":…,"trusted":…}, checked alone */
sph_route_build_fn sph_build_pin;          /* number of the path */
sph_route_build_fn sph_build_pin_set;      /* the same, {"value":…} */

#endif
