/* SPDX-License-Identifier: MIT */
/* vbtrace teach on a terminal: one page at a time, forwards and backwards. */
#include <curses.h>

#include "cli/command.h"
#include "cli/teach.h"
#include "lib/lesson.h"
#include "tui/draw.h"
#include "tui/keys.h"

#define LEFT_MARGIN 1
#define WAIT_MS     1000
#define LIVE_MS     200 /* between two looks at the keys while the VMM goes on */

enum action { ON = 1, NEXT, BACK, FIRST, LAST, UP, DOWN, PAGE_UP, PAGE_DOWN, ANSWERS, HELP, QUIT };
enum view { PAGES, HELPING };

#define IN(view) (1u << (view))

static const struct key_binding bindings[] = {
    {ON, IN(PAGES), {' '}, "Read on", "the rest of this page, then the next mark"},
    {NEXT, IN(PAGES), {KEY_RIGHT, 'n', 'l'}, "Next", "the next mark"},
    {BACK, IN(PAGES), {KEY_LEFT, 'p', 'b', 'h'}, "Back", "the mark before"},
    {DOWN, IN(PAGES), {KEY_DOWN, 'j'}, "Scroll", "scroll down"},
    {UP, IN(PAGES), {KEY_UP, 'k'}, NULL, "scroll up"},
    {PAGE_DOWN, IN(PAGES), {KEY_NPAGE}, NULL, "scroll down by a screen"},
    {PAGE_UP, IN(PAGES), {KEY_PPAGE}, NULL, "scroll up by a screen"},
    {ANSWERS, IN(PAGES), {'a', '\n', '\r'}, "Answers", "show or hide the answers to the questions"},
    {FIRST, IN(PAGES), {KEY_HOME, 'g'}, NULL, "the first page"},
    {LAST, IN(PAGES), {KEY_END, 'G'}, NULL, "the last page"},
    {HELP, IN(PAGES) | IN(HELPING), {'?', KEY_F(1)}, "Help", "this list; again: back"},
    {QUIT, IN(PAGES) | IN(HELPING), {'q', KEY_ESC}, "Quit", "end"},
    {0},
};

struct screen_state {
	const struct teach_subject *subject;
	struct teach_live *live; /* NULL: all pages are there */
	unsigned newest;         /* page that is there */
	bool waiting;            /* for a page newer than that */
	bool ended;
	struct term term;
	struct theme theme;
	struct teach_page page;
	unsigned number;
	int top; /* first line shown */
	bool answers;
	enum view view;
};

static unsigned attribute(const struct theme *theme, enum teach_role role)
{
	static const enum theme_role roles[] = {
	    [TEACH_TEXT] = THEME_text,       [TEACH_TITLE] = THEME_title,
	    [TEACH_HEADING] = THEME_heading, [TEACH_DRAWING] = THEME_text,
	    [TEACH_CHANGED] = THEME_accent,  [TEACH_QUESTION] = THEME_strong,
	    [TEACH_ANSWER] = THEME_good,
	};

	return theme->attr[roles[role]] | (role == TEACH_CHANGED ? A_BOLD : 0u);
}

static int shown_lines(const struct screen_state *s)
{
	int count = 0;

	for (unsigned i = 0; i < s->page.lines; i++)
		count += s->answers || s->page.line[i].role != TEACH_ANSWER;
	return count;
}

static int rows(const struct screen_state *s)
{
	return s->term.rows > 1 ? s->term.rows - 1 : 1;
}

static void clip_top(struct screen_state *s)
{
	int last = shown_lines(s) - rows(s);

	if (s->top > last)
		s->top = last;
	if (s->top < 0)
		s->top = 0;
}

static void make(struct screen_state *s)
{
	int width = s->term.columns - 2 * LEFT_MARGIN;

	teach_page_release(&s->page);
	teach_page_make(&s->page, s->subject, s->number,
			width < 40   ? 40u
			: width > 96 ? 96u
				     : (unsigned)width);
}

static void draw_page(struct screen_state *s)
{
	int row = -s->top;

	clip_top(s);
	row = -s->top;
	for (unsigned i = 0; i < s->page.lines; i++) {
		const struct teach_line *line = &s->page.line[i];

		if (line->role == TEACH_ANSWER && !s->answers)
			continue;
		if (row >= 0 && row < rows(s))
			draw_text(row, LEFT_MARGIN, s->term.columns - LEFT_MARGIN,
				  attribute(&s->theme, line->role), "%s", line->text);
		row++;
	}
	if (s->waiting || s->ended)
		draw_right(0, s->term.columns - 28, 27, s->theme.attr[THEME_warn], "%s",
			   s->ended ? "the VMM has ended" : "the VMM goes on ...");
	if (row > rows(s))
		draw_right(rows(s) - 1, s->term.columns - 8, 7, s->theme.attr[THEME_dim], "more");
}

static void draw(struct screen_state *s)
{
	erase();
	if (s->view == HELPING)
		keys_draw_help(bindings, PAGES, 0, &s->term, &s->theme);
	else
		draw_page(s);
	keys_draw_bar(bindings, s->view, &s->term, &s->theme);
	refresh();
}

static void go(struct screen_state *s, int to)
{
	if (to < 0)
		return;
	if (to > (int)s->newest) {
		s->waiting = s->live && s->number == s->newest && !s->ended;
		return;
	}
	s->number = (unsigned)to;
	s->top = 0;
	make(s);
}

/* The next screen of the page, or the next page. */
static void read_on(struct screen_state *s)
{
	if (s->top + rows(s) < shown_lines(s))
		s->top += rows(s);
	else
		go(s, (int)s->number + 1);
}

/* False: the end. */
static bool act(struct screen_state *s, int action)
{
	switch (action) {
	case ON: read_on(s); break;
	case NEXT: go(s, (int)s->number + 1); break;
	case BACK: go(s, (int)s->number - 1); break;
	case FIRST: go(s, 0); break;
	case LAST: go(s, (int)s->newest); break;
	case DOWN: s->top++; break;
	case UP: s->top--; break;
	case PAGE_DOWN: s->top += rows(s); break;
	case PAGE_UP: s->top -= rows(s); break;
	case ANSWERS: s->answers = !s->answers; break;
	case HELP: s->view = s->view == HELPING ? PAGES : HELPING; break;
	case QUIT: return false;
	default: break;
	}
	return true;
}

/* Let the VMM go on a little. */
static void wait_page(struct screen_state *s)
{
	unsigned page;
	int got = teach_live_next(s->live, LIVE_MS, &page);

	if (got > 0) {
		s->newest = page;
		go(s, (int)page);
	}
	s->ended = got < 0;
	s->waiting = !got;
}

int teach_screen(const struct teach_subject *subject, struct teach_live *live)
{
	struct screen_state s = {
	    .subject = subject, .live = live, .newest = live ? 0 : VBT_PAGE_COUNT - 1};
	struct term_input input;
	enum term_event event;
	bool more = true;
	char err[160];

	if (term_start(&s.term, err, sizeof(err))) {
		complain("%s%s", err, live ? ", or use --plain" : "; here are the pages as text");
		return live ? CLI_FAILURE : teach_print(subject);
	}
	theme_init(&s.theme, THEME_AUTO, &s.term);
	s.waiting = live != NULL;
	if (!live)
		go(&s, 0);
	while (more) {
		bool waited = s.waiting;

		draw(&s);
		if (waited)
			wait_page(&s);
		event = term_wait(&s.term, waited ? 0 : WAIT_MS, &input);
		if (event == TERM_RESIZE)
			make(&s);
		else if (event == TERM_KEY)
			more = act(&s, keys_action(bindings, s.view, input.key));
		more = more && event != TERM_END;
	}
	term_stop(&s.term);
	teach_page_release(&s.page);
	return CLI_SUCCESS;
}
