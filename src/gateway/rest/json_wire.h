/* json_wire: records of the wire as members of JSON objects.
 *
 * What several answers and the event stream write alike. Everything appends to `out` and cannot
 * fail by itself: out of memory or room stays in out->buf->error. Slices may hold any bytes, also
 * none; what is not UTF-8 in a text becomes U+FFFD. */
#ifndef SPH_GATEWAY_REST_JSON_WIRE_H
#define SPH_GATEWAY_REST_JSON_WIRE_H

#include <stdint.h>

#include "base/guid.h"
#include "base/json_out.h"
#include "wire/message.h"

/* Lower case, without braces. */
void sph_json_key_guid(struct sph_json_out *out, const char *key, const struct sph_guid *guid);
/* As a string, with replacements: for names, paths and sentences. */
void sph_json_key_slice(struct sph_json_out *out, const char *key, struct sph_slice text);
/* "0x7f…", lower case, without leading zeros. */
void sph_json_key_address(struct sph_json_out *out, const char *key, uint64_t address);
/* The signal's name, "" for none. */
void sph_json_key_signal(struct sph_json_out *out, const char *key, uint32_t number);
/* "text" when the bytes are UTF-8 without NUL, else "hex": output must come through unchanged, and
 * a client can tell the two apart. */
void sph_json_key_bytes(struct sph_json_out *out, struct sph_slice bytes);
/* Two lower-case digits a byte. */
void sph_json_key_hex(struct sph_json_out *out, const char *key, struct sph_slice bytes);
/* An array of addresses from a list of u64; an odd rest of the bytes is left out. */
void sph_json_key_addresses(struct sph_json_out *out, const char *key, struct sph_slice list);
/* An array with what `fn` writes of each item of a decoded list. */
typedef void sph_json_item_fn(struct sph_json_out *out, const void *item);
void sph_json_key_list(struct sph_json_out *out, const char *key, const struct sph_list *list,
                       sph_json_item_fn *fn);

/* Words for numbers; a number that this version does not know is "unknown" (or "other"): an agent
 * may be newer than its gateway. Static storage. */
const char *sph_app_state_word(uint32_t state);
const char *sph_end_why_word(uint32_t why);

/* Whole objects: docs/spec/rest.md, sections 3.4 and 3.6 to 3.8. The first and third are items. */
sph_json_item_fn sph_json_mapping;
void sph_json_report(struct sph_json_out *out, const struct sph_msg_report *report);
sph_json_item_fn sph_json_report_row;
void sph_json_event(struct sph_json_out *out, const struct sph_msg_event *event);

#endif
