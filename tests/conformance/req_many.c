/* SPDX-License-Identifier: MIT */
/* REQ: many requests, odd ones, and what a real file sees of them. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/conformance/world.h"

#define FILE_SIZE (4 << 20)

/* A file all of whose blocks are there. Its descriptor stays open for the test to look. */
static int make_file(char path[TEMPORARY_PATH])
{
	static uint8_t bytes[FILE_SIZE];
	int fd = temporary_file(path, 0);

	memset(bytes, 0x42, sizeof(bytes));
	CHECK(write(fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes));
	fsync(fd);
	return fd;
}

static long blocks_of(int fd)
{
	struct stat st;

	fsync(fd);
	fstat(fd, &st);
	return (long)st.st_blocks;
}

static void check_zeroes(int fd, off_t at, size_t length)
{
	uint8_t bytes[4096];

	for (size_t done = 0; done < length; done += sizeof(bytes)) {
		CHECK(pread(fd, bytes, sizeof(bytes), at + (off_t)done) == sizeof(bytes));
		for (size_t i = 0; i < sizeof(bytes); i++)
			CHECK_EQ(bytes[i], 0);
	}
}

TEST(REQ_11, RINGS | VIEWS)
{
	static const char *const keys[] = {"aio=sync", "aio=io_uring"};
	uint64_t range = galloc(w, 16, 16);

	for (unsigned i = 0; i < 2; i++) {
		char path[TEMPORARY_PATH];
		int fd = make_file(path);
		long whole;

		world_close(w);
		world_open_file(w, path, keys[i]);
		unlink(path);
		start(w, 0, 0);
		whole = blocks_of(fd);
		/* Without unmap what was allocated stays so. */
		put_range(w, range, 2048, 2048, 0);
		CHECK_EQ(blk(&w->q[0], BLK_T_WRITE_ZEROES, 0, range, 16), BLK_S_OK);
		check_zeroes(fd, 1 << 20, 1 << 20);
		CHECK(blocks_of(fd) >= whole);
		put_range(w, range, 4096, 2048, 1);
		CHECK_EQ(blk(&w->q[0], BLK_T_WRITE_ZEROES, 0, range, 16), BLK_S_OK);
		check_zeroes(fd, 2 << 20, 1 << 20);
		if (config_read(w, 56, 1))
			CHECK(blocks_of(fd) < whole);
		CHECK_EQ(lseek(fd, 0, SEEK_END), FILE_SIZE);
		close(fd);
	}
}

/* Reads, writes and flushes on four queues; each has a place and a number of its own. */
TEST(REQ_16, RINGS | VIEWS)
{
	enum { AT_ONCE = 16, QUEUES = 4, TIMES = 400 };
	uint64_t data = galloc(w, QUEUES * AT_ONCE * 512, 512);

	open_and_start(w, "queues=4", 0, 0);
	CHECK_EQ(w->queue_count, QUEUES);
	for (unsigned round = 0; round < TIMES; round++) {
		uint64_t mark = w->next_free;
		struct req *r[QUEUES][AT_ONCE];

		for (unsigned i = 0; i < AT_ONCE; i++)
			for (unsigned k = 0; k < QUEUES; k++) {
				unsigned place = k * AT_ONCE + i;
				uint64_t at = data + 512 * place;

				if (round % 2)
					gset(w, at, 0, 512);
				else
					gpattern(w, at, 512, round * 64 + place);
				r[k][i] = submit(&w->q[k], round % 2 ? BLK_T_IN : BLK_T_OUT, place,
						 at, 512);
			}
		for (unsigned k = 0; k < QUEUES; k++)
			for (unsigned i = 0; i < AT_ONCE; i++) {
				unsigned place = k * AT_ONCE + i;

				CHECK_EQ(finish(r[k][i]), BLK_S_OK);
				CHECK_EQ(r[k][i]->written, round % 2 ? 513 : 1);
				CHECK(gpattern_is(w, data + 512 * place, 512,
						  (round & ~1u) * 64 + place));
				free(r[k][i]);
			}
		w->next_free = mark;
	}
	settle();
	for (unsigned k = 0; k < QUEUES; k++) {
		CHECK_EQ(vq_poll(&w->q[k]), 0);
		CHECK_EQ(w->q[k].returned, TIMES * AT_ONCE);
	}
	CHECK_EQ(w->ram->completed, TIMES * AT_ONCE * QUEUES);
}

TEST(REQ_17, RINGS | VIEWS)
{
	static const uint64_t sectors[] = {0, 1, WORLD_DISK_SIZE / 512, 1ull << 55, ~0ull};
	static const uint32_t types[] = {BLK_T_DISCARD, BLK_T_WRITE_ZEROES, BLK_T_SECURE_ERASE};
	struct ram_disk *ram = ram_disk_new(WORLD_DISK_SIZE);
	uint64_t data = galloc(w, 64, 16);

	ram->base.info.has_lifetime = true;
	world_open_ram(w, ram, NULL);
	start(w, 0, 0);
	for (unsigned i = 0; i < 5; i++) {
		CHECK_EQ(blk(&w->q[0], BLK_T_FLUSH, sectors[i], 0, 0), BLK_S_OK);
		CHECK_EQ(blk(&w->q[0], BLK_T_GET_ID, sectors[i], data, 20), BLK_S_OK);
		CHECK_EQ(blk(&w->q[0], BLK_T_GET_LIFETIME, sectors[i], data, 6), BLK_S_OK);
		for (unsigned k = 0; k < 3; k++) {
			put_range(w, data, 8, 8, 0);
			CHECK_EQ(blk(&w->q[0], types[k], sectors[i], data, 16), BLK_S_OK);
		}
	}
}

TEST(REQ_17b, RINGS | MODERN)
{
	open_and_start(w, "zoned=host-managed,zone-size=64K", FEATURE(F_ZONED), 0);
	CHECK_EQ(blk(&w->q[0], BLK_T_ZONE_RESET_ALL, ~0ull, 0, 0), BLK_S_OK);
	CHECK_EQ(blk(&w->q[0], BLK_T_ZONE_RESET_ALL, 5, 0, 0), BLK_S_OK);
}

TEST(REQ_18, RINGS | VIEWS | MODES)
{
	struct vq *q = &w->q[0];
	uint32_t seg_max, size_max;
	struct piece pieces[130];
	uint64_t data, status;
	uint8_t result;

	open_and_start(w, "queue-size=256", 0, 0);
	seg_max = (uint32_t)config_read(w, 12, 4);
	size_max = (uint32_t)config_read(w, 8, 4);
	CHECK_EQ(seg_max, 254);
	/* One piece that is too long. */
	data = galloc(w, size_max + 512, 512);
	result = blk(q, BLK_T_IN, 0, data, size_max + 512);
	CHECK(result == BLK_S_OK || result == BLK_S_IOERR);
	expect_alive(w);
	/* Too many of them, through a table. */
	reset(w);
	world_close(w);
	open_and_start(w, "queue-size=32", 0, 0);
	seg_max = (uint32_t)config_read(w, 12, 4);
	CHECK(seg_max < 128);
	status = galloc(w, 1, 1);
	gset(w, status, 0xff, 1);
	pieces[0] = (struct piece){put_header(w, BLK_T_IN, 0), 16, false};
	for (unsigned i = 1; i < 129; i++)
		pieces[i] = (struct piece){data + 512 * i, 512, true};
	pieces[129] = (struct piece){status, 1, true};
	vq_add_indirect(q, pieces, 130);
	vq_kick(q);
	EVENTUALLY(vq_poll(q));
	CHECK(status_at(w, status) == BLK_S_OK || status_at(w, status) == BLK_S_IOERR);
	expect_alive(w);
}

TEST(REQ_19, RINGS | VIEWS)
{
	static const uint32_t words[] = {1, 0x80000000, 0xffffffff, 0x12345678};

	open_and_start(w, NULL, 0, 0);
	pattern(w->ram->data, 4096, 6);
	for (unsigned i = 0; i < 4; i++) {
		struct req *r = submit_quietly(&w->q[0], BLK_T_IN, 2, galloc(w, 512, 16), 512);

		s32(w, r->header + 4, words[i]);
		vq_kick(&w->q[0]);
		CHECK_EQ(finish(r), BLK_S_OK);
		CHECK(gsame(w, r->data, w->ram->data + 1024, 512));
	}
}

TEST(REQ_20, RINGS | VIEWS | MODES)
{
	uint64_t data = galloc(w, 512, 16);

	open_and_start(w, "queues=4", 0, 0);
	for (unsigned i = 0; i < 40; i++) {
		struct vq *from = &w->q[i % 4], *to = &w->q[(i * 3 + 1) % 4];
		uint8_t want[512];

		gpattern(w, data, 512, i);
		CHECK_EQ(blk(from, BLK_T_OUT, i, data, 512), BLK_S_OK);
		gset(w, data, 0, 512);
		CHECK_EQ(blk(to, BLK_T_IN, i, data, 512), BLK_S_OK);
		CHECK(gpattern_is(w, data, 512, i));
		CHECK_EQ(blk(to, BLK_T_FLUSH, 0, 0, 0), BLK_S_OK);
		ram_disk_power_cut(w->ram);
		pattern(want, 512, i);
		CHECK(!memcmp(w->ram->data + 512 * i, want, 512));
	}
}
