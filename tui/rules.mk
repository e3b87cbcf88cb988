TUI_SRC := $(wildcard tui/*.c)
TUI_OBJ := $(TUI_SRC:%.c=$(B)/%.o)
