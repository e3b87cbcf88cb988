/* SPDX-License-Identifier: MIT */
#include "vmm-lite/qtest/wires.h"

#include <errno.h>

/* Where the local APICs are: a message there would be an interrupt, but there is no CPU. */
#define APIC_BASE 0xfee00000ull
#define APIC_SIZE 0x100000ull

static int send_message(void *ctx, const struct msi_message *message)
{
	struct qtest_wires *wires = ctx;
	uint32_t *at = guest_mem_ptr(wires->mem, GPA(message->address & ~3ull), 4, GUEST_WRITE);

	if (at) {
		__atomic_store_n(at, message->data, __ATOMIC_RELEASE);
		return 0;
	}
	return message->address - APIC_BASE < APIC_SIZE ? 0 : -EINVAL;
}

static int drive_line(void *ctx, unsigned gsi, bool level)
{
	struct qtest_wires *wires = ctx;

	if (gsi >= QTEST_LINES)
		return -EINVAL;
	pthread_mutex_lock(&wires->lock);
	if (wires->level[gsi] != level) {
		wires->level[gsi] = level;
		if (wires->reporting)
			wires->changed(wires->opaque, gsi, level);
	}
	pthread_mutex_unlock(&wires->lock);
	return 0;
}

/* No shortcuts around the thread that decides: everything comes through the two above. */

static int bind_msi(void *ctx, int eventfd, const struct msi_message *message)
{
	return -EOPNOTSUPP;
}

static int rebind_msi(void *ctx, int handle, const struct msi_message *message)
{
	return -EOPNOTSUPP;
}

static int bind_line(void *ctx, int eventfd, int resample, unsigned gsi)
{
	return -EOPNOTSUPP;
}

static void unbind(void *ctx, int handle)
{
}

static int doorbell(void *ctx, const struct doorbell *bell)
{
	return -EOPNOTSUPP;
}

static const struct wires_ops ops = {
    .msi = send_message,
    .line = drive_line,
    .bind_msi = bind_msi,
    .rebind_msi = rebind_msi,
    .unbind_msi = unbind,
    .bind_line = bind_line,
    .unbind_line = unbind,
    .add_doorbell = doorbell,
    .remove_doorbell = doorbell,
};

void qtest_wires_init(struct qtest_wires *wires, const struct guest_mem *mem,
		      void (*changed)(void *opaque, unsigned gsi, bool level), void *opaque)
{
	*wires = (struct qtest_wires){.mem = mem, .changed = changed, .opaque = opaque};
	pthread_mutex_init(&wires->lock, NULL);
}

void qtest_wires_release(struct qtest_wires *wires)
{
	pthread_mutex_destroy(&wires->lock);
}

void qtest_wires_report(struct qtest_wires *wires)
{
	pthread_mutex_lock(&wires->lock);
	wires->reporting = true;
	for (unsigned gsi = 0; gsi < QTEST_LINES; gsi++)
		if (wires->level[gsi])
			wires->changed(wires->opaque, gsi, true);
	pthread_mutex_unlock(&wires->lock);
}

struct wires qtest_wires_interface(struct qtest_wires *wires)
{
	return (struct wires){.ops = &ops, .ctx = wires};
}
