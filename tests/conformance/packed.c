/* SPDX-License-Identifier: MIT */
/* PACKED: what is read from and written to a packed ring. */
#include <string.h>

#include "tests/conformance/world.h"

#define BOTH (D_AVAIL | D_USED)

TEST(PACKED_01, PACKED | MODERN | MODES)
{
	struct vq *q = &w->q[0];
	struct req *r[12];

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 12; i++)
		r[i] = submit_quietly(q, i % 2 ? BLK_T_IN : BLK_T_OUT, (i * 5) % 12 * 100,
				      galloc(w, 512, 512), 512);
	vq_kick(q);
	for (unsigned i = 0; i < 12; i++)
		CHECK_EQ(finish(r[i]), BLK_S_OK);
	CHECK_EQ(w->ram->logged, 12);
	for (unsigned i = 0; i < 12; i++)
		CHECK_EQ(w->ram->log[i].offset, (i * 5) % 12 * 100 * 512);
}

/* Used slots follow one another, each as far on as the list that came back was long. */
static void out_of_order(struct world *w)
{
	static const unsigned order[] = {2, 0, 3, 1}, lengths[] = {3, 2, 3, 2};
	struct vq *q = &w->q[0];
	struct req *r[4];
	unsigned at = 0;

	open_and_start(w, NULL, 0, 0);
	ram_disk_hold(w->ram);
	for (unsigned i = 0; i < 4; i++)
		r[i] = submit(q, lengths[i] == 3 ? BLK_T_IN : BLK_T_FLUSH, 8 * i,
			      galloc(w, 512, 512), lengths[i] == 3 ? 512 : 0);
	EVENTUALLY(ram_disk_held(w->ram) == 4);
	for (unsigned i = 0; i < 4; i++) {
		struct desc desc;
		unsigned waiting = 0;

		for (unsigned k = 0; k < order[i]; k++)
			waiting += status_at(w, r[k]->status) == 0xff;
		ram_disk_release_one(w->ram, waiting);
		EVENTUALLY((get_desc(q, at).b & BOTH) == BOTH);
		desc = get_desc(q, at);
		CHECK_EQ(desc.a, r[order[i]]->id);
		CHECK_EQ(desc.len, lengths[order[i]] == 3 ? 513 : 1);
		at += lengths[order[i]];
	}
	ram_disk_release(w->ram);
	CHECK_EQ(vq_poll(q), 4);
	expect_alive(w);
}

TEST(PACKED_02, PACKED | MODERN)
{
	out_of_order(w);
}

TEST(PACKED_03, PACKED | MODERN)
{
	open_and_start(w, NULL, 0, 0);
	pattern(w->ram->data, 65536, 11);
	for (unsigned i = 0; i < sample_count; i++) {
		const struct sample *s = &samples[i];
		struct req *r = add_sample(&w->q[0], s);
		uint8_t *header = gcopy(w, r->header, 16), *data = gcopy(w, r->data, s->length);

		ram_disk_hold(w->ram);
		vq_kick(&w->q[0]);
		settle();
		/* What is to be written may change at any time. */
		if (ram_disk_held(w->ram)) {
			gset(w, r->status, 1, 1);
			if (!type_reads(s->type))
				gpattern(w, r->data, s->length, i);
		}
		ram_disk_release(w->ram);
		EVENTUALLY(is_done(r));
		CHECK_EQ(status_at(w, r->status), s->status);
		CHECK(gsame(w, r->header, header, 16));
		CHECK(!type_reads(s->type) || gsame(w, r->data, data, s->length));
		if (s->type == BLK_T_IN && !s->status)
			CHECK(!memcmp(gptr(w, r->data, s->length), w->ram->data + 512 * s->sector,
				      s->length));
	}
}

TEST(PACKED_04, PACKED | MODERN | MODES)
{
	static const uint16_t idle[] = {0, D_USED, BOTH};
	struct vq *q = &w->q[0];
	uint64_t header = put_header(w, BLK_T_FLUSH, 0), status = galloc(w, 1, 1);

	open_and_start(w, NULL, 0, 0);
	gset(w, status, 0xff, 1);
	vq_kick(q);
	for (unsigned i = 0; i < 3; i++) {
		put_desc(q, 1, status, 1, 0, (uint16_t)(D_WRITE | idle[i]));
		put_desc(q, 0, header, 16, 0, (uint16_t)(D_NEXT | idle[i]));
		vq_kick(q);
		settle();
		CHECK_EQ(get_desc(q, 0).b, D_NEXT | idle[i]);
		CHECK_EQ(status_at(w, status), 0xff);
	}
	CHECK(!needs_reset(w));
	put_desc(q, 1, status, 1, 0, D_WRITE | D_AVAIL);
	put_desc(q, 0, header, 16, 0, D_NEXT | D_AVAIL);
	vq_kick(q);
	EVENTUALLY((get_desc(q, 0).b & BOTH) == BOTH);
	CHECK_EQ(status_at(w, status), BLK_S_OK);
	/* The second lap is marked the other way. */
	put_desc(q, 2, header, 16, 0, D_NEXT | D_USED);
	vq_kick(q);
	settle();
	CHECK_EQ(get_desc(q, 2).b, D_NEXT | D_USED);
}

TEST(PACKED_05, PACKED | MODERN)
{
	struct vq *q = &w->q[0];
	struct desc seen[64];
	unsigned slots = 0;

	open_and_start(w, NULL, 0, 0);
	while (slots + 3 <= 63) {
		unsigned at = q->used;

		fence(q);
		seen[at] = get_desc(q, at);
		CHECK_EQ(seen[at].b & BOTH, BOTH);
		slots += 3;
		for (unsigned i = 0; i < slots; i += 3) {
			struct desc now = get_desc(q, i);

			CHECK(!memcmp(&now, &seen[i], sizeof(now)));
		}
	}
}

TEST(PACKED_06, PACKED | MODERN)
{
	struct vq *q = &w->q[0];
	struct piece pieces[10];
	uint64_t data = galloc(w, 8 * 512, 512);

	open_and_start(w, NULL, 0, 0);
	gpattern(w, data, 8 * 512, 9);
	pieces[0] = (struct piece){put_header(w, BLK_T_OUT, 80), 16, false};
	for (unsigned i = 0; i < 8; i++)
		pieces[1 + i] = (struct piece){data + 512 * ((i * 3) % 8), 512, false};
	pieces[9] = (struct piece){galloc(w, 1, 1), 1, true};
	for (unsigned lap = 0; lap < 20; lap++) {
		memset(w->ram->data, 0, 65536);
		CHECK_EQ(run_pieces(q, pieces, 10), 1);
		for (unsigned i = 0; i < 8; i++)
			CHECK(!memcmp(w->ram->data + (80 + i) * 512,
				      gptr(w, pieces[1 + i].addr, 512), 512));
	}
}

TEST(PACKED_07, PACKED | MODERN)
{
	static const uint16_t sizes[] = {64, 7, 100};

	world_open(w, "queue-size=128");
	for (unsigned k = 0; k < 3; k++) {
		struct piece pieces[100];
		uint64_t data = galloc(w, 98 * 512, 512), status = galloc(w, 1, 1);
		unsigned size = sizes[k];

		start_sized(w, 0, sizes[k]);
		pieces[0] = (struct piece){put_header(w, BLK_T_IN, 8), 16, false};
		for (unsigned i = 0; i < size - 2; i++)
			pieces[1 + i] = (struct piece){data + 512 * i, 512, true};
		pieces[size - 1] = (struct piece){status, 1, true};
		for (unsigned lap = 0; lap < 4; lap++) {
			gset(w, status, 0xff, 1);
			run_pieces(&w->q[0], pieces, size);
			CHECK_EQ(status_at(w, status), BLK_S_OK);
		}
		reset(w);
	}
}

TEST(PACKED_08, PACKED | MODERN | MODES)
{
	static const uint16_t sizes[] = {4, 5, 7};

	world_open(w, NULL);
	for (unsigned k = 0; k < 3; k++) {
		start_sized(w, 0, sizes[k]);
		for (unsigned i = 0; i < 300; i++) {
			uint64_t mark = w->next_free;

			spin(&w->q[0], 1 + i % 3);
			fence(&w->q[0]);
			w->next_free = mark;
		}
		expect_alive(w);
		reset(w);
	}
}

TEST(PACKED_09, PACKED | MODERN)
{
	struct vq *q = &w->q[0];

	open_and_start(w, "queue-size=16", 0, 0);
	for (unsigned lap = 0; lap < 5; lap++)
		for (unsigned i = 0; i < 16; i += 2) {
			CHECK_EQ(q->used, i);
			spin(q, 1);
			CHECK_EQ(get_desc(q, i).b & BOTH, lap % 2 ? 0 : BOTH);
		}
}

TEST(PACKED_10, PACKED | MODERN)
{
	struct vq *q = &w->q[0];
	struct piece only_header = {put_header(w, BLK_T_FLUSH, 0), 16, false};

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < sample_count; i++) {
		struct req *r = add_sample(q, &samples[i]);
		unsigned at = q->used;

		vq_kick(q);
		finish(r);
		CHECK(get_desc(q, at).b & D_WRITE);
	}
	/* Nothing can be written into this one. */
	for (unsigned i = 0; i < 3; i++) {
		unsigned at = q->used;

		run_pieces(q, &only_header, 1);
		CHECK(!(get_desc(q, at).b & D_WRITE));
	}
	expect_alive(w);
}

TEST(PACKED_11, PACKED | MODERN)
{
	struct vq *q = &w->q[0];

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < sample_count; i++) {
		const struct sample *s = &samples[i];
		struct req *r = add_sample(q, s);
		uint32_t writable = type_reads(s->type) ? 0 : s->length;
		unsigned at = q->used;

		vq_kick(q);
		CHECK_EQ(finish(r), s->status);
		CHECK_EQ(get_desc(q, at).len, r->written);
		if (!s->status || !writable)
			CHECK_EQ(r->written, writable + 1);
		else
			CHECK_EQ(r->written, 0);
	}
}

/* A read as a list by hand, with another id in each slot. */
static void list_with_ids(struct world *w, unsigned at, uint16_t last_id)
{
	struct vq *q = &w->q[0];

	put_desc(q, at + 1, galloc(w, 512, 16), 512, 11, D_NEXT | D_WRITE | D_AVAIL);
	put_desc(q, at + 2, galloc(w, 1, 1), 1, last_id, D_WRITE | D_AVAIL);
	put_desc(q, at, put_header(w, BLK_T_IN, 0), 16, 10, D_NEXT | D_AVAIL);
	vq_kick(q);
	EVENTUALLY((get_desc(q, at).b & BOTH) == BOTH);
}

TEST(PACKED_12, PACKED | MODERN | MODES)
{
	static const uint16_t ids[] = {12, 0, 63, 64, 0x7fff, 0xffff};

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 6; i++) {
		list_with_ids(w, 3 * i, ids[i]);
		CHECK_EQ(get_desc(&w->q[0], 3 * i).a, ids[i]);
	}
}

TEST(PACKED_13, PACKED | MODERN | MODES)
{
	struct vq *q = &w->q[0];

	open_and_start(w, NULL, 0, 0);
	for (unsigned i = 0; i < 20; i++) {
		list_with_ids(w, 3 * i, 12);
		settle();
		CHECK_EQ(get_desc(q, 3 * i + 1).b, D_NEXT | D_WRITE | D_AVAIL);
		CHECK_EQ(get_desc(q, 3 * i + 1).a, 11);
		CHECK_EQ(get_desc(q, 3 * i + 1).len, 512);
		CHECK_EQ(get_desc(q, 3 * i + 2).b, D_WRITE | D_AVAIL);
		CHECK_EQ(get_desc(q, 3 * i + 2).len, 1);
	}
}

TEST(PACKED_14, PACKED | MODERN)
{
	out_of_order(w);
}

TEST(PACKED_15, PACKED | MODERN | MODES)
{
	struct vq *q = &w->q[0];
	struct req *r[12];

	open_and_start(w, "features=+in-order", FEATURE(F_IN_ORDER), 0);
	for (unsigned round = 0; round < 5; round++) {
		unsigned at = q->used, done = 0;
		bool wrap = q->used_wrap;

		for (unsigned i = 0; i < 12; i++)
			r[i] = submit_quietly(q, i % 3 ? BLK_T_IN : BLK_T_OUT, i,
					      galloc(w, 512, 512), 512);
		vq_kick(q);
		while (done < 12) {
			unsigned last = done;

			EVENTUALLY((get_desc(q, at).b & BOTH) == (wrap ? BOTH : 0));
			while (last < 12 && r[last]->id != get_desc(q, at).a)
				last++;
			CHECK(last < 12);
			/* One slot for all up to the one named. */
			at += 3 * (last + 1 - done);
			if (at >= q->size) {
				at -= q->size;
				wrap = !wrap;
			}
			done = last + 1;
		}
		for (unsigned i = 0; i < 12; i++)
			CHECK_EQ(status_at(w, r[i]->status), BLK_S_OK);
		CHECK_EQ(vq_poll(q), 12);
	}
}
