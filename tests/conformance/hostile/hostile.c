/* SPDX-License-Identifier: MIT */
#include "tests/conformance/hostile/hostile.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/conformance/wires.h"

#define BEYOND 65536 /* bytes above what is allocated that are watched, too */

struct bait bait_new(struct world *w, uint32_t type, uint64_t sector, uint32_t length)
{
	struct bait b = {.header = put_header(w, type, sector),
			 .data = galloc(w, length + 512, 512),
			 .status = galloc(w, 1, 16),
			 .length = length};

	if (type_reads(type))
		gpattern(w, b.data, length, 5);
	else
		gset(w, b.data, POISON, length);
	gset(w, b.data + length, POISON, 512);
	gset(w, b.status, NO_STATUS, 1);
	return b;
}

void fresh(struct world *w)
{
	unsigned queues = w->queue_count ? w->queue_count : 1;

	reset(w);
	negotiate(w, w->negotiated);
	if (w->msix)
		set_config_vector(w, 0);
	for (unsigned i = 0; i < queues; i++)
		setup_queue(w, i, w->q[i].size);
	driver_ok(w);
}

static enum reaction reaction_of(uint8_t status, uint32_t written)
{
	switch (status) {
	case BLK_S_OK: return IS_OK;
	case BLK_S_IOERR: return IS_ERR;
	case BLK_S_UNSUPP: return IS_UNSUPP;
	case NO_STATUS:
		if (written)
			FAIL("%u bytes are said to be written, and no status is", written);
		return IS_DROP0;
	default: return IS_INVALID;
	}
}

static struct result wait_for(struct vq *q, uint16_t id, uint64_t status)
{
	struct world *w = q->w;

	vq_kick(q);
	EVENTUALLY((vq_poll(q), q->done[id]) || needs_reset(w));
	if (!q->done[id]) {
		EVENTUALLY(config_irq_pending(w));
		return (struct result){IS_BRK, 0};
	}
	return (struct result){reaction_of(status_at(w, status), q->written[id]), q->written[id]};
}

static struct desc desc_of(const struct world *w, const struct link *link)
{
	struct desc d = {link->addr, link->len, link->flags, link->next};

	if (w->packed) {
		d.a = 0;
		d.b = link->flags;
	}
	return d;
}

void put_table(struct world *w, uint64_t table, const struct link *links, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct desc d = desc_of(w, &links[i]);

		memcpy(gptr(w, table + 16ull * i, 16), &d, 16);
	}
}

struct result try_links(struct vq *q, const struct link *links, unsigned count, uint64_t status)
{
	CHECK_EQ(q->avail, 0);
	/* From behind: with the first one all of a packed list is available. */
	for (unsigned i = count; i--;)
		put_desc(q, i, links[i].addr, links[i].len, q->packed ? 0 : links[i].flags,
			 (uint16_t)(q->packed ? links[i].flags | D_AVAIL : links[i].next));
	q->done[0] = false;
	q->lengths[0] = (uint16_t)count;
	q->free_first = q->next[q->packed ? 0 : count - 1];
	q->free_slots = (uint16_t)(q->free_slots - count);
	if (!q->packed)
		avail_put(q, 0);
	else if (count < q->size)
		q->avail = (uint16_t)count;
	else
		q->avail_wrap = false;
	return wait_for(q, 0, status);
}

struct result try_table(struct vq *q, const struct link *links, unsigned count, uint64_t status)
{
	uint64_t table = galloc(q->w, 16ull * count, 16);
	const struct link head = {table, 16 * count, D_INDIRECT, 0};

	put_table(q->w, table, links, count);
	return try_links(q, &head, 1, status);
}

struct result try_pieces(struct vq *q, const struct piece *pieces, unsigned count, uint64_t status)
{
	return wait_for(q, vq_add(q, pieces, count), status);
}

static const char *const reaction_names[] = {"OK", "ERR", "UNSUPP", "DROP0", "BRK", "ZONE"};

void expect_reaction(struct world *w, struct result result, unsigned allowed, uint32_t most)
{
	if (!(result.reaction & allowed))
		FAIL("the reaction is %s, allowed is the set %#x",
		     reaction_names[__builtin_ctz(result.reaction)], allowed);
	if (result.written > most)
		FAIL("%u bytes are said to be written, which are %u at most", result.written, most);
	if (result.reaction == IS_BRK)
		fresh(w);
	CHECK(!needs_reset(w));
	expect_alive(w);
	fresh(w);
	irq_ack(w);
}

struct snapshot snapshot_take(struct world *w)
{
	struct snapshot s = {.size = (w->next_free + BEYOND) & ~511ull};

	if (s.size > RAM_SIZE)
		s.size = RAM_SIZE;
	s.bytes = gcopy(w, 0, s.size);
	return s;
}

static bool within(uint64_t at, uint64_t first, uint64_t length)
{
	return at - first < length;
}

static bool in_rings(const struct world *w, uint64_t at)
{
	for (unsigned i = 0; i < w->queue_count; i++) {
		const struct vq *q = &w->q[i];

		if (within(at, q->device, q->packed ? 4 : 6 + 8ull * q->size) ||
		    within(at, q->driver, q->packed ? 4 : 6 + 2ull * q->size) ||
		    within(at, q->desc, 16ull * q->size))
			return true;
	}
	return false;
}

void snapshot_check(struct world *w, struct snapshot *before, uint64_t addr, uint64_t length)
{
	const uint8_t *now = gptr(w, 0, before->size);

	for (uint64_t page = 0; page < before->size; page += 512) {
		if (!memcmp(now + page, before->bytes + page, 512))
			continue;
		for (uint64_t at = page; at < page + 512; at++)
			if (now[at] != before->bytes[at] && !within(at, addr, length) &&
			    !in_rings(w, at))
				FAIL("memory at %#llx was written", (unsigned long long)at);
	}
	free(before->bytes);
}

static void *meddler_main(void *opaque)
{
	struct meddler *m = opaque;

	for (unsigned turn = 0; !__atomic_load_n(&m->stop, __ATOMIC_ACQUIRE); turn++)
		m->step(m->w, turn);
	return NULL;
}

void meddle(struct meddler *m, struct world *w, void (*step)(struct world *w, unsigned turn))
{
	*m = (struct meddler){.step = step, .w = w};
	if (pthread_create(&m->thread, NULL, meddler_main, m))
		FAIL("no thread");
}

void meddle_end(struct meddler *m)
{
	__atomic_store_n(&m->stop, true, __ATOMIC_RELEASE);
	pthread_join(m->thread, NULL);
}

static int log_fd = -1;

void log_begin(void)
{
	if (log_fd < 0)
		log_fd = memfd_create("log", MFD_CLOEXEC);
	if (log_fd < 0 || ftruncate(log_fd, 0) || lseek(log_fd, 0, SEEK_SET) ||
	    dup2(log_fd, STDERR_FILENO) < 0)
		FAIL("the log cannot be kept");
}

unsigned log_lines(void)
{
	unsigned lines = 0;
	char text[4096];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(log_fd, text, sizeof(text), at)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			lines += text[i] == '\n';
		at += n;
	}
	return lines;
}

static unsigned entries(const char *path)
{
	DIR *dir = opendir(path);
	unsigned count = 0;
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return count;
}

unsigned open_files(void)
{
	return entries("/proc/self/fd");
}

unsigned running_threads(void)
{
	return entries("/proc/self/task");
}

unsigned long private_kib(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "re");
	unsigned long kib = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, "Private_Dirty:", 14))
			kib = strtoul(line + 14, NULL, 10);
	if (file)
		fclose(file);
	return kib;
}

void hold(struct world *w, struct req **r, unsigned count, uint32_t type)
{
	unsigned before = ram_disk_held(w->ram);

	ram_disk_hold(w->ram);
	for (unsigned i = 0; i < count; i++)
		r[i] = submit(&w->q[0], type, 8 * i, galloc(w, 512, 512), 512);
	EVENTUALLY(ram_disk_held(w->ram) == before + count);
}
