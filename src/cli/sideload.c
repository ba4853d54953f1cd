/* Two requests, as the original does: stage, then install. Between them the package is checked
 * but nothing has changed, so a broken transfer leaves the old application running. There is no
 * third request to take a staged package away: the next stage replaces it. */
#include "cli/sideload.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"

int sph_sideload(struct sph_target *target, const void *package, size_t len, bool manual,
                 struct sph_err *err) {
    const struct sph_sideload_plan plan = {.package = package, .len = len, .manual = manual};
    return sph_sideload_within(target, &plan, err);
}

/* What is left of the time for the second request, of which a millisecond is always left: whether
 * it is in time is the request's to say. */
static long left_ms(const struct sph_sideload_plan *plan, uint64_t start_ms) {
    uint64_t used_ms = sph_clock_monotonic_ms() - start_ms;
    if (plan->timeout_ms == 0)
        return 0;
    return used_ms < plan->timeout_ms ? (long)(plan->timeout_ms - used_ms) : 1;
}

/* "Manual" keeps the device from starting it; "Auto" is what the device does without a word, too.
 */
static int install(struct sph_target *target, const struct sph_sideload_plan *plan,
                   uint64_t start_ms, struct sph_err *err) {
    const char *body =
        plan->manual ? "{\"appControlMode\":\"Manual\"}" : "{\"appControlMode\":\"Auto\"}";
    const struct sph_rest_request request = {.method = "POST",
                                             .path = "/update/install",
                                             .body = body,
                                             .body_len = strlen(body),
                                             .timeout_ms = left_ms(plan, start_ms)};
    return sph_rest_call(target->rest, &request, NULL, err);
}

int sph_sideload_within(struct sph_target *target, const struct sph_sideload_plan *plan,
                        struct sph_err *err) {
    uint64_t start_ms = sph_clock_monotonic_ms();
    const struct sph_rest_request stage = {.method = "PUT",
                                           .path = "/update/stage",
                                           .type = "application/octet-stream",
                                           .body = plan->package,
                                           .body_len = plan->len,
                                           .timeout_ms = left_ms(plan, start_ms)};
    int r = sph_rest_call(target->rest, &stage, NULL, err);
    if (r == 0)
        r = install(target, plan, start_ms, err);
    if (r == -ETIMEDOUT && plan->timeout_ms > 0)
        return SPH_FAIL(err, -ETIMEDOUT,
                        "it took longer than %llu s ('spherule device sideload "
                        "set-deployment-timeout' sets how long it may)",
                        (unsigned long long)plan->timeout_ms / 1000);
    return r;
}
