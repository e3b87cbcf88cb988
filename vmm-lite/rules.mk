VMM_SRC := $(wildcard vmm-lite/*.c vmm-lite/*/*.c)
VMM_OBJ := $(VMM_SRC:%.c=$(B)/%.o)
VMM_LIBS := -luring -lpthread -lm
LIBVMM := $(B)/lib/libvmm-lite.a

# Everything but main(), so that the tests link against the same objects.
$(LIBVMM): $(filter-out $(B)/vmm-lite/main.o,$(VMM_OBJ)) $(STAGE_OBJ)
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $^

# The bench takes its percentiles from the toolkit's histogram: the one part of lib/ that is linked.
$(B)/bin/vmm-lite: $(B)/vmm-lite/main.o $(LIBVMM) $(B)/lib/histogram.o
	$(LINK) $^ $(VMM_LIBS)
