/* Rejected: a parser for each kind of object. Every limit would stand twice, once for clients and
 * once for what was kept, and a value that the first lets through and the second refuses would make
 * the device's state unreadable. */
#include "gateway/rest/members.h"

#include <errno.h>
#include <string.h>

/* What is shown to people and written in lists must not hold line ends or worse. */
static bool is_clean(const char *text) {
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return false;
    }
    return true;
}

static int read_text(const struct sph_json_value *value, const struct sph_member *member,
                     char *text) {
    int result = sph_json_to_text(value, text, member->max + 1);
    if (result == 0 && (strlen(text) < member->min || !is_clean(text)))
        result = -EINVAL;
    return result;
}

static int read_number(const struct sph_json_value *value, const struct sph_member *member,
                       uint32_t *ret_number) {
    uint64_t number = 0;
    int result = sph_json_to_u64(value, member->max, &number);
    if (result == 0 && number < member->min)
        result = -ERANGE;
    if (result == 0)
        *ret_number = (uint32_t)number;
    return result;
}

static int read_word(const struct sph_json_value *value, const struct sph_member *member,
                     uint32_t *ret_place) {
    for (uint32_t i = 0; member->words[i]; i++) {
        if (sph_json_is(value, member->words[i])) {
            *ret_place = i;
            return 0;
        }
    }
    return -EINVAL;
}

static int read_value(const struct sph_json_value *value, const struct sph_member *member,
                      void *place) {
    switch ((enum sph_member_type)member->type) {
    case SPH_MEMBER_TEXT:
        return read_text(value, member, place);
    case SPH_MEMBER_NUMBER:
        return read_number(value, member, place);
    case SPH_MEMBER_FLAG:
        return sph_json_to_bool(value, place);
    case SPH_MEMBER_WORD:
        return read_word(value, member, place);
    }
    return -EINVAL;
}

int sph_members_read(const struct sph_json_value *object, const struct sph_members *members,
                     void *record, uint32_t *ret_present, const struct sph_member **ret_wrong) {
    uint32_t present = 0;
    for (size_t i = 0; i < members->count; i++) {
        const struct sph_member *member = &members->rows[i];
        struct sph_json_value value;
        if (member->kind == SPH_MEMBER_SHOWN || !sph_json_get(object, member->key, &value) ||
            value.type == SPH_JSON_NULL)
            continue;
        if (read_value(&value, member, (char *)record + member->offset) < 0) {
            *ret_wrong = member;
            return -EINVAL;
        }
        present |= (uint32_t)1 << i;
    }
    *ret_present = present;
    return 0;
}

static void write_value(struct sph_json_out *out, const struct sph_member *member,
                        const void *place) {
    switch ((enum sph_member_type)member->type) {
    case SPH_MEMBER_TEXT:
        sph_json_string(out, place);
        break;
    case SPH_MEMBER_NUMBER:
        sph_json_u64(out, *(const uint32_t *)place);
        break;
    case SPH_MEMBER_FLAG:
        sph_json_bool(out, *(const bool *)place);
        break;
    case SPH_MEMBER_WORD:
        sph_json_string(out, member->words[*(const uint32_t *)place]);
        break;
    }
}

void sph_members_write(struct sph_json_out *out, const struct sph_members *members,
                       const void *record, bool is_shown) {
    for (size_t i = 0; i < members->count; i++) {
        const struct sph_member *member = &members->rows[i];
        const char *place = (const char *)record + member->offset;
        bool is_empty = member->type == SPH_MEMBER_TEXT && *place == '\0';
        if (member->kind == (is_shown ? SPH_MEMBER_SECRET : SPH_MEMBER_SHOWN) ||
            (member->kind != SPH_MEMBER_PLAIN && is_empty))
            continue;
        sph_json_key(out, member->key);
        write_value(out, member, place);
    }
}
