/* What the tests' app finds when it looks around in its sandbox: deeds for app.c's table. */
#ifndef SPH_AGENT_TESTS_APP_SANDBOX_H
#define SPH_AGENT_TESTS_APP_SANDBOX_H

int do_inspect(char **args);
int do_descriptors(char **args);
int do_limits(char **args);
int do_reach(char **args);
int do_huge(char **args);

#endif
