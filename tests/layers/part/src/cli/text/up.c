/* A breach on purpose: the forms of answers look up at a command. */
#include "cli/commands/commands.h"
