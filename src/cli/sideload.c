/* Two requests, as the original does: stage, then install. Between them the package is checked
 * but nothing has changed, so a broken transfer leaves the old application running. There is no
 * third request to take a staged package away: the next stage replaces it. */
#include "cli/sideload.h"

#include <errno.h>

/* "Manual" keeps the device from starting it; "Auto" is what the device does without a word, too.
 */
int sph_sideload(struct sph_target *target, const void *package, size_t len, bool manual,
                 struct sph_err *err) {
    const struct sph_rest_request request = {.method = "PUT",
                                             .path = "/update/stage",
                                             .type = "application/octet-stream",
                                             .body = package,
                                             .body_len = len};
    int r = sph_rest_call(target->rest, &request, NULL, err);
    if (r < 0)
        return r;
    return sph_target_call(
        target, "POST", "/update/install",
        manual ? "{\"appControlMode\":\"Manual\"}" : "{\"appControlMode\":\"Auto\"}", err);
}
