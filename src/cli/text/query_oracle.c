/* Answers lines "EXPRESSION<tab>JSON" with a line of JSON each, or with "!" and the sentence. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/text/query.h"

static void answer(const char *expression, const char *json) {
    sph_autobuf struct sph_buf buf = SPH_BUF_LIMIT(16 << 20);
    sph_autoquery struct sph_query *query = NULL;
    struct sph_err err = SPH_ERR_NULL;
    struct sph_json_value top;
    int r = sph_json_check(json, strlen(json), &top, &err);
    if (r == 0)
        r = sph_query_parse(expression, &query, &err);
    if (r == 0)
        r = sph_query_run(query, &top, &buf, &err);
    if (r < 0)
        (void)printf("!%s\n", err.text);
    else
        (void)printf("%s\n", buf.data);
    (void)fflush(stdout);
}

int main(void) {
    sph_autofree char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    while ((len = getline(&line, &cap, stdin)) > 0) {
        char *tab = strchr(line, '\t');
        line[len - 1] = '\0';
        if (!tab)
            return 1;
        *tab = '\0';
        answer(line, tab + 1);
    }
    return 0;
}
