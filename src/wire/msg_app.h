/* msg_app: messages about installed applications and about installing them.
 *
 * An application is known by its component id, which stays over its updates; the image id is that
 * of one build. At most one image of a component is installed, and at most one is staged. */
#ifndef SPH_WIRE_MSG_APP_H
#define SPH_WIRE_MSG_APP_H

#include "base/guid.h"
#include "wire/codec.h"

/* As the REST interface knows them; an app that waits for its restart is stopped: it holds no
 * memory. */
enum sph_app_state {
    SPH_APP_NOT_PRESENT = 0,
    SPH_APP_STOPPED = 1,
    SPH_APP_RUNNING = 2,
    SPH_APP_DEBUGGING = 3,
};

/* What is asked of an app. Numbers of the wire; the words of REST are in the gateway. */
enum sph_app_trigger {
    SPH_TRIGGER_START = 1,       /* no failure when it runs already */
    SPH_TRIGGER_STOP = 2,        /* SIGTERM, and SIGKILL after the grace time */
    SPH_TRIGGER_START_DEBUG = 3, /* refused where no debugger is installed */
};

/* What keeps an app from starting while the device has no app development. */
enum sph_app_hindrance {
    SPH_HINDRANCE_NONE = 0,
    SPH_HINDRANCE_DEVELOPMENT_SIGNER = 1, /* its signer is trusted for development only */
    SPH_HINDRANCE_UNKNOWN_SIGNER = 2,     /* its signer is not trusted any more */
};

/* One component: APP_STATUS, APP_QUOTA, APP_DELETE; APP_LIST takes a zero id for all. */
struct sph_msg_component {
    struct sph_guid component;
};

/* An installed application. An image of a component that is not installed yet is in no list, only
 * in has_staged of the reply. */
struct sph_msg_app {
    struct sph_guid component, image; /* of what is installed, not of what is staged */
    struct sph_slice name;            /* from the package's manifest */
    uint32_t image_type;              /* 10 = application */
    uint32_t state;                   /* enum sph_app_state */
    uint64_t package_bytes;           /* of the package file, as flash counts it */
    bool is_staged;                   /* an image of this component waits for install */
    bool is_debugger;                 /* is a debug server, for other apps */
    bool starts_by_itself;            /* at the device's start: not after a manual stop */
    uint32_t restarts;       /* by the device, since it was last started by a person or a boot */
    uint64_t last_report_id; /* of its last end; 0 = none */
    uint32_t last_why;       /* enum sph_end_why of that end */
    uint32_t gdb_port;       /* of the debugger, debugging only; 0 = none */
    uint32_t hindrance;      /* enum sph_app_hindrance: why it may not start, in this mode */
    uint32_t last_exit_code, last_signal; /* of that end, as in sph_msg_report */
    uint64_t next_start_ms; /* from now, of one that waits to be started again; 0 = it does not */
};

/* In an order that is the same each time. Flash is counted in whole package files. */
struct sph_msg_app_list_reply {
    struct sph_list apps; /* struct sph_msg_app */
    bool has_staged;      /* something waits for install, in the list or not */
    uint64_t flash_used_bytes, flash_limit_bytes;
};

/* Answered when the change is made: a stop waits for the app's end, at most the grace time. */
struct sph_msg_app_control {
    struct sph_guid component;
    uint32_t trigger; /* enum sph_app_trigger */
    bool run_once;    /* with a start: the device does not start it again after its end */
    bool heap;        /* with a start: its heap is tracked, whatever its package says */
    bool heap_stacks; /* and each block keeps the stack that made it */
};

/* How the app is once the trigger is carried out. It may have ended again since. */
struct sph_msg_app_control_reply {
    uint32_t state;    /* enum sph_app_state, after the change */
    uint32_t pid;      /* of a running app, as the device sees it; else 0 */
    uint32_t gdb_port; /* of the debugger, debugging only; 0 = none */
    uint32_t out_port; /* of the app's output then; 0 = none */
};

/* Of the app's mutable storage. */
struct sph_msg_quota_reply {
    uint64_t used_bytes;  /* length of its file */
    uint64_t limit_bytes; /* from the manifest; 0 = the app has none */
    /* What its writes cost the flash, since the file was made. */
    uint64_t bytes_written;
    uint64_t blocks_erased;
    uint64_t writes;
    uint64_t idle_writes; /* that left the file as it was */
};

/* Answers to what may make the device restart itself: APP_DELETE, INSTALL. */
struct sph_msg_restarting_reply { /* false here: nothing that is installed needs a restart */
    bool restarting_system;
};

/* STAGE_BEGIN, STAGE_DATA…, STAGE_END; STAGE_ABORT or a lost connection drops what came. One
 * staging at a time: a second STAGE_BEGIN is refused as busy. STAGE_END verifies and answers what
 * is staged. */
struct sph_msg_stage_begin {
    uint64_t size_bytes; /* 0 = not known beforehand */
};

/* Answered when the bytes are kept: whoever waits for that before the next piece has its speed. */
struct sph_msg_stage_data {
    struct sph_slice data; /* at most SPH_FRAME_CHUNK bytes */
};

/* What was staged, as its metadata says; it is not installed yet. */
struct sph_msg_stage_end_reply {
    struct sph_guid component, image;
    struct sph_slice name;
};

/* Installs what is staged, and nothing if nothing is: that is no failure. */
struct sph_msg_install {
    bool manual; /* do not start the app */
};

extern const struct sph_codec sph_msg_component_codec;
extern const struct sph_codec sph_msg_app_codec;
extern const struct sph_codec sph_msg_app_list_reply_codec;
extern const struct sph_codec sph_msg_app_control_codec;
extern const struct sph_codec sph_msg_app_control_reply_codec;
extern const struct sph_codec sph_msg_quota_reply_codec;
extern const struct sph_codec sph_msg_restarting_reply_codec;
extern const struct sph_codec sph_msg_stage_begin_codec;
extern const struct sph_codec sph_msg_stage_data_codec;
extern const struct sph_codec sph_msg_stage_end_reply_codec;
extern const struct sph_codec sph_msg_install_codec;

#endif
