/* SPDX-License-Identifier: MIT */
/*
 * What colours mean: a view asks for a role ("selected", "the layer host"), a theme says how that
 * looks on a terminal of 256, 8 or no colours. Without colours the roles that must be told apart
 * are told by bold, underlined and reverse; a view never says by colour alone.
 */
#ifndef TUI_THEME_H
#define TUI_THEME_H

#include "lib/request.h"
#include "tui/term.h"

/* X(id): see the table in theme.c. The layers come in the order of VBT_LAYERS, twice: as writing
 * in the layer's colour, and as a block filled with it. */
#define THEME_ROLES(X) \
	X(text)        \
	X(dim)         \
	X(strong)      \
	X(title)       \
	X(heading)     \
	X(sorted)      \
	X(selected)    \
	X(key)         \
	X(label)       \
	X(good)        \
	X(warn)        \
	X(bad)         \
	X(accent)

#define THEME_HEATS 10 /* steps of a heat map, from few to many */

enum theme_role {
#define X(id) THEME_##id,
	THEME_ROLES(X)
#undef X
	    THEME_LAYER_TEXT,
	THEME_LAYER_FILL = THEME_LAYER_TEXT + VBT_LAYER_COUNT,
	THEME_HEAT = THEME_LAYER_FILL + VBT_LAYER_COUNT,
	THEME_ROLE_COUNT = THEME_HEAT + THEME_HEATS
};

/* The choices of --theme; auto: dark, or none where there are no colours. */
#define THEME_CHOICES "auto|dark|light|contrast|none"
enum theme_choice { THEME_AUTO, THEME_DARK, THEME_LIGHT, THEME_CONTRAST, THEME_NONE };

struct theme {
	int colours;                     /* in use: 256, 8 or 0 */
	unsigned attr[THEME_ROLE_COUNT]; /* by role: for ncurses' attrset() */
};

/* After term_start: set up the colours of a choice for this terminal. */
void theme_init(struct theme *theme, enum theme_choice choice, const struct term *term);

static inline unsigned theme_layer_text(const struct theme *theme, unsigned layer)
{
	return theme->attr[THEME_LAYER_TEXT + layer];
}

static inline unsigned theme_layer_fill(const struct theme *theme, unsigned layer)
{
	return theme->attr[THEME_LAYER_FILL + layer];
}

#endif
