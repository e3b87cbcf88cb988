# The benchmarks: tests/bench/run and one file for each. The programs that they need:
BENCH_BIN := $(B)/bench/make_trace $(B)/bench/make_blktrace $(B)/bench/measure $(B)/bench/stage_points

$(B)/bench/make_trace $(B)/bench/make_blktrace $(B)/bench/measure: $(B)/bench/%: $(B)/tests/bench/%.o $(LIBVBTRACE)
	$(LINK) $^ -lzstd -lxxhash

$(B)/bench/stage_points: $(B)/tests/bench/stage_points.o $(STAGE_OBJ)
	$(LINK) $^ -lpthread

bench: bin $(BENCH_BIN) lab guest-image
	$(Q)QUICK=$(QUICK) tests/bench/run $(BENCH)
