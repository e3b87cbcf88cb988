/* SPDX-License-Identifier: MIT */
/* The pages of `vbtrace teach`: where we are, who is at work, what the rings hold, what it cost. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/screen.h"
#include "cli/teach.h"
#include "lib/event.h"
#include "lib/lesson.h"

#define PLAIN_WIDTH 78

static void add_line(struct teach_page *page, enum teach_role role, char *text)
{
	unsigned room = page->room ? page->room * 2 : 64;
	struct teach_line *bigger;

	if (text && page->lines == page->room) {
		bigger = realloc(page->line, room * sizeof(*bigger));
		if (bigger) {
			page->line = bigger;
			page->room = room;
		}
	}
	if (!text || page->lines == page->room) {
		page->failed = true;
		free(text);
		return;
	}
	page->line[page->lines++] = (struct teach_line){role, text};
}

void teach_line(struct teach_page *page, enum teach_role role, const char *format, ...)
{
	va_list list;
	char *text;
	int length;

	va_start(list, format);
	length = vasprintf(&text, format, list);
	va_end(list);
	while (length > 0 && text[length - 1] == ' ')
		text[--length] = '\0';
	add_line(page, role, length < 0 ? NULL : text);
}

void teach_paragraph(struct teach_page *page, enum teach_role role, unsigned width, unsigned indent,
		     const char *text)
{
	unsigned room = width > indent + 20 ? width - indent : 20;

	while (*text) {
		size_t length = strlen(text), cut = length;

		if (length > room)
			for (cut = room; cut > 0 && text[cut] != ' ';)
				cut--;
		if (!cut)
			cut = room;
		teach_line(page, role, "%*s%.*s", (int)indent, "", (int)cut, text);
		text += cut;
		while (*text == ' ')
			text++;
	}
}

void teach_page_release(struct teach_page *page)
{
	for (unsigned i = 0; i < page->lines; i++)
		free(page->line[i].text);
	free(page->line);
	memset(page, 0, sizeof(*page));
}

unsigned teach_moment(unsigned page)
{
	if (page <= VBT_PAGE_OF(VBT_MARK_wake))
		return VBT_RING_AT_kick;
	if (page <= VBT_PAGE_OF(VBT_MARK_reap))
		return VBT_RING_AT_pop;
	return page == VBT_PAGE_OF(VBT_MARK_push) ? VBT_RING_AT_push : VBT_RING_AT_interrupt;
}

/* "K [W] P R …": what is past, where we are, what is to come. */
static void add_place(struct teach_page *page, const struct teach_subject *subject, unsigned number,
		      unsigned width)
{
	const struct vbt_lesson *lesson = vbt_lesson(number);
	char marks[4 * VBT_MARK_COUNT + 1] = "", text[256];
	size_t used = 0;

	snprintf(text, sizeof(text), "Page %u of %u. Chapter %u of %d: %s", number + 1,
		 VBT_PAGE_COUNT, lesson->chapter + 1u, VBT_CHAPTER_COUNT,
		 vbt_chapter_title(lesson->chapter));
	teach_paragraph(page, TEACH_TITLE, width, 0, text);
	for (unsigned mark = 0; mark < VBT_MARK_COUNT; mark++)
		used += (size_t)snprintf(marks + used, sizeof(marks) - used,
					 number && mark == VBT_PAGE_MARK(number) ? "[%c] " : "%c ",
					 vbt_mark_letter(mark));
	teach_line(page, TEACH_TEXT, "Marks: %s", marks);
	if (!number) {
		teach_line(page, TEACH_TITLE, "Before mark 1 of %u: the request is made",
			   VBT_MARK_COUNT);
		return;
	}
	snprintf(text, sizeof(text), "Mark %u of %d: %c, %s: %s", number, VBT_MARK_COUNT,
		 vbt_mark_letter(VBT_PAGE_MARK(number)), vbt_point_name(VBT_PAGE_MARK(number)),
		 vbt_mark_meaning(VBT_PAGE_MARK(number)));
	teach_paragraph(page, TEACH_TITLE, width, 0, text);
	if (vbt_request_has(&subject->request, VBT_PAGE_MARK(number)))
		return;
	snprintf(text, sizeof(text), "In this request it is absent: %s",
		 subject->absent[VBT_PAGE_MARK(number)]);
	teach_paragraph(page, TEACH_CHANGED, width, 0, text);
}

static void add_actor(struct teach_page *page, const struct teach_subject *subject, unsigned number)
{
	const struct vbt_lesson *lesson = vbt_lesson(number);
	const struct vbt_request *r = &subject->request;
	char where[64] = "";

	if (lesson->actor == VBT_ACTOR_vmm && subject->thread[0])
		snprintf(where, sizeof(where), ", thread %s", subject->thread);
	else if (lesson->actor == VBT_ACTOR_guest && r->vcpu >= 0)
		snprintf(where, sizeof(where), ", on vCPU %d", r->vcpu);
	teach_line(page, TEACH_TEXT, "Who runs now: %s%s", vbt_actor_name(lesson->actor), where);
}

static void add_time(struct teach_page *page, const struct teach_subject *subject, unsigned number,
		     unsigned width)
{
	struct vbt_segment segment[VBT_MARK_COUNT - 1];
	unsigned count = vbt_request_segments(&subject->request, segment);
	const struct screen plain = {.out = NULL};
	bool first = number <= VBT_PAGE_OF(VBT_MARK_kick);
	char since[TEXT_SIZE], text[512];
	uint64_t now = 0;

	teach_line(page, TEACH_HEADING, "Time");
	for (unsigned i = 0; number && i < count; i++) {
		now += segment[i].ns;
		if (segment[i].to != VBT_PAGE_MARK(number))
			continue;
		teach_line(page, TEACH_TEXT, "  %s since %c (%s), layer %s; %llu ns since %c",
			   text_time(&plain, segment[i].ns, since),
			   vbt_mark_letter(segment[i].from), vbt_point_name(segment[i].from),
			   vbt_layer_name(segment[i].layer), (unsigned long long)now,
			   vbt_mark_letter(segment[0].from));
	}
	if (number && count && segment[0].from == VBT_PAGE_MARK(number) && !first)
		teach_line(page, TEACH_TEXT, "  This request's life is counted from here.");
	snprintf(text, sizeof(text), "%s%s", first ? "" : "Made of: ", vbt_lesson(number)->cost);
	teach_paragraph(page, TEACH_TEXT, width, 2, text);
}

static void add_references(struct teach_page *page, bool packed, unsigned number, unsigned width)
{
	const struct vbt_lesson *lesson = vbt_lesson(number);
	char text[512], source[128] = "";

	teach_line(page, TEACH_HEADING, "Where to read on");
	snprintf(text, sizeof(text), "virtio 1.3: %s", packed ? lesson->packed : lesson->split);
	teach_paragraph(page, TEACH_TEXT, width, 2, text);
	if (number)
		teach_source(VBT_PAGE_MARK(number), source, sizeof(source));
	snprintf(text, sizeof(text), "vmm-lite: %s",
		 source[0] ? source : "none: the guest's driver does this");
	teach_paragraph(page, TEACH_TEXT, width, 2, text);
	snprintf(text, sizeof(text), "Linux: %s", lesson->linux_names);
	teach_paragraph(page, TEACH_TEXT, width, 2, text);
	snprintf(text, sizeof(text), "QEMU: %s", lesson->qemu_names);
	teach_paragraph(page, TEACH_TEXT, width, 2, text);
}

static void add_questions(struct teach_page *page, unsigned number, unsigned width)
{
	const struct vbt_lesson *lesson = vbt_lesson(number), *next = vbt_lesson(number + 1);
	const struct vbt_question *questions = vbt_chapter_questions(lesson->chapter);
	char text[512];

	if (next && next->chapter == lesson->chapter)
		return;
	teach_line(page, TEACH_HEADING, "Questions on chapter %u", lesson->chapter + 1u);
	for (unsigned i = 0; i < VBT_CHAPTER_QUESTIONS; i++) {
		snprintf(text, sizeof(text), "%u. %s", i + 1, questions[i].question);
		teach_paragraph(page, TEACH_QUESTION, width, 2, text);
		snprintf(text, sizeof(text), "Answer: %s", questions[i].answer);
		teach_paragraph(page, TEACH_ANSWER, width, 5, text);
	}
}

/* Whose chain the picture at the kick has, where several requests were taken together. */
static void add_company(struct teach_page *page, const struct teach_subject *subject,
			unsigned moment, unsigned width)
{
	const struct vbt_request *r = &subject->request;
	bool kicked = vbt_request_has(r, VBT_MARK_kick);
	char text[512] = "";
	size_t used = 0;

	if (moment == VBT_RING_AT_interrupt && r->pushes > 1 && r->irq_seq)
		used += (size_t)snprintf(text, sizeof(text), "This interrupt tells of %u requests.",
					 r->pushes);
	if (moment == VBT_RING_AT_kick && subject->taken > 1)
		used += (size_t)snprintf(
		    text, sizeof(text), "%s %u requests, of which this is number %u.",
		    kicked ? "This kick was for" : "Without a kick for it, the VMM took",
		    subject->taken, subject->turn);
	if (moment == VBT_RING_AT_kick && subject->offered_late)
		snprintf(
		    text + used, sizeof(text) - used,
		    "%sWhen the VMM woke, this request was not in the ring yet: the driver added "
		    "it while others were served. Its chain is drawn as it was when the device took "
		    "it.",
		    used ? " " : "");
	else if (moment == VBT_RING_AT_kick && subject->other_first)
		snprintf(
		    text + used, sizeof(text) - used,
		    "%sOthers wait before it; its own chain is drawn, as it was when the device took "
		    "it.",
		    used ? " " : "");
	teach_paragraph(page, TEACH_TEXT, width, 0, text);
}

static void add_pictures(struct teach_page *page, const struct teach_subject *subject,
			 unsigned number, unsigned width)
{
	unsigned moment = teach_moment(number), last = number ? teach_moment(number - 1) : moment;
	const struct vbt_ring_view *view = &subject->view[moment], *before = NULL;
	char text[160];

	add_company(page, subject, moment, width);
	if (!subject->has_view[moment]) {
		teach_paragraph(
		    page, TEACH_TEXT, width, 0,
		    "There is no picture of the rings here. Only the VMM's ring brings them "
		    "(vbtrace record --source ring --snapshot rings); USDT and flight "
		    "recorders have none.");
		return;
	}
	if (number)
		before = subject->has_view[last] ? &subject->view[last] : NULL;
	if (number && last == moment)
		snprintf(text, sizeof(text),
			 "This is still the picture of the page before: the rings %s.",
			 vbt_ring_moment_text(moment));
	else
		snprintf(
		    text, sizeof(text),
		    "This is a picture of the rings %s. Lines that begin with * have just changed.",
		    vbt_ring_moment_text(moment));
	teach_paragraph(page, TEACH_TEXT, width, 0, text);
	teach_draw_rings(page, view, before);
	teach_draw_request(page, view, before);
}

void teach_page_make(struct teach_page *page, const struct teach_subject *subject, unsigned number,
		     unsigned width)
{
	bool packed = subject->view[VBT_RING_AT_pop].flags & VBT_RING_PACKED;

	page->width = width;
	add_place(page, subject, number, width);
	add_actor(page, subject, number);
	teach_line(page, TEACH_TEXT, "%s", "");
	teach_paragraph(page, TEACH_TEXT, width, 0, vbt_lesson(number)->text);
	teach_line(page, TEACH_TEXT, "%s", "");
	add_pictures(page, subject, number, width);
	add_time(page, subject, number, width);
	add_references(page, packed, number, width);
	add_questions(page, number, width);
}

int teach_print_page(const struct teach_subject *subject, unsigned number)
{
	struct teach_page page = {0};
	bool failed;

	teach_page_make(&page, subject, number, PLAIN_WIDTH);
	putchar('\n');
	for (unsigned i = 0; i < page.lines; i++)
		puts(page.line[i].text);
	failed = page.failed;
	teach_page_release(&page);
	return failed ? complain("out of memory") : CLI_SUCCESS;
}

void teach_print_subject(const struct teach_subject *subject)
{
	const struct vbt_request *r = &subject->request;

	printf("Request %llu: %s, sector %llu, %u bytes, %s queue %u\n", (unsigned long long)r->id,
	       vbt_op_name(r->op), (unsigned long long)r->sector, r->bytes, subject->device_name,
	       r->queue);
}

int teach_print(const struct teach_subject *subject)
{
	int status = CLI_SUCCESS;

	printf("The life of one request, in %d chapters and %d marks\n", VBT_CHAPTER_COUNT,
	       VBT_MARK_COUNT);
	teach_print_subject(subject);
	for (unsigned number = 0; number < VBT_PAGE_COUNT && !status; number++)
		status = teach_print_page(subject, number);
	return status;
}
