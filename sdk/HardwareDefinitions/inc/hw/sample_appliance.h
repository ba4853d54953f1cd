/* sample_appliance.h: what the samples use, as HardwareDefinitions/sample_appliance.json names it.
 * Samples name these and no pin, so that they run on another board with another definition. */
#ifndef SPHERULE_HW_SAMPLE_APPLIANCE_H
#define SPHERULE_HW_SAMPLE_APPLIANCE_H

#include "mt3620.h"

#define SAMPLE_BUTTON_1 MT3620_GPIO12     /* low while pressed */
#define SAMPLE_BUTTON_2 MT3620_GPIO13     /* low while pressed */
#define SAMPLE_LED MT3620_GPIO8           /* low when lit */
#define SAMPLE_RGBLED_RED MT3620_GPIO15   /* low when lit */
#define SAMPLE_RGBLED_GREEN MT3620_GPIO16 /* low when lit */
#define SAMPLE_RGBLED_BLUE MT3620_GPIO17  /* low when lit */

#endif
