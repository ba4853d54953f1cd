/* json_wire: records of the wire as members of JSON objects. */
#ifndef SPH_GATEWAY_JSON_WIRE_H
#define SPH_GATEWAY_JSON_WIRE_H

#include <stdint.h>

#include "base/guid.h"
#include "base/json_out.h"
#include "wire/message.h"

void sph_json_key_guid(struct sph_json_out *out, const char *key, const struct sph_guid *guid);
void sph_json_key_slice(struct sph_json_out *out, const char *key, struct sph_slice text);
void sph_json_key_address(struct sph_json_out *out, const char *key, uint64_t address);
/* "text" when the bytes are UTF-8 without NUL, else "hex". */
void sph_json_key_bytes(struct sph_json_out *out, struct sph_slice bytes);
void sph_json_key_hex(struct sph_json_out *out, const char *key, struct sph_slice bytes);
void sph_json_key_addresses(struct sph_json_out *out, const char *key, struct sph_slice list);

/* Words for numbers; a number that this version does not know is "unknown" (or "other"). */
const char *sph_app_state_word(uint32_t state);
const char *sph_end_why_word(uint32_t why);

void sph_json_mapping(struct sph_json_out *out, const struct sph_msg_mapping *mapping);
void sph_json_report(struct sph_json_out *out, const struct sph_msg_report *report);
void sph_json_report_row(struct sph_json_out *out, const struct sph_msg_report_row *row);
void sph_json_event(struct sph_json_out *out, const struct sph_msg_event *event);

#endif
