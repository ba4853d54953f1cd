/* interrupt: SIGINT and SIGTERM turned into a flag, so that a command can tidy up before it ends.
 */
#ifndef SPH_CLI_DEVICE_INTERRUPT_H
#define SPH_CLI_DEVICE_INTERRUPT_H

/* SIGINT and SIGTERM, for the whole process. From now on both signals only set the flag, however
 * often they come: tidying up is bounded. */
void sph_interrupt_catch(void);
/* The signal that came, or 0. */
int sph_interrupt_signal(void);
/* The flag itself, for sph_rest_request.cancel: the signal's number, or 0. It changes under the
 * reader's eyes, in one step. */
const int *sph_interrupt_flag(void);
/* Lets the next transfers run although a signal came: for tidying up. */
void sph_interrupt_clear(void);

#endif
