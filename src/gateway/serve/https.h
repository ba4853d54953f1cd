/* https: the REST interface for programs elsewhere, off until its user asks for it.
 *
 * All its state is in the folder "https" of the device: ca.key, ca.pem, device.key, device.pem
 * (authority.h) and, while it is on, listen.json with the token. */
#ifndef SPH_GATEWAY_SERVE_HTTPS_H
#define SPH_GATEWAY_SERVE_HTTPS_H

#include <stdbool.h>

#include "base/json_out.h"
#include "gateway/access/listen.h"
#include "gateway/serve/exchange.h"

/* Takes NULL everywhere for a gateway that has none. */
struct sph_https;

/* Listens at once where listen.json says so. `on_due` is called when it wants to be run. Everything
 * that is passed outlives it. -ENOMEM, or what the loop gives. */
int sph_https_new(struct sph_exchange_pool *pool, int dir_fd, void (*on_due)(void *context),
                  void *context, struct sph_https **ret_https, struct sph_err *err);
/* Takes NULL, returns NULL. Guests' requests are answered or refused first; listen.json stays. */
struct sph_https *sph_https_free(struct sph_https *https);

/* Listens there from now on, and after a restart; the token is the one that is kept, or a new one.
 * When that fails all is as before. -EINVAL, -EPERM (the address is no place for a trusted
 * listener), -EADDRINUSE, -EACCES or another negative errno. */
int sph_https_listen(struct sph_https *https, const struct sph_listen *wish, struct sph_err *err);
/* Stops, and forgets the token. 0 also when it was off. */
int sph_https_stop(struct sph_https *https, struct sph_err *err);

/* Members of a JSON object. */
void sph_https_describe(const struct sph_https *https, bool with_token, struct sph_json_out *out);
/* PEM. -ENOENT when HTTPS was never on. */
int sph_https_read_ca(const struct sph_https *https, struct sph_buf *text, struct sph_err *err);
/* Who asks; never NULL for a guest's exchange. */
const struct sph_access *sph_https_access(const struct sph_https *https);

void sph_https_run(struct sph_https *https);
/* Listens where it should and could not. */
void sph_https_try_again(struct sph_https *https);

#endif
