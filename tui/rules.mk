TUI_SRC := $(wildcard tui/*.c)
TUI_OBJ := $(TUI_SRC:%.c=$(B)/%.o)
LIBTUI := $(B)/tui/libtui.a
TUI_LIBS := -lncursesw -ltinfo

$(LIBTUI): $(TUI_OBJ)
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $^
