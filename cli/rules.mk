CLI_SRC := $(wildcard cli/*.c)
CLI_OBJ := $(CLI_SRC:%.c=$(B)/%.o)
CLI_LIBS := -lbpf -lelf -lz -lzstd -lxxhash -lpthread -lm

# Of the VMM's side only the question whether the TSC is good enough: doctor asks it too.
$(B)/bin/vbtrace: $(CLI_OBJ) $(TUI_OBJ) $(PROBES_OBJ) $(B)/probes/stage_tsc.o $(LIBVBTRACE)
	$(LINK) $^ $(CLI_LIBS)
