/* medium_private: what the parts of the medium share. medium.c is the agent's side; medium_books.c
 * and medium_serve.c are the server's, a process of its own. */
#ifndef SPH_AGENT_STORAGE_MEDIUM_PRIVATE_H
#define SPH_AGENT_STORAGE_MEDIUM_PRIVATE_H

#include <stdbool.h>

#include "agent/storage/medium.h"
#include "agent/storage/quota.h"
#include "base/attr.h"

struct sph_storage;

/* Of one component, from its first file on until it is deleted from the device. */
struct sph_medium_account {
    struct sph_medium_account *next;
    struct sph_guid component;
    uint64_t limit_bytes;
    struct sph_wear wear;
    uint64_t record; /* number of the newest one on disk */
    int record_fd;
    bool is_unrecorded; /* the last record could not be written, which was said */
    bool is_forgotten;  /* deleted from the device; a file of it is still open */
};

/* One that is open: several of one app when it has deleted one and begun another. */
struct sph_medium_file {
    struct sph_medium_file *next;
    struct sph_medium_account *account;
    uint64_t node; /* its number to the kernel, never used again */
    int fd;        /* what keeps its bytes */
    uid_t uid;
    uint64_t bytes;   /* its length: nobody else changes it */
    unsigned opens;   /* of the kernel's: descriptors that are copies count as one */
    bool is_expected; /* the agent is about to open it */
    bool is_deleted;
};

struct sph_medium_books {
    struct sph_storage *storage;
    struct sph_medium_account *accounts;
    struct sph_medium_file *files;
    uint64_t last_node;
    int fuse_fd;     /* -1 on the agent's side, where nothing is ever open */
    int notice_fd;   /* to the agent, which is never waited for; -1 as well */
    uint8_t *buffer; /* for one request or answer of the kernel's */
};

enum {
    SPH_MEDIUM_WRITE_MAX = 128 * 1024, /* bytes of one request, the kernel's own default */
    SPH_MEDIUM_BUFFER = SPH_MEDIUM_WRITE_MAX + 4096,
    SPH_MEDIUM_TEXT = 192,
    /* Of one app, deleted ones that are still open with it: all apps together stay below the
     * server's limit of descriptors (4096). */
    SPH_MEDIUM_FILES = 64,
};

/* Between agent and server, which are one program: structs as they are. */
enum sph_medium_op {
    SPH_MEDIUM_OPEN = 1, /* makes the file ready to be opened by its component's name */
    SPH_MEDIUM_DELETE,
    SPH_MEDIUM_READ,
    SPH_MEDIUM_FORGET,
};
struct sph_medium_question {
    enum sph_medium_op op;
    struct sph_guid component;
    uid_t uid;
    uint64_t limit_bytes;
};
struct sph_medium_answer {
    struct sph_err err; /* its code is the answer's */
    struct sph_medium_figures figures;
};
/* Without an answer: a line for the log when there is a text, an event when there is news. */
struct sph_medium_notice {
    struct sph_guid component;
    enum sph_wear_news news;
    struct sph_wear wear;
    char text[SPH_MEDIUM_TEXT];
};

/* medium_books.c */
void sph_medium_answer(struct sph_medium_books *books, const struct sph_medium_question *question,
                       struct sph_medium_answer *ret_answer);
struct sph_medium_file *sph_medium_current(const struct sph_medium_books *books,
                                           const struct sph_guid *component);
/* The quota as it stands for a change of this file. */
struct sph_quota sph_medium_quota(const struct sph_medium_books *books,
                                  const struct sph_medium_file *file);
/* Keeps `wear` as the account's, on disk too, and tells who should know. */
void sph_medium_note_wear(struct sph_medium_books *books, struct sph_medium_account *account,
                          const struct sph_wear *wear);
/* Closes the file when nobody holds it any more. */
void sph_medium_let_go(struct sph_medium_books *books, struct sph_medium_file *file);

/* medium_serve.c: takes one request of the kernel's and answers it. 0, -EAGAIN when there is none,
 * or what the kernel says (-ENODEV: the mount is gone). */
int sph_medium_serve(struct sph_medium_books *books);
/* The server, until the agent is gone. */
void sph_medium_run(struct sph_medium_books *books, int question_fd) SPH_NORETURN;

#endif
