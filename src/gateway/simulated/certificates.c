/* The store keeps what can be asked of a certificate: its dates, its names, and how much room it
 * took. The certificate and its key are read, compared and dropped: nothing on a simulated network
 * would use them, and a private key that is not kept cannot be lost. */
#include "gateway/simulated/certificates.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "gateway/simulated/certificate.h"
#include "wire/device_error.h"

enum {
    BLOB_MAX = 8192, /* bytes of a certificate or key: of the API for apps */
    PASSWORD_MAX = 256,
};

/* ---- the store ---- */

enum type { CLIENT, ROOT_CA };
static const char *const types[] = {"Client", "RootCA", NULL};

struct entry {
    char id[SPH_CERTIFICATE_ID];
    uint32_t type, bytes; /* taken by certificate, key and password */
    char not_before[21], not_after[21];
    char subject[SPH_CERTIFICATE_NAME], issuer[SPH_CERTIFICATE_NAME];
};

#define ENTRY_TEXT(name, fewest, most, member)                                                     \
    {                                                                                              \
        .key = (name), .type = SPH_MEMBER_TEXT, .min = (fewest), .max = (most),                    \
        .offset = offsetof(struct entry, member)                                                   \
    }
/* The first rows are shown to clients, all are kept. */
static const struct sph_member rows[] = {
    ENTRY_TEXT("id", 1, SPH_CERTIFICATE_ID - 1, id),
    ENTRY_TEXT("notBefore", 20, 20, not_before),
    ENTRY_TEXT("notAfter", 20, 20, not_after),
    ENTRY_TEXT("subjectName", 0, SPH_CERTIFICATE_NAME - 1, subject),
    ENTRY_TEXT("issuerName", 0, SPH_CERTIFICATE_NAME - 1, issuer),
    {.key = "certType",
     .type = SPH_MEMBER_WORD,
     .words = types,
     .offset = offsetof(struct entry, type)},
    {.key = "bytes",
     .type = SPH_MEMBER_NUMBER,
     .max = SPH_CERTIFICATES_BYTES,
     .offset = offsetof(struct entry, bytes)},
};
static const struct sph_members kept_members = {rows, SPH_ARRAY_SIZE(rows)};
static const struct sph_members shown_members = {rows, 5};
enum { ALL_ROWS = (1 << SPH_ARRAY_SIZE(rows)) - 1 };

struct store {
    struct entry entries[SPH_CERTIFICATES];
    size_t count;
};

/* What may stand in the path and in an app's call. */
static bool is_id(const char *id) {
    for (const char *at = id; *at; at++) {
        if (!isalnum((unsigned char)*at) && !strchr("._-", *at))
            return false;
    }
    return *id && strlen(id) < SPH_CERTIFICATE_ID;
}

static struct entry *find(struct store *store, const char *id) {
    for (size_t i = 0; i < store->count; i++) {
        if (strcmp(store->entries[i].id, id) == 0)
            return &store->entries[i];
    }
    return NULL;
}

/* No more than all clients may send together, so that sums need no look at their size. */
static uint32_t bytes_used(const struct store *store) {
    uint32_t used = 0;
    for (size_t i = 0; i < store->count; i++)
        used += store->entries[i].bytes;
    return used;
}

static unsigned read_store(const struct sph_setting_request *request, struct store *ret_store,
                           struct sph_response *response) {
    struct sph_json_value object, list, item;
    struct sph_json_iter iter;
    unsigned status = sph_setting_object(request, SPH_SETTING_CERTIFICATES, &object, response);
    ret_store->count = 0;
    if (status || !sph_json_get(&object, "certificates", &list))
        return status;
    if (list.type != SPH_JSON_ARRAY)
        return sph_setting_refuse(request, SPH_SETTING_CERTIFICATES, response);
    sph_json_iter_init(&iter, &list);
    while (sph_json_next(&iter, NULL, &item)) {
        const struct sph_member *wrong;
        uint32_t present;
        struct entry entry = {.bytes = 0};
        if (ret_store->count == SPH_CERTIFICATES || item.type != SPH_JSON_OBJECT ||
            sph_members_read(&item, &kept_members, &entry, &present, &wrong) < 0 ||
            present != ALL_ROWS || !is_id(entry.id) || find(ret_store, entry.id))
            return sph_setting_refuse(request, SPH_SETTING_CERTIFICATES, response);
        ret_store->entries[ret_store->count++] = entry;
    }
    if (bytes_used(ret_store) > SPH_CERTIFICATES_BYTES)
        return sph_setting_refuse(request, SPH_SETTING_CERTIFICATES, response);
    return 0;
}

static void write_store(const struct store *store, struct sph_buf *ret_value) {
    struct sph_json_out out;
    sph_json_begin(&out, ret_value);
    sph_json_object(&out);
    sph_json_key(&out, "certificates");
    sph_json_array(&out);
    for (size_t i = 0; i < store->count; i++) {
        sph_json_object(&out);
        sph_members_write(&out, &kept_members, &store->entries[i], false);
        sph_json_object_end(&out);
    }
    sph_json_array_end(&out);
    sph_json_object_end(&out);
}

unsigned sph_certificates_has(const struct sph_setting_request *request, const char *id,
                              bool is_client, bool *ret_has, struct sph_response *response) {
    struct store store;
    unsigned status = read_store(request, &store, response);
    if (status)
        return status;
    const struct entry *entry = find(&store, id);
    *ret_has = entry && (entry->type == CLIENT) == is_client;
    return 0;
}

/* ---- showing ---- */

unsigned sph_certificates_list(const struct sph_setting_request *request, struct sph_buf *ret_value,
                               struct sph_response *response) {
    (void)ret_value;
    struct store store;
    struct sph_json_out out;
    unsigned status = read_store(request, &store, response);
    if (status)
        return status;
    sph_json_begin(&out, &response->body);
    sph_json_object(&out);
    sph_json_key(&out, "identifiers");
    sph_json_array(&out);
    for (size_t i = 0; i < store.count; i++)
        sph_json_string(&out, store.entries[i].id);
    sph_json_array_end(&out);
    sph_json_object_end(&out);
    return 0;
}

/* A string, as on devices. */
unsigned sph_certificates_space(const struct sph_setting_request *request,
                                struct sph_buf *ret_value, struct sph_response *response) {
    (void)ret_value;
    struct store store;
    unsigned status = read_store(request, &store, response);
    if (status)
        return status;
    sph_buf_printf(&response->body, "{\"AvailableSpace\":\"%u\"}",
                   SPH_CERTIFICATES_BYTES - bytes_used(&store));
    return 0;
}

static unsigned check_id(const struct sph_setting_request *request, struct sph_response *response) {
    if (is_id(request->call->name))
        return 0;
    return sph_response_refuse(response, request->call->is_own, 400,
                               SPH_DEVERR_CERT_IDENTIFIER_INVALID,
                               "the identifier of a certificate has 1 to 16 letters, digits, '.', "
                               "'-' and '_'");
}

/* The store, and in it the certificate of the path. */
static unsigned read_named(const struct sph_setting_request *request, struct store *ret_store,
                           struct entry **ret_entry, struct sph_response *response) {
    unsigned status = check_id(request, response);
    if (!status)
        status = read_store(request, ret_store, response);
    if (status)
        return status;
    *ret_entry = find(ret_store, request->call->name);
    if (*ret_entry)
        return 0;
    return sph_response_refuse(
        response, request->call->is_own, 404, SPH_DEVERR_CERT_IDENTIFIER_INVALID,
        "there is no certificate \"%s\" in the device's store", request->call->name);
}

unsigned sph_certificates_get(const struct sph_setting_request *request, struct sph_buf *ret_value,
                              struct sph_response *response) {
    (void)ret_value;
    struct store store;
    struct entry *entry;
    struct sph_json_out out;
    unsigned status = read_named(request, &store, &entry, response);
    if (status)
        return status;
    sph_json_begin(&out, &response->body);
    sph_json_object(&out);
    sph_members_write(&out, &shown_members, entry, true);
    sph_json_object_end(&out);
    return 0;
}

/* ---- changing ---- */

unsigned sph_certificates_delete(const struct sph_setting_request *request,
                                 struct sph_buf *ret_value, struct sph_response *response) {
    struct store store;
    struct entry *entry;
    unsigned status = read_named(request, &store, &entry, response);
    if (status)
        return status;
    memmove(entry, entry + 1, (size_t)(&store.entries[store.count] - (entry + 1)) * sizeof(*entry));
    store.count--;
    write_store(&store, ret_value);
    sph_buf_puts(&response->body, "{}");
    return 0;
}

/* Absent, null and empty are the same: nothing. */
static unsigned read_blob(const struct sph_setting_request *request,
                          const struct sph_json_value *object, const char *key,
                          struct sph_buf *ret_blob, struct sph_response *response) {
    struct sph_json_value value;
    if (!sph_json_get(object, key, &value) || value.type == SPH_JSON_NULL)
        return 0;
    if (sph_json_to_buf(&value, ret_blob) < 0 || ret_blob->error) {
        char wanted[64];
        (void)snprintf(wanted, sizeof(wanted), "a string of at most %zu bytes", ret_blob->limit);
        return sph_setting_refuse_member(request, key, wanted, response);
    }
    return 0;
}

struct blobs {
    uint32_t type;
    struct sph_buf certificate, key, password;
};

static void blobs_done(struct blobs *blobs) {
    sph_buf_done(&blobs->certificate);
    sph_buf_done(&blobs->key);
    sph_buf_done(&blobs->password);
}

/* The words in lower case are the command line's, which some clients pass on. */
static unsigned read_blobs(const struct sph_setting_request *request, struct blobs *ret_blobs,
                           struct sph_response *response) {
    static const char *const words[] = {"Client", "RootCA", "client", "rootca", NULL};
    static const struct sph_member type_rows[] = {{.key = "certType",
                                                   .type = SPH_MEMBER_WORD,
                                                   .words = words,
                                                   .wanted = "\"Client\" or \"RootCA\""}};
    static const struct sph_members type_members = {type_rows, 1};
    const struct sph_setting_input input = {
        .members = &type_members, .required = 1, .record = &ret_blobs->type};
    struct sph_json_value object;
    uint32_t present;
    unsigned status = sph_setting_body(request, &object, response);
    if (!status)
        status = sph_setting_input(request, &input, &present, response);
    if (!status)
        status = read_blob(request, &object, "publicCert", &ret_blobs->certificate, response);
    if (!status)
        status = read_blob(request, &object, "privateKey", &ret_blobs->key, response);
    if (!status)
        status = read_blob(request, &object, "password", &ret_blobs->password, response);
    if (status)
        return status;
    ret_blobs->type %= 2;
    if (ret_blobs->certificate.len == 0)
        return sph_setting_refuse_member(request, "publicCert", "a certificate as PEM text",
                                         response);
    if ((ret_blobs->key.len > 0) != (ret_blobs->type == CLIENT))
        return sph_setting_refuse_member(request, "privateKey",
                                         ret_blobs->type == CLIENT ? "a private key as PEM text"
                                                                   : "left out of a root's",
                                         response);
    return 0;
}

/* "2026-11-22T13:21:34Z"; beyond the years that fit, which no certificate should have, the last. */
static void format_time(int64_t seconds, char ret_text[21]) {
    struct tm tm;
    time_t time = (time_t)seconds;
    if (!gmtime_r(&time, &tm) || tm.tm_year < -1900 || tm.tm_year > 8099 ||
        strftime(ret_text, 21, "%Y-%m-%dT%H:%M:%SZ", &tm) != 20)
        memcpy(ret_text, "9999-12-31T23:59:59Z", 21);
}

static unsigned refuse_blob(const struct sph_setting_request *request, const struct sph_err *err,
                            struct sph_response *response) {
    bool is_mismatch = err->code == -EINVAL || err->code == -EKEYREJECTED;
    return sph_response_refuse(response, request->call->is_own, err->code == -ENOMEM ? 500 : 400,
                               is_mismatch            ? SPH_DEVERR_CERT_PRIVATE_KEY_MISMATCHED
                               : err->code == -ENOMEM ? ENOMEM
                                                      : SPH_DEVERR_INVALID_JSON,
                               "%s", err->text);
}

/* Reads what was sent into an entry of the store. */
static unsigned describe(const struct sph_setting_request *request, const struct blobs *blobs,
                         struct entry *ret_entry, struct sph_response *response) {
    struct sph_err err = SPH_ERR_NULL;
    struct sph_certificate certificate;
    const struct sph_certificate_pair pair = {.certificate = blobs->certificate.data,
                                              .certificate_len = blobs->certificate.len,
                                              .key = blobs->key.data,
                                              .key_len = blobs->key.len,
                                              .password = blobs->password.len ? blobs->password.data
                                                                              : NULL};
    if (sph_certificate_parse(pair.certificate, pair.certificate_len, &certificate, &err) < 0 ||
        (blobs->type == CLIENT && sph_certificate_check_key(&pair, &err) < 0))
        return refuse_blob(request, &err, response);
    *ret_entry = (struct entry){
        .type = blobs->type,
        .bytes = (uint32_t)(blobs->certificate.len + blobs->key.len + blobs->password.len)};
    memcpy(ret_entry->id, request->call->name, strlen(request->call->name) + 1);
    format_time(certificate.not_before, ret_entry->not_before);
    format_time(certificate.not_after, ret_entry->not_after);
    memcpy(ret_entry->subject, certificate.subject, sizeof(ret_entry->subject));
    memcpy(ret_entry->issuer, certificate.issuer, sizeof(ret_entry->issuer));
    return 0;
}

/* In the place of one with the same identifier, whose room is free then. */
static unsigned put_entry(const struct sph_setting_request *request, struct store *store,
                          const struct entry *entry, struct sph_response *response) {
    struct entry *place = find(store, entry->id);
    uint32_t freed = place ? place->bytes : 0;
    uint32_t room = SPH_CERTIFICATES_BYTES - bytes_used(store) + freed;
    bool is_full = !place && store->count == SPH_CERTIFICATES;
    if (entry->bytes > room || is_full)
        return sph_response_refuse(response, request->call->is_own, 400,
                                   SPH_DEVERR_NOT_ENOUGH_FREE_SPACE,
                                   "the certificate needs %u bytes; the store has %u left, and "
                                   "room for %d certificates: delete one first",
                                   entry->bytes, room, SPH_CERTIFICATES);
    if (!place)
        place = &store->entries[store->count++];
    *place = *entry;
    return 0;
}

unsigned sph_certificates_add(const struct sph_setting_request *request, struct sph_buf *ret_value,
                              struct sph_response *response) {
    struct store store;
    struct entry entry;
    SPH_CLEANUP(blobs_done)
    struct blobs blobs = {.certificate = SPH_BUF_LIMIT(BLOB_MAX),
                          .key = SPH_BUF_LIMIT(BLOB_MAX),
                          .password = SPH_BUF_LIMIT(PASSWORD_MAX)};
    unsigned status = check_id(request, response);
    if (!status)
        status = read_blobs(request, &blobs, response);
    if (!status)
        status = read_store(request, &store, response);
    if (!status)
        status = describe(request, &blobs, &entry, response);
    if (!status)
        status = put_entry(request, &store, &entry, response);
    if (status)
        return status;
    write_store(&store, ret_value);
    sph_buf_puts(&response->body, "{}");
    return 0;
}
