/* SPDX-License-Identifier: MIT */
/* SPLIT: what is read from and written to a split ring and the buffers in it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/conformance/world.h"

/* Cut [at, at + length) at the places given, into pieces. */
static unsigned cut(struct piece *pieces, uint64_t at, uint32_t length, bool write,
		    const uint32_t *places, unsigned count)
{
	uint32_t from = 0;
	unsigned made = 0;

	for (unsigned i = 0; i <= count; i++) {
		uint32_t to = i < count ? places[i] : length;

		pieces[made++] = (struct piece){at + from, to - from, write};
		from = to;
	}
	return made;
}

struct framing {
	uint32_t reads[20], writes[20]; /* where the readable and the writable bytes are cut */
	unsigned read_cuts, write_cuts;
};

static const struct framing framings[] = {
    {{16}, {1024}, 1, 1},
    {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, {1024}, 16, 1},
    {{0}, {0}, 0, 0},
    {{5}, {1}, 1, 1},
    {{15}, {511}, 1, 1},
    {{17}, {513}, 1, 1},
    {{3, 16, 528}, {512, 1023}, 3, 2},
    {{16, 17, 529, 530}, {1, 2, 3, 1021, 1022, 1023, 1024}, 4, 7},
};

/* A write of two sectors and a read of them, framed like that. */
static void framed(struct world *w, const struct framing *f, unsigned seed)
{
	struct vq *q = &w->q[0];
	uint64_t out = galloc(w, 16 + 1024, 16), in = galloc(w, 1025, 16);
	uint64_t header = put_header(w, BLK_T_IN, 40), status = galloc(w, 1, 1);
	struct piece pieces[48];
	unsigned count;

	s32(w, out, BLK_T_OUT);
	s32(w, out + 4, 0);
	s64(w, out + 8, 40);
	gpattern(w, out + 16, 1024, seed);
	gset(w, status, 0xff, 1);
	count = cut(pieces, out, 16 + 1024, false, f->reads, f->read_cuts);
	pieces[count++] = (struct piece){status, 1, true};
	CHECK_EQ(run_pieces(q, pieces, count), 1);
	CHECK_EQ(status_at(w, status), BLK_S_OK);
	CHECK(!memcmp(w->ram->data + 40 * 512, gptr(w, out + 16, 1024), 1024));

	gset(w, in, 0xff, 1025);
	pieces[0] = (struct piece){header, 16, false};
	count = 1 + cut(pieces + 1, in, 1025, true, f->writes, f->write_cuts);
	CHECK_EQ(run_pieces(q, pieces, count), 1025);
	CHECK_EQ(status_at(w, in + 1024), BLK_S_OK);
	CHECK(gpattern_is(w, in, 1024, seed));
}

void expect_framings(struct world *w)
{
	for (unsigned i = 0; i < sizeof(framings) / sizeof(framings[0]); i++)
		framed(w, &framings[i], i);
	for (uint32_t at = 1; at < 1040; at += 37) {
		struct framing f = {{at}, {at}, 1, at < 1025};

		framed(w, &f, at);
	}
}

TEST(SPLIT_01, RINGS | VIEWS)
{
	open_and_start(w, NULL, 0, 0);
	expect_framings(w);
}

TEST(SPLIT_02, RINGS | VIEWS)
{
	struct piece pieces[64];
	uint64_t data, status;

	open_and_start(w, NULL, 0, 0);
	CHECK_EQ(w->q[0].size, 64);
	data = galloc(w, 62 * 512, 512);
	status = galloc(w, 1, 1);
	pieces[0] = (struct piece){put_header(w, BLK_T_IN, 8), 16, false};
	for (unsigned i = 0; i < 62; i++)
		pieces[1 + i] = (struct piece){data + 512 * ((i * 7) % 62), 512, true};
	pieces[63] = (struct piece){status, 1, true};
	pattern(w->ram->data + 8 * 512, 62 * 512, 3);
	CHECK_EQ(run_pieces(&w->q[0], pieces, 64), 62 * 512 + 1);
	CHECK_EQ(status_at(w, status), BLK_S_OK);
	for (unsigned i = 0; i < 62; i++)
		CHECK(!memcmp(gptr(w, pieces[1 + i].addr, 512), w->ram->data + (8 + i) * 512, 512));
	expect_alive(w);
}

TEST(SPLIT_03, SPLIT | VIEWS)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < sample_count; i++) {
		const struct sample *s = &samples[i];
		struct req *r = add_sample(&w->q[0], s);
		uint8_t *header = gcopy(w, r->header, 16), *data = gcopy(w, r->data, s->length + 1);

		vq_kick(&w->q[0]);
		CHECK_EQ(finish(r), s->status);
		CHECK(gsame(w, r->header, header, 16));
		CHECK(!type_reads(s->type) || gsame(w, r->data, data, s->length));
	}
}

/* What stands in a writable buffer before or while it is filled changes nothing. */
TEST(SPLIT_04, SPLIT | VIEWS)
{
	uint8_t *disk = malloc(WORLD_DISK_SIZE);
	uint64_t data;
	struct req *r;

	open_and_start(w, NULL, 0, 0);
	pattern(w->ram->data, 65536, 11);
	memcpy(disk, w->ram->data, WORLD_DISK_SIZE);
	data = galloc(w, 4096, 4096);
	for (unsigned round = 0; round < 4; round++) {
		gpattern(w, data, 4096, 100 + round);
		ram_disk_hold(w->ram);
		r = submit(&w->q[0], BLK_T_IN, 8, data, 4096);
		EVENTUALLY(ram_disk_held(w->ram) == 1);
		/* It could be taken for a header, or for a status. */
		s64(w, data, BLK_T_OUT);
		gset(w, r->status, (uint8_t)round, 1);
		ram_disk_release(w->ram);
		CHECK_EQ(finish(r), BLK_S_OK);
		CHECK(!memcmp(gptr(w, data, 4096), disk + 8 * 512, 4096));
	}
	gset(w, data, 0x55, 64);
	CHECK_EQ(blk(&w->q[0], BLK_T_GET_ID, 0, data, 20), BLK_S_OK);
	CHECK(!memcmp(w->ram->data, disk, WORLD_DISK_SIZE));
}

static void check_tables(struct world *w, struct vq *q, const struct sample *s, bool indirect)
{
	uint64_t table = 0;
	uint8_t *ring, *entries, *avail;
	struct req *r = add_sample(q, s);

	if (indirect) {
		/* The same once more, through a table. */
		struct piece pieces[3] = {{r->header, 16, false},
					  {r->data, s->length, !type_reads(s->type)},
					  {r->status, 1, true}};

		vq_kick(q);
		CHECK_EQ(finish(r), s->status);
		table = (w->next_free + 15) & ~15ull;
		if (!s->length)
			pieces[1] = pieces[2];
		r->id = vq_add_indirect(q, pieces, s->length ? 3 : 2);
	}
	entries = gcopy(w, table ? table : q->desc, 48);
	ring = gcopy(w, q->desc, 16ull * q->size);
	avail = gcopy(w, q->driver, 6 + 2ull * q->size);
	vq_kick(q);
	CHECK_EQ(finish(r), s->status);
	CHECK(gsame(w, q->desc, ring, 16ull * q->size));
	CHECK(gsame(w, table ? table : q->desc, entries, 48));
	CHECK(gsame(w, q->driver, avail, 6 + 2ull * q->size));
}

TEST(SPLIT_05, SPLIT | VIEWS)
{
	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < sample_count; i++) {
		check_tables(w, &w->q[0], &samples[i], false);
		check_tables(w, &w->q[0], &samples[i], true);
	}
}

/* Reads of many lengths; each entry is looked at the moment the index has moved. */
static void watch_entries(struct world *w, bool look_at_data)
{
	struct vq *q = &w->q[0];
	uint32_t lengths[64];
	uint64_t data = galloc(w, 16 * 4096, 4096), status = galloc(w, 16, 16);
	uint64_t header = put_header(w, BLK_T_IN, 0);

	pattern(w->ram->data, 4096, 1); /* no byte run of the poison in it */
	for (unsigned round = 0; round < 400; round++) {
		for (unsigned i = 0; i < 16; i++) {
			uint32_t length = 512 * (1 + (round + i) % 8);
			struct piece pieces[3] = {{header, 16, false},
						  {data + 4096 * i, length, true},
						  {status + i, 1, true}};

			s32(w, q->device + 8 + 8ull * ((q->used + i) % q->size), 0xdeadbeef);
			gset(w, status + i, 0xff, 1);
			gset(w, data + 4096 * i, 0, 4096);
			lengths[i] = length;
			vq_add(q, pieces, 3);
		}
		vq_kick(q);
		for (unsigned i = 0; i < 16; i++) {
			uint16_t now = (uint16_t)(q->used + i);
			uint64_t end = test_now_ms() + PATIENCE_MS;

			while ((uint16_t)(used_idx(q) - now) - 1 > 16 || used_idx(q) == now)
				CHECK(test_now_ms() < end);
			CHECK_EQ(used_len(q, now), lengths[i] + 1);
			if (!look_at_data)
				continue;
			CHECK_EQ(status_at(w, status + i), BLK_S_OK);
			CHECK(!memcmp(gptr(w, data + 4096 * i, lengths[i]), w->ram->data,
				      lengths[i]));
		}
		CHECK_EQ(vq_poll(q), 16);
	}
}

TEST(SPLIT_06, SPLIT | VIEWS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	watch_entries(w, false);
}

TEST(SPLIT_07, SPLIT | VIEWS | MODES)
{
	open_and_start(w, NULL, 0, 0);
	watch_entries(w, true);
}

/* How many bytes from the first writable one on are written. The status byte is the last. */
static uint64_t written_prefix(struct world *w, const struct req *r, uint32_t writable)
{
	uint64_t n = 0;

	while (n < writable && !gall(w, r->data + n, POISON, 1))
		n++;
	return n == writable && status_at(w, r->status) != 0xff ? n + 1 : n;
}

TEST(SPLIT_08, RINGS | VIEWS)
{
	struct req *r;

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < sample_count; i++) {
		const struct sample *s = &samples[i];
		uint32_t writable = type_reads(s->type) ? 0 : s->length;

		r = add_sample(&w->q[0], s);
		vq_kick(&w->q[0]);
		CHECK_EQ(finish(r), s->status);
		CHECK(r->written <= written_prefix(w, r, writable));
		if (!s->status || !writable)
			CHECK_EQ(r->written, writable + 1);
	}
	/* The host's disk fails half-way. */
	for (unsigned done = 0; done <= 1024; done += 512) {
		ram_disk_fail(w->ram, 100, 110, EIO, done);
		r = add_sample(&w->q[0], &(struct sample){BLK_T_IN, 2048, 100, 0});
		vq_kick(&w->q[0]);
		CHECK_EQ(finish(r), BLK_S_IOERR);
		CHECK(r->written <= written_prefix(w, r, 2048));
		CHECK(r->written <= done);
	}
}

TEST(SPLIT_09, SPLIT | VIEWS)
{
	static const uint16_t heads[] = {0, 5, 17, 63, 1};
	struct vq *q = &w->q[0];

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 5; i++) {
		uint16_t next = (uint16_t)((heads[i] + 20) % 64);

		put_desc(q, heads[i], put_header(w, BLK_T_FLUSH, 0), 16, D_NEXT, next);
		put_desc(q, next, galloc(w, 1, 1), 1, D_WRITE, 0);
		avail_put(q, heads[i]);
		vq_kick(q);
		EVENTUALLY(used_idx(q) == i + 1);
		CHECK_EQ(used_id(q, (uint16_t)i), heads[i]);
		CHECK_EQ(used_len(q, (uint16_t)i), 1);
	}
}

TEST(SPLIT_10, SPLIT | VIEWS | INLINE)
{
	struct vq *q = &w->q[0];

	open_and_start(w, "queue-size=4", 0, 0);
	CHECK_EQ(used_idx(q), 0);
	spin(q, 65535);
	CHECK_EQ(used_idx(q), 65535);
	spin(q, 1);
	CHECK_EQ(used_idx(q), 0);
	for (unsigned i = 1; i < 10; i++) {
		gset(w, q->device + 4, 0xee, 8ull * q->size);
		spin(q, 1);
		CHECK_EQ(used_idx(q), i);
		CHECK(used_id(q, (uint16_t)(i - 1)) < 4);
		CHECK_EQ(used_id(q, (uint16_t)i), 0xeeeeeeee);
		CHECK_EQ(used_len(q, (uint16_t)(i - 1)), 1);
	}
	reset(w);
	start(w, 0, 0);
	CHECK_EQ(used_idx(q), 0);
	spin(q, 3);
	CHECK_EQ(used_idx(q), 3);
}
