/* SPDX-License-Identifier: MIT */
#include "tui/theme.h"

#include <curses.h>
#include <string.h>

#include "lib/layer_colour.h"

#define DEFAULT (-1) /* the terminal's own colour */

/* How a role looks: colours in writing and ground for each kind of terminal, and what is added. */
struct look {
	short dark[2], light[2], contrast[2]; /* of 256 */
	short eight[2];                       /* of 8, in all themes */
	attr_t always;                        /* with colours */
	attr_t plain;                         /* without */
};

#define ROLE(d, db, l, lb, c, cb, e, eb, always_, plain_)           \
	{                                                           \
		{d, db}, {l, lb}, {c, cb}, {e, eb}, always_, plain_ \
	}

static const struct look looks[THEME_ROLE_COUNT] = {
    [THEME_text] = ROLE(DEFAULT, DEFAULT, DEFAULT, DEFAULT, 231, 16, DEFAULT, DEFAULT, 0, 0),
    [THEME_dim] = ROLE(245, DEFAULT, 243, DEFAULT, 252, 16, DEFAULT, DEFAULT, 0, 0),
    [THEME_strong] = ROLE(255, DEFAULT, 16, DEFAULT, 231, 16, DEFAULT, DEFAULT, A_BOLD, A_BOLD),
    [THEME_title] = ROLE(255, 238, 16, 252, 16, 231, COLOR_BLACK, COLOR_WHITE, A_BOLD, A_REVERSE),
    [THEME_heading] = ROLE(250, 236, 238, 254, 16, 250, COLOR_BLACK, COLOR_GREEN, 0, A_REVERSE),
    [THEME_sorted] =
	ROLE(16, 110, 231, 25, 16, 226, COLOR_BLACK, COLOR_CYAN, A_BOLD, A_REVERSE | A_BOLD),
    [THEME_selected] = ROLE(255, 24, 16, 153, 16, 226, COLOR_BLACK, COLOR_CYAN, 0, A_REVERSE),
    [THEME_key] = ROLE(255, DEFAULT, 16, DEFAULT, 226, 16, DEFAULT, DEFAULT, A_BOLD, A_BOLD),
    [THEME_label] = ROLE(16, 110, 231, 25, 16, 231, COLOR_BLACK, COLOR_CYAN, 0, A_REVERSE),
    [THEME_good] = ROLE(108, DEFAULT, 28, DEFAULT, 46, 16, COLOR_GREEN, DEFAULT, 0, 0),
    [THEME_warn] = ROLE(179, DEFAULT, 130, DEFAULT, 226, 16, COLOR_YELLOW, DEFAULT, 0, A_BOLD),
    [THEME_bad] =
	ROLE(231, 160, 231, 160, 231, 196, COLOR_WHITE, COLOR_RED, A_BOLD, A_REVERSE | A_BOLD),
    [THEME_accent] = ROLE(110, DEFAULT, 25, DEFAULT, 51, 16, COLOR_CYAN, DEFAULT, 0, A_BOLD),

/* The writing is for terminals whose letters make the steps. */
#define HEAT(n, d, l, e) \
	[THEME_HEAT + (n)] = ROLE(DEFAULT, d, DEFAULT, l, DEFAULT, d, e, DEFAULT, 0, 0)
    HEAT(0, 17, 195, COLOR_BLUE),
    HEAT(1, 18, 159, COLOR_BLUE),
    HEAT(2, 24, 123, COLOR_BLUE),
    HEAT(3, 30, 117, COLOR_CYAN),
    HEAT(4, 36, 111, COLOR_CYAN),
    HEAT(5, 71, 105, COLOR_GREEN),
    HEAT(6, 107, 99, COLOR_GREEN),
    HEAT(7, 143, 93, COLOR_YELLOW),
    HEAT(8, 179, 91, COLOR_YELLOW),
    HEAT(9, 229, 53, COLOR_WHITE),
#undef HEAT

#define X(id, d, l, c, e) \
	[THEME_LAYER_TEXT + VBT_LAYER_##id] = ROLE(d, DEFAULT, l, DEFAULT, c, 16, e, DEFAULT, 0, 0),
    VBT_LAYER_COLOURS(X)
#undef X
#define X(id, d, l, c, e) \
	[THEME_LAYER_FILL + VBT_LAYER_##id] = ROLE(16, d, 231, l, 16, c, COLOR_BLACK, e, 0, 0),
	VBT_LAYER_COLOURS(X)
#undef X
};

static const short *colours_of(const struct look *look, enum theme_choice choice, int colours)
{
	if (colours < 256)
		return look->eight;
	if (choice == THEME_LIGHT)
		return look->light;
	return choice == THEME_CONTRAST ? look->contrast : look->dark;
}

void theme_init(struct theme *theme, enum theme_choice choice, const struct term *term)
{
	memset(theme, 0, sizeof(*theme));
	theme->colours = choice == THEME_NONE ? 0 : term->colours;
	for (unsigned role = 0; role < THEME_ROLE_COUNT; role++) {
		const struct look *look = &looks[role];
		const short *pair = colours_of(look, choice, theme->colours);

		theme->attr[role] = (unsigned)look->plain;
		if (!theme->colours)
			continue;
		init_pair((short)(role + 1), pair[0], pair[1]);
		theme->attr[role] = (unsigned)(COLOR_PAIR(role + 1) | look->always);
		if (choice == THEME_CONTRAST)
			theme->attr[role] |= A_BOLD;
	}
	bkgdset((chtype)' ' | theme->attr[THEME_text]);
}
