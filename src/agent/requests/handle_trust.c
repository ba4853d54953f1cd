/* Requests about the signers that the device trusts. */
#include <errno.h>
#include <string.h>

#include "agent/device/device.h"
#include "agent/requests/handle.h"
#include "agent/store/trust_store.h"
#include "wire/msg_trust.h"

/* The Linux number of a condition of the trust store. */
static int refuse_condition(struct sph_call *call, int condition) {
    int code = condition;
    if (condition == SPH_TRUST_E_EXISTS)
        code = -EEXIST;
    else if (condition == SPH_TRUST_E_FULL)
        code = -ENOSPC;
    else if (condition == SPH_TRUST_E_ABSENT)
        code = -ENOENT;
    call->refusal.err.code = code;
    return sph_refuse_as(&call->refusal, SPH_DEVICE_ERROR(SPH_CATEGORY_LINUX, -code));
}

/* Slices carry any length; the records have one. */
static int check_length(struct sph_call *call, struct sph_slice bytes, size_t len,
                        const char *what) {
    if (bytes.len == len)
        return 0;
    return sph_refuse(&call->refusal, -EINVAL, SPH_DEVICE_ERROR(SPH_CATEGORY_LINUX, EINVAL),
                      "%s has %zu bytes, not %zu", what, len, bytes.len);
}

/* Slices into the store: encoded before anything can change there. */
int sph_handle_trust_list(struct sph_call *call) {
    const struct sph_trust *trust = sph_trust_store_get(call->device->trust);
    struct sph_msg_trust entries[SPH_TRUST_MAX];
    for (unsigned i = 0; i < trust->count; i++) {
        const struct sph_trust_record *record = &trust->records[i];
        entries[i] = (struct sph_msg_trust){
            .thumbprint = sph_slice(record->thumbprint, sizeof(record->thumbprint)),
            .point = sph_slice(record->point, sizeof(record->point)),
            .name = sph_slice_text(record->name),
            .production = record->is_production};
    }
    struct sph_msg_trust_list_reply reply = {.entries = SPH_LIST(entries, trust->count)};
    return sph_call_reply(call, &reply);
}

/* The name is cut to what fits; the thumbprint is what identifies the signer. */
int sph_handle_trust_add(struct sph_call *call) {
    const struct sph_msg_trust *asked = call->request;
    struct sph_trust_record record = {.name = "", .is_production = asked->production};
    int code = check_length(call, asked->thumbprint, sizeof(record.thumbprint), "a thumbprint");
    if (code == 0)
        code = check_length(call, asked->point, sizeof(record.point), "a public key");
    if (code < 0)
        return code;
    memcpy(record.thumbprint, asked->thumbprint.data, sizeof(record.thumbprint));
    memcpy(record.point, asked->point.data, sizeof(record.point));
    sph_slice_copy(asked->name, record.name, sizeof(record.name));
    /* The point is checked there to be on the curve. */
    code = sph_trust_store_add(call->device->trust, &record, &call->refusal.err);
    if (code != 0)
        return refuse_condition(call, code);
    sph_device_note(call->device, NULL, "trusts packages signed by %s%s", record.name,
                    record.is_production ? ", in production too" : "");
    return sph_call_reply(call, NULL);
}

/* Packages that were installed on this signer's word stay and run: trust is asked for at
 * installation. */
int sph_handle_trust_remove(struct sph_call *call) {
    const struct sph_msg_trust_remove *asked = call->request;
    uint8_t thumbprint[SPH_TRUST_THUMBPRINT];
    int code = check_length(call, asked->thumbprint, sizeof(thumbprint), "a thumbprint");
    if (code < 0)
        return code;
    memcpy(thumbprint, asked->thumbprint.data, sizeof(thumbprint));
    code = sph_trust_store_remove(call->device->trust, thumbprint, &call->refusal.err);
    if (code != 0)
        return refuse_condition(call, code);
    sph_device_note(call->device, NULL, "a trusted signer was removed");
    return sph_call_reply(call, NULL);
}
