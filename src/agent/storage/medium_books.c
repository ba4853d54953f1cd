/* Which files are open, what each app may hold and what it has written. Files are let go of when
 * they are closed, not when they are deleted: until then they take their room. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/storage/medium_private.h"
#include "agent/storage/storage.h"
#include "base/cleanup.h"

/* Never waited for: an agent that is busy for so long that the socket is full loses the notice, not
 * the figures. */
static void notify(const struct sph_medium_books *books, const struct sph_medium_notice *notice) {
    (void)send(books->notice_fd, notice, sizeof(*notice), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void SPH_PRINTF(3, 4) note(const struct sph_medium_books *books,
                                  const struct sph_medium_account *account, const char *fmt, ...) {
    struct sph_medium_notice notice = {.component = account->component};
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(notice.text, sizeof(notice.text), fmt, args);
    va_end(args);
    notify(books, &notice);
}

/* ---- accounts ---- */

static struct sph_medium_account *find_account(const struct sph_medium_books *books,
                                               const struct sph_guid *component) {
    struct sph_medium_account *at = books->accounts;
    while (at && (at->is_forgotten || !sph_guid_equal(&at->component, component)))
        at = at->next;
    return at;
}

/* A damaged record is no reason to keep an app from its file: it is told when it is opened, and
 * counting begins anew. */
static int read_record(const struct sph_medium_books *books, struct sph_medium_account *account,
                       bool is_opening, struct sph_err *err) {
    uint8_t bytes[SPH_WEAR_FILE];
    struct sph_err damage = SPH_ERR_NULL;
    ssize_t len = pread(account->record_fd, bytes, sizeof(bytes), 0);
    if (len < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot read the wear of the storage");
    if (sph_wear_parse(bytes, (size_t)len, &account->wear, &account->record, &damage) < 0 &&
        is_opening)
        note(books, account, "%s Counting begins anew.", damage.text);
    return 0;
}

static int load_account(const struct sph_medium_books *books, struct sph_medium_account *account,
                        const struct sph_guid *component, bool make, struct sph_err *err) {
    *account = (struct sph_medium_account){.component = *component};
    account->record_fd = sph_storage_open_wear(books->storage, component, make, err);
    return account->record_fd < 0 ? account->record_fd : read_record(books, account, make, err);
}

static int get_account(struct sph_medium_books *books, const struct sph_guid *component,
                       struct sph_medium_account **ret_account, struct sph_err *err) {
    *ret_account = find_account(books, component);
    if (*ret_account)
        return 0;
    sph_autofree struct sph_medium_account *account = malloc(sizeof(*account));
    if (!account)
        return SPH_FAIL(err, -ENOMEM, "No memory for the mutable storage.");
    int code = load_account(books, account, component, true, err);
    if (code < 0) {
        if (account->record_fd >= 0)
            (void)close(account->record_fd);
        return code;
    }
    account->next = books->accounts;
    *ret_account = books->accounts = SPH_STEAL_PTR(account);
    return 0;
}

static unsigned count_files(const struct sph_medium_books *books,
                            const struct sph_medium_account *account) {
    unsigned count = 0;
    for (const struct sph_medium_file *at = books->files; at; at = at->next)
        count += at->account == account;
    return count;
}

static void drop_account(struct sph_medium_books *books, struct sph_medium_account *account) {
    struct sph_medium_account **at = &books->accounts;
    while (*at != account)
        at = &(*at)->next;
    *at = account->next;
    (void)close(account->record_fd);
    free(account);
}

/* ---- wear ---- */

/* Not synced: like the app's own writes it is on disk when the app asks for that (fsync), and
 * survives the agent. */
static void write_record(const struct sph_medium_books *books, struct sph_medium_account *account) {
    uint8_t record[SPH_WEAR_RECORD];
    sph_wear_format(&account->wear, ++account->record, record);
    ssize_t len =
        pwrite(account->record_fd, record, sizeof(record), (off_t)sph_wear_place(account->record));
    bool is_written = len == (ssize_t)sizeof(record);
    if (!is_written && !account->is_unrecorded && !account->is_forgotten)
        note(books, account, "the wear of its storage is not kept: %s",
             len < 0 ? strerror(errno) : "half a record was written");
    account->is_unrecorded = !is_written;
}

void sph_medium_note_wear(struct sph_medium_books *books, struct sph_medium_account *account,
                          const struct sph_wear *wear) {
    struct sph_medium_notice notice = {.component = account->component,
                                       .news = sph_wear_news(&account->wear, wear),
                                       .wear = *wear};
    account->wear = *wear;
    write_record(books, account);
    if (notice.news == SPH_WEAR_SILENT || account->is_forgotten)
        return;
    if (notice.news == SPH_WEAR_WARNING)
        (void)snprintf(notice.text, sizeof(notice.text),
                       "%" PRIu64 " of %" PRIu64 " writes to its storage changed nothing: compare "
                       "before writing, flash wears out",
                       wear->idle_writes, wear->writes);
    notify(books, &notice);
}

/* ---- files ---- */

struct sph_medium_file *sph_medium_current(const struct sph_medium_books *books,
                                           const struct sph_guid *component) {
    struct sph_medium_file *at = books->files;
    while (at && (at->is_deleted || !sph_guid_equal(&at->account->component, component)))
        at = at->next;
    return at;
}

struct sph_quota sph_medium_quota(const struct sph_medium_books *books,
                                  const struct sph_medium_file *file) {
    struct sph_quota quota = {.limit_bytes = file->account->limit_bytes, .file_bytes = file->bytes};
    bool has_current = false;
    for (const struct sph_medium_file *at = books->files; at; at = at->next) {
        has_current |= at->account == file->account && !at->is_deleted;
        if (at->account == file->account && at != file)
            quota.other_bytes += at->bytes;
    }
    /* A new one that is not open at the moment. */
    uint64_t current = 0;
    if (!has_current && !file->account->is_forgotten &&
        sph_storage_usage(books->storage, &file->account->component, &current, NULL) == 0)
        quota.other_bytes += current;
    return quota;
}

void sph_medium_let_go(struct sph_medium_books *books, struct sph_medium_file *file) {
    if (file->opens > 0 || file->is_expected)
        return;
    struct sph_medium_account *account = file->account;
    struct sph_medium_file **at = &books->files;
    while (*at != file)
        at = &(*at)->next;
    *at = file->next;
    (void)close(file->fd);
    free(file);
    if (account->is_forgotten && count_files(books, account) == 0)
        drop_account(books, account);
}

static int add_file(struct sph_medium_books *books, struct sph_medium_account *account, uid_t uid,
                    struct sph_err *err) {
    struct stat info;
    if (count_files(books, account) >= SPH_MEDIUM_FILES)
        return SPH_FAIL(err, -EMFILE, "The application has %d deleted files open: close them.",
                        SPH_MEDIUM_FILES);
    sph_autoclose int fd = sph_storage_open(books->storage, &account->component, uid, err);
    if (fd < 0)
        return fd;
    if (fstat(fd, &info) < 0)
        return SPH_FAIL_ERRNO(err, -errno, "Cannot measure the mutable file");
    struct sph_medium_file *file = malloc(sizeof(*file));
    if (!file)
        return SPH_FAIL(err, -ENOMEM, "No memory for the mutable storage.");
    *file = (struct sph_medium_file){.next = books->files,
                                     .account = account,
                                     .node = ++books->last_node,
                                     .fd = SPH_STEAL_FD(fd),
                                     .uid = uid,
                                     .bytes = (uint64_t)info.st_size,
                                     .is_expected = true};
    books->files = file;
    return 0;
}

/* ---- the agent's questions ---- */

static int answer_open(struct sph_medium_books *books, const struct sph_medium_question *question,
                       struct sph_err *err) {
    struct sph_medium_account *account;
    int code = get_account(books, &question->component, &account, err);
    if (code < 0)
        return code;
    account->limit_bytes = question->limit_bytes;
    struct sph_medium_file *file = sph_medium_current(books, &question->component);
    if (!file)
        return add_file(books, account, question->uid, err);
    file->is_expected = true;
    return 0;
}

static int answer_delete(struct sph_medium_books *books, const struct sph_guid *component,
                         struct sph_err *err) {
    struct sph_medium_file *file = sph_medium_current(books, component);
    int code = sph_storage_delete(books->storage, component, err);
    if (code < 0 || !file)
        return code;
    file->is_deleted = true;
    file->is_expected = false;
    sph_medium_let_go(books, file);
    return 0;
}

/* Those of an app that has no account are on disk, and are not kept for having been asked for. */
static int read_idle(const struct sph_medium_books *books, const struct sph_guid *component,
                     struct sph_wear *ret_wear, struct sph_err *err) {
    struct sph_medium_account account;
    struct sph_err reason = SPH_ERR_NULL;
    int code = load_account(books, &account, component, false, &reason);
    if (account.record_fd >= 0)
        (void)close(account.record_fd);
    if (code < 0 && code != -ENOENT) {
        *err = reason;
        return code;
    }
    *ret_wear = account.wear;
    return 0;
}

static int answer_read(const struct sph_medium_books *books, const struct sph_guid *component,
                       struct sph_medium_figures *ret_figures, struct sph_err *err) {
    struct sph_medium_account *account = find_account(books, component);
    int code = sph_storage_usage(books->storage, component, &ret_figures->used_bytes, err);
    if (code == 0 && !account)
        code = read_idle(books, component, &ret_figures->wear, err);
    if (code < 0 || !account)
        return code;
    ret_figures->wear = account->wear;
    for (const struct sph_medium_file *at = books->files; at; at = at->next)
        if (at->account == account && at->is_deleted)
            ret_figures->used_bytes += at->bytes;
    return 0;
}

/* An app of the same id that comes later begins anew, whoever still has a file of this one open. */
static void answer_forget(struct sph_medium_books *books, const struct sph_guid *component) {
    struct sph_medium_account *account = find_account(books, component);
    if (!account)
        return;
    for (struct sph_medium_file *at = books->files, *next; at; at = next) {
        next = at->next;
        if (at->account != account)
            continue;
        at->is_deleted = true;
        at->is_expected = false;
        sph_medium_let_go(books, at); /* if it is held no more */
    }
    account->is_forgotten = true;
    if (count_files(books, account) == 0) /* else its last file takes it along */
        drop_account(books, account);
}

void sph_medium_answer(struct sph_medium_books *books, const struct sph_medium_question *question,
                       struct sph_medium_answer *ret_answer) {
    *ret_answer = (struct sph_medium_answer){.err = SPH_ERR_NULL};
    struct sph_err *err = &ret_answer->err;
    int code = -EINVAL;
    switch (question->op) {
    case SPH_MEDIUM_OPEN:
        code = answer_open(books, question, err);
        break;
    case SPH_MEDIUM_DELETE:
        code = answer_delete(books, &question->component, err);
        break;
    case SPH_MEDIUM_READ:
        code = answer_read(books, &question->component, &ret_answer->figures, err);
        break;
    case SPH_MEDIUM_FORGET:
        answer_forget(books, &question->component);
        code = 0;
        break;
    }
    err->code = code;
}
