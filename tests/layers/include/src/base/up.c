/* A breach on purpose: base looks up at the agent. */
#include "agent/device.h"
