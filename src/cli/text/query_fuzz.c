/* "EXPRESSION<newline>JSON": whatever the expression makes of the document is JSON again, within
 * the limits, or a failure with a sentence. */
#include <stdint.h>
#include <string.h>

#include "cli/text/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = (const char *)data;
    const char *line = size > 0 ? memchr(text, '\n', size) : NULL;
    char expression[512];
    sph_autoquery struct sph_query *query = NULL;
    sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT(SPH_QUERY_MEMORY_MAX);
    struct sph_err err = SPH_ERR_NULL;
    struct sph_json_value top;
    size_t len = line ? (size_t)(line - text) : 0;
    if (!line || len >= sizeof(expression) || memchr(text, '\0', len))
        return 0;
    memcpy(expression, text, len);
    expression[len] = '\0';
    if (sph_query_parse(expression, &query, &err) < 0 ||
        sph_json_check(line + 1, size - len - 1, &top, NULL) < 0)
        return 0;
    int r = sph_query_run(query, &top, &buf, &err);
    if (r < 0 ? err.text[0] == '\0' : buf.len == 0)
        __builtin_trap();
    /* what is nested deeper than a document may be is valid all the same */
    if (r == 0 && sph_json_check(buf.data, buf.len, &top, &err) < 0 &&
        !strstr(err.text, "32 levels"))
        __builtin_trap();
    return 0;
}
