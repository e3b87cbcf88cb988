# The VMM's side of the probes: linked into vmm-lite, needs no libbpf.
STAGE_SRC := $(wildcard probes/stage_*.c)
STAGE_OBJ := $(STAGE_SRC:%.c=$(B)/%.o)

# Where each mark is made in vmm-lite, from the program itself: a table of C for `vbtrace teach`.
STAGE_SITES := $(B)/gen/stage_sites.h

$(B)/stage-sites: $(B)/probes/sites_main.o $(B)/lib/libvmm-lite.a $(B)/lib/histogram.o
	$(LINK) $< -Wl,--whole-archive $(B)/lib/libvmm-lite.a -Wl,--no-whole-archive \
	$(B)/lib/histogram.o -luring -lpthread -lm

$(STAGE_SITES): $(B)/stage-sites
	$(Q)mkdir -p $(@D) && echo "  GEN   $@" && $< > $@.new && mv $@.new $@

# The toolkit's side: BPF programs, sessions.
PROBES_SRC := $(filter-out $(STAGE_SRC) probes/sites_main.c %.bpf.c,$(wildcard probes/*.c))
PROBES_OBJ := $(PROBES_SRC:%.c=$(B)/%.o)

# The programs are built here and now, for any kernel: nothing of the running one goes in.
BPFTOOL ?= $(firstword $(shell PATH="$$PATH:/usr/sbin:/sbin" command -v bpftool) bpftool)
BPF_ARCH := $(shell uname -m | sed 's/x86_64/x86/;s/aarch64/arm64/')
BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -std=gnu11 -ffreestanding -Wall -Wextra \
	-Wno-unused-parameter -Wno-missing-declarations -D__TARGET_ARCH_$(BPF_ARCH) -D__x86_64__ -I. \
	-idirafter /usr/include/$(shell $(CC) -print-multiarch)
BPF_OBJ := $(B)/probes/programs.bpf.o
BPF_SKELETON := $(B)/gen/probes/programs.skel.h

$(BPF_OBJ): probes/programs.bpf.c $(wildcard probes/*.h) lib/record.h lib/stage.h lib/kernel_record.h
	$(Q)mkdir -p $(@D) && echo "  BPF   $<" && $(CLANG) $(BPF_CFLAGS) -c -o $@ $<

$(BPF_SKELETON): $(BPF_OBJ)
	$(Q)mkdir -p $(@D) && echo "  SKEL  $@" && \
	$(BPFTOOL) gen skeleton $< name vbt_programs > $@.new && mv $@.new $@

$(PROBES_OBJ): $(BPF_SKELETON)
