# The VMM's side of the probes: linked into vmm-lite, needs no libbpf.
STAGE_SRC := $(wildcard probes/stage_*.c)
STAGE_OBJ := $(STAGE_SRC:%.c=$(B)/%.o)

# The toolkit's side: BPF programs, sessions.
PROBES_SRC := $(filter-out $(STAGE_SRC),$(wildcard probes/*.c))
PROBES_OBJ := $(PROBES_SRC:%.c=$(B)/%.o)
