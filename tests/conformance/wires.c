/* SPDX-License-Identifier: MIT */
/* Wires that remember what the device did to them. */
#include <errno.h>
#include <unistd.h>

#include "tests/conformance/wires.h"

static void count(struct recorder *r, const struct msi_message *message, unsigned times)
{
	unsigned vector = message->data - MSI_DATA(0);

	r->total += times;
	r->last = *message;
	if (message->address == MSI_BASE && vector < MAX_VECTORS)
		r->messages[vector] += times;
	else
		r->strange += times;
}

static int send_message(void *ctx, const struct msi_message *message)
{
	struct recorder *r = ctx;
	int error;

	pthread_mutex_lock(&r->lock);
	error = r->msi_error;
	if (!error)
		count(r, message, 1);
	pthread_mutex_unlock(&r->lock);
	if (r->handler)
		r->handler(r->world);
	return error;
}

static int drive_line(void *ctx, unsigned gsi, bool level)
{
	struct recorder *r = ctx;

	pthread_mutex_lock(&r->lock);
	r->raised += level && !r->level;
	r->lowered += !level && r->level;
	r->level = level;
	pthread_mutex_unlock(&r->lock);
	return 0;
}

/* What was written to a bound eventfd since somebody looked. With the lock. */
static void collect(struct recorder *r, unsigned at)
{
	uint64_t times;

	if (r->bindings[at].eventfd >= 0 &&
	    read(r->bindings[at].eventfd, &times, sizeof(times)) == sizeof(times))
		count(r, &r->bindings[at].message, (unsigned)times);
}

void recorder_collect(struct recorder *r)
{
	pthread_mutex_lock(&r->lock);
	for (unsigned i = 0; i < TEST_BINDINGS; i++)
		collect(r, i);
	pthread_mutex_unlock(&r->lock);
}

static int bind_msi(void *ctx, int eventfd, const struct msi_message *message)
{
	struct recorder *r = ctx;
	int handle = -ENOSPC;

	if (!r->shortcuts)
		return -EOPNOTSUPP;
	pthread_mutex_lock(&r->lock);
	for (unsigned i = 0; i < TEST_BINDINGS && handle < 0; i++) {
		if (r->bindings[i].eventfd >= 0)
			continue;
		r->bindings[i].eventfd = eventfd;
		r->bindings[i].message = *message;
		handle = (int)i + 1;
	}
	pthread_mutex_unlock(&r->lock);
	return handle;
}

static int rebind_msi(void *ctx, int handle, const struct msi_message *message)
{
	struct recorder *r = ctx;

	pthread_mutex_lock(&r->lock);
	collect(r, (unsigned)handle - 1);
	r->bindings[handle - 1].message = *message;
	pthread_mutex_unlock(&r->lock);
	return 0;
}

static void unbind_msi(void *ctx, int handle)
{
	struct recorder *r = ctx;

	pthread_mutex_lock(&r->lock);
	collect(r, (unsigned)handle - 1);
	r->bindings[handle - 1].eventfd = -1;
	pthread_mutex_unlock(&r->lock);
}

static int bind_line(void *ctx, int eventfd, int resample, unsigned gsi)
{
	return -EOPNOTSUPP;
}

static void unbind_line(void *ctx, int handle)
{
}

static bool same(const struct doorbell *a, const struct doorbell *b)
{
	return a->space == b->space && a->addr == b->addr && a->size == b->size &&
	       a->match_data == b->match_data && (!a->match_data || a->data == b->data);
}

static int add_doorbell(void *ctx, const struct doorbell *bell)
{
	struct recorder *r = ctx;
	int error = -ENOSPC;

	if (!r->shortcuts)
		return -EOPNOTSUPP;
	pthread_mutex_lock(&r->lock);
	for (unsigned i = 0; i < TEST_DOORBELLS; i++)
		if (r->doorbell_used[i] && same(&r->doorbells[i], bell))
			error = -EEXIST;
	for (unsigned i = 0; i < TEST_DOORBELLS && error == -ENOSPC; i++) {
		if (r->doorbell_used[i])
			continue;
		r->doorbells[i] = *bell;
		r->doorbell_used[i] = true;
		error = 0;
	}
	pthread_mutex_unlock(&r->lock);
	return error;
}

static int remove_doorbell(void *ctx, const struct doorbell *bell)
{
	struct recorder *r = ctx;
	int error = -ENOENT;

	pthread_mutex_lock(&r->lock);
	for (unsigned i = 0; i < TEST_DOORBELLS && error; i++)
		if (r->doorbell_used[i] && same(&r->doorbells[i], bell)) {
			r->doorbell_used[i] = false;
			error = 0;
		}
	pthread_mutex_unlock(&r->lock);
	return error;
}

bool recorder_store(struct recorder *r, enum bus_space space, uint64_t addr, unsigned size,
		    uint64_t value)
{
	uint64_t one = 1;
	bool rung = false;

	pthread_mutex_lock(&r->lock);
	for (unsigned i = 0; i < TEST_DOORBELLS && !rung; i++) {
		const struct doorbell *d = &r->doorbells[i];

		if (!r->doorbell_used[i] || d->space != space || d->addr != addr ||
		    (d->size && d->size != size) || (d->match_data && d->data != value))
			continue;
		rung = write(d->eventfd, &one, sizeof(one)) == sizeof(one);
	}
	pthread_mutex_unlock(&r->lock);
	return rung;
}

unsigned recorder_doorbells(struct recorder *r)
{
	unsigned used = 0;

	for (unsigned i = 0; i < TEST_DOORBELLS; i++)
		used += r->doorbell_used[i];
	return used;
}

void recorder_init(struct recorder *r)
{
	memset(r, 0, sizeof(*r));
	pthread_mutex_init(&r->lock, NULL);
	for (unsigned i = 0; i < TEST_BINDINGS; i++)
		r->bindings[i].eventfd = -1;
}

const struct wires_ops recorder_ops = {
    .msi = send_message,
    .line = drive_line,
    .bind_msi = bind_msi,
    .rebind_msi = rebind_msi,
    .unbind_msi = unbind_msi,
    .bind_line = bind_line,
    .unbind_line = unbind_line,
    .add_doorbell = add_doorbell,
    .remove_doorbell = remove_doorbell,
};
