/* body: the JSON body of a request, and how it is refused. */
#ifndef SPH_GATEWAY_REST_BODY_H
#define SPH_GATEWAY_REST_BODY_H

#include "base/json_in.h"
#include "gateway/rest/route.h"

/* The object that a body is. 0 or the status of a refusal. */
unsigned sph_body_object(const struct sph_call *call, const char *body, size_t len,
                         struct sph_json_value *ret_object, struct sph_response *response);
/* There is none, where the call needs one. */
unsigned sph_body_refuse_absent(const struct sph_call *call, struct sph_response *response);
/* The same for a member that is missing and one that is wrong: either way `wanted` is what it must
 * be. */
unsigned sph_body_refuse_member(const struct sph_call *call, const char *key, const char *wanted,
                                struct sph_response *response);

#endif
