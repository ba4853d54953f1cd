/// @file gpio.h
/// @brief General-purpose pins.
///
/// Each pin needs its entry under the capability Gpio in the application manifest. An open pin is a
/// descriptor: close() gives it back.
#ifndef SPHERULE_APPLIBS_GPIO_H
#define SPHERULE_APPLIBS_GPIO_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The number of a pin, or a name from a hardware definition header.
typedef int GPIO_Id;

/// The level of a pin: one of GPIO_Value.
typedef uint8_t GPIO_Value_Type;

/// The levels of a pin.
typedef enum GPIO_Value {
    /// Logical 0.
    GPIO_Value_Low = 0,
    /// Logical 1.
    GPIO_Value_High = 1
} GPIO_Value;

/// How an output drives its pin: one of GPIO_OutputMode.
typedef uint8_t GPIO_OutputMode_Type;

/// The ways an output can drive its pin.
typedef enum GPIO_OutputMode {
    /// Drives both levels.
    GPIO_OutputMode_PushPull = 0,
    /// Drives the low level only.
    GPIO_OutputMode_OpenDrain = 1,
    /// Drives the high level only.
    GPIO_OutputMode_OpenSource = 2
} GPIO_OutputMode;

/// Opens a pin for reading.
///
/// @returns A descriptor, or -1 with errno set. EACCES: the pin is not in the manifest. ENODEV: the
/// device has no such pin. EBUSY: it is open already. EIO: the device cannot be reached.
int GPIO_OpenAsInput(GPIO_Id gpioId);

/// Opens a pin for writing, at a given level.
///
/// @returns A descriptor, or -1 with errno set as for GPIO_OpenAsInput. EINVAL: outputMode or
/// initialValue is none of the values above.
int GPIO_OpenAsOutput(GPIO_Id gpioId, GPIO_OutputMode_Type outputMode,
                      GPIO_Value_Type initialValue);

/// Reads the level of an open pin, input or output.
///
/// @returns 0, or -1 with errno set. EFAULT: outValue is NULL. EBADF: gpioFd is no open pin.
int GPIO_GetValue(int gpioFd, GPIO_Value_Type *outValue);

/// Sets the level of a pin opened as output.
///
/// @returns 0, or -1 with errno set. EINVAL: value is neither 0 nor 1. EBADF: gpioFd is no pin
/// that is open as output.
int GPIO_SetValue(int gpioFd, GPIO_Value_Type value);

#ifdef __cplusplus
}
#endif

#endif
