/* requests: the bodies and arguments of REST calls turned into requests to the agent. */
#ifndef SPH_GATEWAY_REQUESTS_H
#define SPH_GATEWAY_REQUESTS_H

#include "gateway/route.h"

sph_route_build_fn sph_build_component; /* id of the path, or of the query, or none */
sph_route_build_fn sph_build_trigger;   /* {"trigger":…} */
sph_route_build_fn sph_build_run_once;
sph_route_build_fn sph_build_install; /* {"appControlMode":…} */
sph_route_build_fn sph_build_pages;
sph_route_build_fn sph_build_log;
sph_route_build_fn sph_build_report_id;
sph_route_build_fn sph_build_trust;
sph_route_build_fn sph_build_trust_remove;
sph_route_build_fn sph_build_pin;
sph_route_build_fn sph_build_pin_set;

#endif
