/* SPDX-License-Identifier: MIT */
/*
 * The power registers: ACPI PM1 event and control block, the reset register that the FADT names,
 * and an exit port for payloads and tests.
 *
 *	0x600  PM1 status and enable (2 + 2 bytes); no event ever happens
 *	0x604  PM1 control: SLP_TYP 5 with SLP_EN powers off (vmm-lite ends with status 0)
 *	0x606  reset: 1 reboots
 *	0xf4   exit: vmm-lite ends with the byte that is written as its exit status
 */
#ifndef VMM_PLATFORM_POWER_H
#define VMM_PLATFORM_POWER_H

#include "vmm-lite/bus.h"

#define POWER_PM1_EVENT   0x600
#define POWER_PM1_CONTROL 0x604
#define POWER_RESET       0x606
#define POWER_RESET_VALUE 1
#define POWER_EXIT        0xf4
#define POWER_SLEEP_S5    5
#define POWER_SCI_GSI     9

enum power_event { POWER_OFF, POWER_REBOOT, POWER_EXIT_STATUS };

struct power {
	struct bus *bus;
	struct bus_range registers, exit;
	uint16_t pm1_enable, pm1_control; /* racy writes of several vCPUs harm only the guest */
	/* Called in the thread of the vCPU that wrote; status is for POWER_EXIT_STATUS. */
	void (*event)(void *opaque, enum power_event event, uint8_t status);
	void *opaque;
};

/* event and opaque are set by the caller before. 0 or -errno. */
int power_init(struct power *power, struct bus *bus);
void power_release(struct power *power);
void power_reset(struct power *power);

#endif
