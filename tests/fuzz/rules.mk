# The fuzzers: libFuzzer with address and undefined-behaviour checks, everything from source with clang.
FUZZ_SECONDS ?= 60
FUZZ_RUNS_trace := 8000
FUZZ_RUNS_ring := 1500
FUZZ_RUNS_pci := 1500
FUZZERS := trace ring pci
FUZZ_BIN := $(FUZZERS:%=$(B)/fuzz/fuzz_%)
FUZZ_CFLAGS := -std=gnu11 $(WARN) -O1 -g -Wno-gnu-variable-sized-type-not-at-end -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
FUZZ_FLAGS := -timeout=20 -rss_limit_mb=2048 -close_fd_mask=3

# The exporters are none of a reader's business, and want libraries of their own.
FUZZ_OBJ_trace := $(patsubst %.c,$(B)/fuzz/%.o,$(filter-out lib/export%,$(LIB_SRC)))
FUZZ_OBJ_ring := $(patsubst %.c,$(B)/fuzz/%.o,$(filter-out vmm-lite/main.c,$(VMM_SRC)) $(STAGE_SRC) \
	$(wildcard tests/driver/*.c) lib/histogram.c tests/fuzz/guest.c tests/fuzz/watch.c)
FUZZ_OBJ_pci := $(FUZZ_OBJ_ring)

# What is fuzzed is told to the fuzzer's coverage; the fuzzers themselves and the rig are not.
$(B)/fuzz/%.o: %.c
	$(Q)mkdir -p $(@D) && echo "  FUZZ  $<" && $(CLANG) $(CPPFLAGS) $(FUZZ_CFLAGS) \
	$(if $(filter tests/%,$<),,-fsanitize=fuzzer-no-link) -MMD -MP -c -o $@ $<

$(B)/fuzz/fuzz_trace: $(B)/fuzz/tests/fuzz/fuzz_trace.o $(FUZZ_OBJ_trace)
$(B)/fuzz/fuzz_ring: $(B)/fuzz/tests/fuzz/fuzz_ring.o $(FUZZ_OBJ_ring)
$(B)/fuzz/fuzz_pci: $(B)/fuzz/tests/fuzz/fuzz_pci.o $(FUZZ_OBJ_pci)
$(FUZZ_BIN):
	$(Q)echo "  LINK  $@" && $(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer -o $@ $^ \
	$(VMM_LIBS) -lzstd -lxxhash

$(B)/fuzz/make_seeds: $(B)/fuzz/tests/fuzz/make_seeds.o $(FUZZ_OBJ_trace)
	$(Q)echo "  LINK  $@" && $(CLANG) $(FUZZ_CFLAGS) -o $@ $^ -lzstd -lxxhash -lm

# A fuzzer adds what it finds to its corpus in build/; the seeds are made anew. What once broke
# something is in tests/fuzz/found/ and is run first.
$(B)/fuzz/seeds/made: $(B)/fuzz/make_seeds $(wildcard tests/fuzz/found/*/*)
	$(Q)rm -rf $(@D) && mkdir -p $(FUZZERS:%=$(@D)/%) && $< $(@D) && \
	cp -r tests/fuzz/found/. $(@D) && touch $@

# Small inputs find more in the same time; a trace needs room for a chunk.
FUZZ_LEN_trace := 65536
FUZZ_LEN_ring := 4096
FUZZ_LEN_pci := 4096

fuzz: $(FUZZ_BIN) $(B)/fuzz/seeds/made
	$(Q)$(foreach f,$(FUZZERS),mkdir -p $(B)/fuzz/corpus/$(f) && \
	echo "fuzz: $(f), $(FUZZ_SECONDS) s" && $(B)/fuzz/fuzz_$(f) $(FUZZ_FLAGS) \
	-max_len=$(FUZZ_LEN_$(f)) -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=$(B)/fuzz/$(f)- \
	$(B)/fuzz/corpus/$(f) $(B)/fuzz/seeds/$(f) &&) true

# The same executions every time: a fixed seed, and nothing of what earlier runs found.
check-fuzz: $(FUZZ_BIN) $(B)/fuzz/seeds/made
	$(Q)$(foreach f,$(FUZZERS),rm -rf $(B)/fuzz/check && mkdir -p $(B)/fuzz/check && \
	{ $(B)/fuzz/fuzz_$(f) $(FUZZ_FLAGS) -max_len=$(FUZZ_LEN_$(f)) -seed=1 -runs=$(FUZZ_RUNS_$(f)) \
	-artifact_prefix=$(B)/fuzz/$(f)- $(B)/fuzz/check $(B)/fuzz/seeds/$(f) \
	>$(B)/fuzz/$(f).log 2>&1 || { cat $(B)/fuzz/$(f).log; exit 1; }; } && \
	echo "check-fuzz: $(f): $(FUZZ_RUNS_$(f)) executions, no finding" &&) true
