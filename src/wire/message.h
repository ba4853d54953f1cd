/* message: every message of the agent's protocol, for those who speak all of it.
 *
 * Who needs one part includes that part. Includes only: nothing is declared here. */
#ifndef SPH_WIRE_MESSAGE_H
#define SPH_WIRE_MESSAGE_H

#include "wire/device_error.h"
#include "wire/frame.h"
#include "wire/msg_app.h"
#include "wire/msg_device.h"
#include "wire/msg_event.h"
#include "wire/msg_heap.h"
#include "wire/msg_peripheral.h"
#include "wire/msg_report.h"
#include "wire/msg_setting.h"
#include "wire/msg_trust.h"
#include "wire/op.h"

#endif
