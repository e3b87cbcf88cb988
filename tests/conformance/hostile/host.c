/* SPDX-License-Identifier: MIT */
/* HB-31 to 36, HX: what the host's side makes of it. Files, memory, log, trace. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probes/stage_point.h"
#include "tests/conformance/hostile/hostile.h"

static const char *const engines[] = {"aio=sync", "aio=io_uring"};

/* A file of WORLD_DISK_SIZE as the disk; it stays open here and is gone with the process. */
static int open_file(struct world *w, const char *keys)
{
	char path[TEMPORARY_PATH];
	int fd = temporary_file(path, WORLD_DISK_SIZE);

	world_close(w);
	world_open_file(w, path, keys);
	unlink(path);
	return fd;
}

TEST(HB_31, RINGS | VIEWS | MODES)
{
	uint64_t data = galloc(w, 8192, 4096);

	for (unsigned i = 0; i < COUNT(engines); i++) {
		int fd = open_file(w, engines[i]);
		uint8_t got;

		start(w, 0, 0);
		CHECK(!ftruncate(fd, 1 << 20));
		/* Beyond what there is now, over its end, and before it. */
		for (uint64_t sector = 0; sector < 16384; sector += 2040) {
			gset(w, data, POISON, 8192);
			got = blk(&w->q[0], BLK_T_IN, sector, data, 8192);
			CHECK(got == BLK_S_OK || got == BLK_S_IOERR);
			if (got == BLK_S_OK)
				CHECK(gall(w, data, 0, 8192));
		}
		CHECK(!ftruncate(fd, 0));
		got = blk(&w->q[0], BLK_T_IN, 0, data, 512);
		CHECK(got == BLK_S_OK || got == BLK_S_IOERR);
		expect_alive(w);
		close(fd);
	}
}

TEST(HB_32, RINGS | VIEWS | MODES)
{
	/* How other formats begin: qcow2, VMDK, VHD, VHDX, VDI. */
	static const char *const headers[] = {
	    "QFI\xfb\0\0\0\3\0\0\0\0\0\0\1\0\0\0\0\x0b/etc/passwd", "KDMV\1\0\0\0", "conectix",
	    "vhdxfile", "<<< Oracle VM VirtualBox Disk Image >>>"};
	uint64_t data = galloc(w, 1024, 512);
	char path[TEMPORARY_PATH];
	int fd = temporary_file(path, WORLD_DISK_SIZE);

	for (unsigned i = 0; i < COUNT(headers); i++) {
		world_close(w);
		world_open_file(w, path, NULL);
		start(w, 0, 0);
		gset(w, data, 0, 512);
		memcpy(gptr(w, data, 40), headers[i], i ? strlen(headers[i]) : 31);
		CHECK_EQ(blk(&w->q[0], BLK_T_OUT, 0, data, 512), BLK_S_OK);
		/* Off and on again. */
		world_close(w);
		world_open_file(w, path, NULL);
		start(w, 0, 0);
		CHECK_EQ(config_read(w, 0, 8), WORLD_DISK_SIZE / 512);
		CHECK_EQ(blk(&w->q[0], BLK_T_IN, 0, data + 512, 512), BLK_S_OK);
		CHECK(!memcmp(gptr(w, data, 512), gptr(w, data + 512, 512), 512));
	}
	close(fd);
	unlink(path);
}

TEST(HB_34, RINGS | VIEWS | MODES)
{
	uint64_t area = galloc(w, 65536, 4096);

	for (unsigned i = 0; i < COUNT(engines); i++) {
		char keys[64];
		int fd;

		snprintf(keys, sizeof(keys), "%s,direct=on", engines[i]);
		fd = open_file(w, keys);
		start(w, 0, 0);
		for (unsigned off = 0; off < 520; off += 73) {
			struct piece pieces[4] = {{put_header(w, BLK_T_OUT, 16), 16, false},
						  {area + off, 4096 + off, false},
						  {area + 16384 + 3, 4096 - off, false},
						  {galloc(w, 1, 1), 1, true}};

			gpattern(w, area + off, 4096 + off, off);
			gpattern(w, area + 16384 + 3, 4096 - off, off + 1);
			CHECK_EQ(run_pieces(&w->q[0], pieces, 4), 1);
			CHECK_EQ(status_at(w, pieces[3].addr), BLK_S_OK);
			gset(w, area + 32768, POISON, 16384);
			CHECK_EQ(blk(&w->q[0], BLK_T_IN, 16, area + 32768 + off, 8192), BLK_S_OK);
			CHECK(gpattern_is(w, area + 32768 + off, 4096 + off, off));
			CHECK(gall(w, area + 32768 + off + 8192, POISON, 512));
		}
		expect_alive(w);
		close(fd);
	}
}

/* A million requests that fail, in every way that needs no disk, and some that do. */
TEST(HB_35, RINGS | VIEWS | MODES)
{
	enum { TIMES = 1000000 };
	struct vq *q = &w->q[0];
	uint64_t data = galloc(w, 512, 512), status = galloc(w, 1, 1);
	const struct piece bad[][3] = {
	    {{put_header(w, 99, 0), 16, false}, {data, 512, true}, {status, 1, true}},
	    {{put_header(w, BLK_T_IN, 0), 16, false}, {data, 511, true}, {status, 1, true}},
	    {{put_header(w, BLK_T_IN, 1ull << 60), 16, false},
	     {data, 512, true},
	     {status, 1, true}},
	    {{put_header(w, BLK_T_OUT, 0), 16, false}, {NOWHERE, 512, false}, {status, 1, true}},
	    {{put_header(w, BLK_T_IN, 0), 7, false}, {data, 512, true}, {status, 1, true}},
	    {{put_header(w, BLK_T_IN, 0), 16, false}, {data, 512, false}, {data, 512, false}},
	    {{put_header(w, BLK_T_DISCARD, 0), 16, false}, {data, 15, false}, {status, 1, true}},
	    {{put_header(w, BLK_T_IN, 300), 16, false}, {data, 512, true}, {status, 1, true}},
	};
	unsigned files, threads;
	unsigned long memory = 0;

	open_and_start(w, "queue-size=1024", 0, 0);
	log_begin();
	ram_disk_fail(w->ram, 300, 400, EIO, 0);
	spin(q, 10);
	files = open_files();
	threads = running_threads();
	for (unsigned done = 0; done < TIMES;) {
		for (unsigned i = 0; q->free_slots >= 3; i++, done++)
			vq_add(q, bad[i % COUNT(bad)], 3);
		vq_kick(q);
		EVENTUALLY((vq_poll(q), q->free_slots == q->size));
		if (!memory && done > TIMES / 10)
			memory = private_kib();
	}
	CHECK_EQ(open_files(), files);
	CHECK_EQ(running_threads(), threads);
	CHECK(private_kib() < memory + 512);
	CHECK(log_lines() < 30);
	CHECK_EQ(w->ram->submitted, w->ram->completed);
	expect_alive(w);
}

TEST(HB_36, RINGS | VIEWS)
{
	enum { QUEUES = 4, EACH = 16 };
	uint64_t data = galloc(w, QUEUES * 4096, 4096);

	open_and_start(w, "queues=4", 0, 0);
	for (unsigned k = 0; k < QUEUES; k++)
		gset(w, data + 4096 * k, (uint8_t)('A' + k), 4096);
	for (unsigned round = 0; round < 40; round++) {
		struct req *r[QUEUES][EACH];
		uint64_t mark = w->next_free;

		for (unsigned i = 0; i < EACH; i++)
			for (unsigned k = 0; k < QUEUES; k++)
				r[k][i] =
				    submit(&w->q[k], BLK_T_OUT, 4 * (i % 2), data + 4096 * k, 4096);
		for (unsigned k = 0; k < QUEUES; k++)
			for (unsigned i = 0; i < EACH; i++) {
				CHECK_EQ(finish(r[k][i]), BLK_S_OK);
				free(r[k][i]);
			}
		for (unsigned i = 0; i < 12 * 512; i++)
			CHECK(w->ram->data[i] >= 'A' && w->ram->data[i] < 'A' + QUEUES);
		w->next_free = mark;
	}
	expect_alive(w);
}

/* What the largest requests take, in every queue at once, was there before they came. */
TEST(HX_01, RINGS | MODERN)
{
	enum { QUEUES = 4, PIECES = 1000 };
	static struct piece pieces[PIECES + 2];
	uint64_t data = galloc(w, 4 << 20, 4096);
	unsigned long before;

	open_and_start(w, "queues=4,queue-size=128", 0, 0);
	for (unsigned k = 0; k < QUEUES; k++)
		spin(&w->q[k], 2);
	ram_disk_hold(w->ram);
	pieces[0] = (struct piece){put_header(w, BLK_T_IN, 0), 16, false};
	for (unsigned i = 1; i <= PIECES; i++)
		pieces[i] = (struct piece){data + 4096ull * (i ^ 1), 4096, true};
	pieces[PIECES + 1] = (struct piece){galloc(w, 1, 1), 1, true};
	before = private_kib();
	for (unsigned k = 0; k < QUEUES; k++) {
		uint64_t mark = w->next_free;

		for (unsigned i = 0; i < 128; i++) {
			w->next_free = mark;
			vq_add_indirect(&w->q[k], pieces, PIECES + 2);
		}
		vq_kick(&w->q[k]);
	}
	settle();
	/* Four thousand megabytes are named. What is kept: descriptions, of some of them. */
	CHECK(ram_disk_held(w->ram) >= QUEUES * 32);
	CHECK(private_kib() < before + QUEUES * 8192);
	ram_disk_release(w->ram);
	for (unsigned k = 0; k < QUEUES; k++)
		EVENTUALLY((vq_poll(&w->q[k]), w->q[k].free_slots == 128));
	expect_alive(w);
}

/* A disk that never answers: the reset comes to an end, by cancelling. */
TEST(HX_02, RINGS | VIEWS)
{
	struct req *r[8];

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 3; i++) {
		unsigned before = w->ram->cancelled;

		hold(w, r, 8, i % 2 ? BLK_T_OUT : BLK_T_IN);
		reset(w);
		CHECK(w->ram->cancelled > before);
		CHECK_EQ(ram_disk_held(w->ram), 0);
		for (unsigned k = 0; k < 8; k++)
			CHECK_EQ(status_at(w, r[k]->status), NO_STATUS);
		ram_disk_release(w->ram);
		start(w, 0, 0);
		expect_alive(w);
	}
}

/* Everything that is said of a guest, a thousand times. */
TEST(HX_03, RINGS | VIEWS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	log_begin();
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t mark = w->next_free;

		vq_break(&w->q[0]);
		EVENTUALLY(needs_reset(w));
		reset(w);
		w->next_free = mark;
		start(w, 0, 0);
		w->next_free = mark + 65536;
		w->wires.msi_error = -EINVAL;
		fence(&w->q[0]);
		w->wires.msi_error = 0;
		w->next_free = mark;
	}
	settle();
	CHECK(log_lines() > 0);
	CHECK(log_lines() < 60);
	fresh(w);
	expect_alive(w);
}

/* More at once than the ring of the host has entries: none is lost. */
TEST(HX_04, RINGS | MODERN)
{
	enum { SIZE = 8192 };
	struct vq *q = &w->q[0];
	uint64_t data = galloc(w, 512, 512), status = galloc(w, SIZE, 16);
	int fd = open_file(w, "aio=io_uring,queue-size=8192");

	start(w, 0, 0);
	for (unsigned round = 0; round < 3; round++) {
		uint64_t mark = w->next_free;

		gset(w, status, NO_STATUS, SIZE);
		for (unsigned i = 0; i < SIZE; i++) {
			struct piece pieces[3] = {{put_header(w, BLK_T_IN, i), 16, false},
						  {data, 512, true},
						  {status + i, 1, true}};

			vq_add_indirect(q, pieces, 3);
		}
		vq_kick(q);
		EVENTUALLY((vq_poll(q), q->free_slots == SIZE));
		CHECK(gall(w, status, BLK_S_OK, SIZE));
		w->next_free = mark;
	}
	CHECK_EQ(q->returned, 3 * SIZE);
	expect_alive(w);
	close(fd);
}

TEST(HX_05, RINGS | VIEWS | MODES)
{
	uint64_t data = galloc(w, 4096, 4096);

	open_and_start(w, NULL, 0, 0);
	ram_disk_fail(w->ram, 100, 200, ENOSPC, 0);
	CHECK_EQ(blk(&w->q[0], BLK_T_OUT, 100, data, 4096), BLK_S_IOERR);
	CHECK_EQ(blk(&w->q[0], BLK_T_OUT, 300, data, 4096), BLK_S_OK);
	expect_alive(w);
	/* A real file that may not grow: here by a limit, as a full host would have it. */
	signal(SIGXFSZ, SIG_IGN);
	for (unsigned i = 0; i < COUNT(engines); i++) {
		const struct rlimit few = {1 << 20, RLIM_INFINITY},
				    all = {RLIM_INFINITY, RLIM_INFINITY};
		int fd = open_file(w, engines[i]);

		start(w, 0, 0);
		CHECK(!setrlimit(RLIMIT_FSIZE, &few));
		CHECK_EQ(blk(&w->q[0], BLK_T_OUT, 8192, data, 4096), BLK_S_IOERR);
		CHECK_EQ(blk(&w->q[0], BLK_T_OUT, 0, data, 4096), BLK_S_OK);
		CHECK(!setrlimit(RLIMIT_FSIZE, &all));
		CHECK_EQ(blk(&w->q[0], BLK_T_OUT, 8192, data, 4096), BLK_S_OK);
		expect_alive(w);
		close(fd);
	}
}

/*
 * With everything recorded: what is in a record are numbers out of the copy, and a guest with bad
 * addresses is no worse for being watched.
 */
TEST(HX_06, RINGS | VIEWS | MODES)
{
	char path[TEMPORARY_PATH], err[256];
	struct stage_ring_options options = {.program = "hostile", .flight_recorder = path};
	int fd = temporary_file(path, 0);
	struct stat st;
	off_t size;

	if (stage_ring_init(&options, err, sizeof(err)))
		FAIL("%s", err);
	CHECK(STAGE_POINT_ENABLED(parse));
	fstat(fd, &st);
	size = st.st_size;
	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 30; i++) {
		struct bait b = bait_new(w, i % 2 ? BLK_T_IN : 0xffffffff, ~0ull - i, 512);
		const struct link links[3] = {{i % 3 ? b.header : NOWHERE, 16, D_NEXT, 1},
					      {TOP, 0xffffff00, D_NEXT | D_WRITE, 2},
					      {i % 5 ? b.status : ~0ull, 1, D_WRITE, 0}};

		expect_reaction(w, try_links(&w->q[0], links, 3, b.status),
				IS_ERR | IS_UNSUPP | IS_DROP0, 0);
	}
	for (unsigned i = 0; i < 5; i++) {
		vq_break(&w->q[0]);
		expect_broken(w);
		fresh(w);
	}
	expect_alive(w);
	/* The recording is as large as it was made. */
	fstat(fd, &st);
	CHECK_EQ(st.st_size, size);
	world_close(w);
	stage_ring_exit();
	unlink(path);
	close(fd);
}
