/* SPDX-License-Identifier: MIT */
#include "vmm-lite/platform/power.h"

#define SCI_ENABLED   0x0001
#define SLEEP_TYPE(v) ((v) >> 10 & 7)
#define SLEEP_ENABLE  0x2000

enum { EVENT_STATUS = 0, EVENT_ENABLE = 2, CONTROL = 4, RESET = 6, REGISTERS = 8 };

static uint64_t power_read(void *opaque, uint64_t offset, unsigned size)
{
	struct power *p = opaque;

	switch (offset) {
	case EVENT_ENABLE: return p->pm1_enable;
	/* There is no SMI handler to hand over from: ACPI mode is always on. */
	case CONTROL: return p->pm1_control | SCI_ENABLED;
	default: return 0;
	}
}

static void power_write(void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
	struct power *p = opaque;

	switch (offset) {
	case EVENT_ENABLE: p->pm1_enable = (uint16_t)value; break;
	case CONTROL:
		p->pm1_control = (uint16_t)(value & ~(uint64_t)SLEEP_ENABLE);
		if (value & SLEEP_ENABLE && SLEEP_TYPE(value) == POWER_SLEEP_S5)
			p->event(p->opaque, POWER_OFF, 0);
		break;
	case RESET:
		if ((value & 0xff) == POWER_RESET_VALUE)
			p->event(p->opaque, POWER_REBOOT, 0);
		break;
	default: break;
	}
}

static void exit_write(void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
	struct power *p = opaque;

	p->event(p->opaque, POWER_EXIT_STATUS, (uint8_t)value);
}

static const struct bus_ops power_ops = {.read = power_read, .write = power_write};
static const struct bus_ops exit_ops = {.write = exit_write};

int power_init(struct power *power, struct bus *bus)
{
	int err;

	power->bus = bus;
	power->registers = (struct bus_range){
	    .name = "power",
	    .space = BUS_PIO,
	    .base = POWER_PM1_EVENT,
	    .size = REGISTERS,
	    .ops = &power_ops,
	    .opaque = power,
	};
	power->exit = (struct bus_range){
	    .name = "exit",
	    .space = BUS_PIO,
	    .base = POWER_EXIT,
	    .size = 1,
	    .ops = &exit_ops,
	    .opaque = power,
	};
	power_reset(power);
	err = bus_add(bus, &power->registers);
	if (!err)
		err = bus_add(bus, &power->exit);
	return err;
}

void power_release(struct power *power)
{
	if (!power->bus)
		return;
	bus_remove(power->bus, &power->registers);
	bus_remove(power->bus, &power->exit);
}

void power_reset(struct power *power)
{
	power->pm1_enable = power->pm1_control = 0;
}
