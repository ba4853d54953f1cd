/* exit: the statuses that the command line ends with, and which failure becomes which. */
#ifndef SPH_CLI_SYNTAX_EXIT_H
#define SPH_CLI_SYNTAX_EXIT_H

/* docs/spec/cli-exit.md is the promise to scripts; this is its only copy in code. Numbers never
 * change their meaning; a new one goes behind the last, below 64, where BSD has its own
 * (sysexits.h). */
enum sph_exit {
    SPH_EXIT_OK = 0,
    SPH_EXIT_FAILED = 1,      /* the device or the operation said no */
    SPH_EXIT_USAGE = 2,       /* unknown command, option or argument */
    SPH_EXIT_UNREACHABLE = 3, /* device or gateway not running */
    SPH_EXIT_INPUT = 4,       /* a file given to us is missing or not what it should be */
    SPH_EXIT_DENIED = 5,      /* not permitted, or this machine cannot meter natively */
    SPH_EXIT_NOT_FOUND = 6,   /* no such device, application or certificate */
    SPH_EXIT_IO = 7,          /* reading, writing or space failed */
    SPH_EXIT_SIGNAL = 128,    /* plus the signal's number: interrupted, and what was begun undone */
};

/* `spherule run` passes the app's own status through up to SPH_RUN_APP_MAX. */
enum sph_run_exit {
    SPH_RUN_APP_MAX = 99,
    SPH_RUN_RATION = 120, /* killed for going over its ration */
    SPH_RUN_CRASH = 121,  /* SIGSEGV and the like */
    SPH_RUN_KILLED = 122, /* SIGKILL or SIGTERM from somebody else */
    SPH_RUN_FAILED = 125, /* spherule itself failed before the app ran */
    SPH_RUN_SIGNAL = 128, /* plus the number of the signal that interrupted spherule */
};

/* `spherule check`: those of run, as far as they are the same. */
enum sph_check_exit {
    SPH_CHECK_OVER = 120, /* a figure over its limit or grown too much, or the ration crossed */
    SPH_CHECK_APP_FAILED = 121, /* crashed, was killed, or ended with a status of its own */
    SPH_CHECK_IMPOSSIBLE = 125, /* bad budget or baseline, it could not be run, or not be judged */
};

/* The status for a negative errno of a failed call. */
enum sph_exit sph_exit_of(int code);

#endif
