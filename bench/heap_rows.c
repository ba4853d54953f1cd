/* Inserts 200,000 rows into a database in memory, and prints the CPU milliseconds that it took: a
 * real program's use of malloc, for the heap ledger's benchmark. */
#include <sqlite3.h>
#include <stdio.h>
#include <time.h>

#include "peak_rss.h"

enum { ROWS = 200000 };

int main(void) {
    sqlite3 *db;
    sqlite3_stmt *insert;
    struct timespec spent;
    if (sqlite3_open(":memory:", &db) != SQLITE_OK ||
        sqlite3_exec(db, "create table t(id integer primary key, name text); begin", NULL, NULL,
                     NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(db, "insert into t(name) values(?)", -1, &insert, NULL) != SQLITE_OK)
        return 1;
    for (int i = 0; i < ROWS; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "row number %d", i);
        sqlite3_bind_text(insert, 1, name, -1, SQLITE_TRANSIENT);
        if (sqlite3_step(insert) != SQLITE_DONE)
            return 1;
        sqlite3_reset(insert);
    }
    sqlite3_exec(db, "commit", NULL, NULL, NULL);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
    printf("%-20s %6.1f\n", "sqlite-200000-ms",
           (double)spent.tv_sec * 1000 + (double)spent.tv_nsec / 1e6);
    print_peak_rss();
    return 0;
}
