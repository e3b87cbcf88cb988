/* SPDX-License-Identifier: MIT */
/* What the files of `vbtrace teach` share: one request with its pictures, and its pages. */
#ifndef CLI_TEACH_H
#define CLI_TEACH_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/pause.h"
#include "lib/request.h"
#include "lib/ring_view.h"
#include "lib/trace_info.h"

/* A request of a trace, with what its rings looked like. */
struct teach_subject {
	struct vbt_request request;
	struct vbt_ring_view view[VBT_RING_MOMENT_COUNT];
	bool has_view[VBT_RING_MOMENT_COUNT];
	/* Of the picture at the kick, which has this request's chain in any case: another's waited
	 * before it; and it was offered only after the VMM had begun to serve. */
	bool other_first, offered_late;
	unsigned taken,
	    turn; /* requests in the VMM's pass, as far as seen; which this is. 0: not known */
	struct vbt_device device; /* all zero if it is not known */
	char device_name[24], thread[24];
	char absent[VBT_MARK_COUNT][96]; /* why a mark is; "" where it is present */
};

/* All pictures of a trace so far. All zero: none. */
struct teach_views {
	struct vbt_ring_view *view;
	unsigned views, room;
	struct vbt_ring_view_builder *builder; /* by source */
	unsigned builders;
	struct vbt_pauses pauses;
};

/* Take the next event, of any kind and in order. 0 or -ENOMEM. Old pictures go when there are many. */
int teach_views_event(struct teach_views *views, const struct vbt_event *event);
/* Put those that belong to subject->request into the subject. */
void teach_views_take(const struct teach_views *views, struct teach_subject *subject);
bool teach_views_has(const struct teach_views *views, const struct vbt_request *request);
void teach_views_release(struct teach_views *views);

/* Names and reasons of a subject whose request and pictures are there. */
void teach_describe(struct teach_subject *subject, const struct vbt_trace_info *info);

/*
 * Read the trace and choose a request: number `id`, or for 0 the first of those with pictures that
 * has the most marks. CLI_SUCCESS or CLI_FAILURE, which was complained about.
 */
int teach_load(const char *path, uint64_t id, struct teach_subject *subject);

/* The moment whose picture a page shows. */
unsigned teach_moment(unsigned page);

/* How a line of a page is meant. */
enum teach_role {
	TEACH_TEXT,
	TEACH_TITLE,
	TEACH_HEADING,
	TEACH_DRAWING,
	TEACH_CHANGED, /* a line of a drawing that differs from the picture before */
	TEACH_QUESTION,
	TEACH_ANSWER
};

struct teach_line {
	enum teach_role role;
	char *text;
};

struct teach_page {
	struct teach_line *line;
	unsigned lines, room;
	unsigned width;
	bool failed; /* memory was short: lines are missing */
};

/*
 * Make a page: 0 to VBT_PAGE_COUNT - 1, `width` columns wide, 40 at least. An empty page is all zero; a page is made anew after a release.
 */
void teach_page_make(struct teach_page *page, const struct teach_subject *subject, unsigned number,
		     unsigned width);
void teach_page_release(struct teach_page *page);

/* For those who make pages: a line, or a paragraph that is wrapped and indented. */
void teach_line(struct teach_page *page, enum teach_role role, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void teach_paragraph(struct teach_page *page, enum teach_role role, unsigned width, unsigned indent,
		     const char *text);

/* The rings as of a view; what is not as in `before` (NULL: nothing is known of before) is marked. */
void teach_draw_rings(struct teach_page *page, const struct vbt_ring_view *view,
		      const struct vbt_ring_view *before);
/* The header and status of a view, and how its addresses translate. */
void teach_draw_request(struct teach_page *page, const struct vbt_ring_view *view,
			const struct vbt_ring_view *before);

/* Step through it on the terminal, or print all of it. CLI_SUCCESS or CLI_FAILURE. `live` brings
 * further pages into the subject (NULL: all are there). */
struct teach_live;
int teach_screen(const struct teach_subject *subject, struct teach_live *live);
int teach_print(const struct teach_subject *subject);
void teach_print_subject(const struct teach_subject *subject);
int teach_print_page(const struct teach_subject *subject, unsigned number);

/*
 * A VMM in slow motion (vmm-lite run --step SOCKET). NULL, or -1 and a complaint. next: lets the VMM
 * go on until there is a new page of the request that is followed, which is then in the subject;
 * waits for `timeout_ms` at most. 1: *page is new; 0: not yet; -1: the VMM has ended, or hung up.
 */
struct teach_live *teach_live_open(const char *path);
struct teach_subject *teach_live_subject(struct teach_live *live);
int teach_live_next(struct teach_live *live, int timeout_ms, unsigned *page);
void teach_live_close(struct teach_live *live);

/* Where vmm-lite makes a mark, as of the build: "vmm-lite/virtio/blk_io.c:123 blk_io_take()". "" if
 * it does not. buf has room for `size`. */
const char *teach_source(unsigned mark, char *buf, size_t size);

#endif
