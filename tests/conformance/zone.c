/* SPDX-License-Identifier: MIT */
#include "tests/conformance/zone.h"

#include <stdio.h>
#include <string.h>

void open_zoned(struct world *w, const char *model, const char *keys)
{
	char text[256];

	world_close(w);
	snprintf(text, sizeof(text), "%s%s", model, keys ? keys : "");
	open_and_start(w, text, FEATURE(F_ZONED), 0);
	CHECK(w->negotiated & FEATURE(F_ZONED));
}

uint8_t zone_manage(struct world *w, uint32_t type, unsigned zone)
{
	return blk(&w->q[0], type, (uint64_t)zone * ZONE, 0, 0);
}

uint8_t zone_write(struct world *w, uint64_t sector, unsigned sectors, unsigned seed)
{
	uint64_t mark = w->next_free, data = galloc(w, 512ull * sectors, 512);
	uint8_t result;

	gpattern(w, data, 512ull * sectors, seed);
	result = blk(&w->q[0], BLK_T_OUT, sector, data, 512 * sectors);
	w->next_free = mark;
	return result;
}

uint8_t zone_read(struct world *w, uint64_t sector, unsigned sectors, uint64_t data)
{
	return blk(&w->q[0], BLK_T_IN, sector, data, 512 * sectors);
}

uint8_t zone_append(struct world *w, uint64_t sector, unsigned sectors, unsigned seed, uint64_t *at)
{
	uint64_t mark = w->next_free, data = galloc(w, 512ull * sectors, 512);
	uint64_t answer = galloc(w, 9, 16);
	struct piece pieces[4] = {{put_header(w, BLK_T_ZONE_APPEND, sector), 16, false}};
	unsigned count = 1;
	uint8_t result;

	gpattern(w, data, 512ull * sectors, seed);
	gset(w, answer, 0xff, 9);
	if (sectors)
		pieces[count++] = (struct piece){data, 512 * sectors, false};
	pieces[count++] = (struct piece){answer, 9, true};
	run_pieces(&w->q[0], pieces, count);
	*at = g64(w, answer);
	result = status_at(w, answer + 8);
	w->next_free = mark;
	return result;
}

struct blk_zone_descriptor zone_look(struct world *w, unsigned zone)
{
	uint64_t mark = w->next_free, data = galloc(w, 128, 16);
	struct blk_zone_descriptor d;

	CHECK_EQ(blk(&w->q[0], BLK_T_ZONE_REPORT, (uint64_t)zone * ZONE, data, 128), BLK_S_OK);
	CHECK_EQ(g64(w, data), 1);
	memcpy(&d, gptr(w, data + 64, 64), sizeof(d));
	CHECK_EQ(d.start, (uint64_t)zone * ZONE);
	w->next_free = mark;
	return d;
}

unsigned zone_state_of(struct world *w, unsigned zone)
{
	return zone_look(w, zone).state;
}

uint64_t zone_wp(struct world *w, unsigned zone)
{
	return zone_look(w, zone).wp;
}

void zone_bring(struct world *w, unsigned zone, unsigned state)
{
	if (state == ZONE_EMPTY)
		return;
	CHECK_EQ(zone_write(w, (uint64_t)zone * ZONE, 8, zone), BLK_S_OK);
	if (state == ZONE_EXPLICIT_OPEN)
		CHECK_EQ(zone_manage(w, BLK_T_ZONE_OPEN, zone), BLK_S_OK);
	if (state == ZONE_CLOSED)
		CHECK_EQ(zone_manage(w, BLK_T_ZONE_CLOSE, zone), BLK_S_OK);
	if (state == ZONE_FULL)
		CHECK_EQ(zone_manage(w, BLK_T_ZONE_FINISH, zone), BLK_S_OK);
	CHECK_EQ(zone_state_of(w, zone), state);
}
