# The benchmarks: tests/bench/run and one file for each. The programs that they need:
BENCH_BIN := $(B)/bench/make_trace $(B)/bench/make_blktrace $(B)/bench/measure $(B)/bench/stage_points

$(B)/bench/make_trace $(B)/bench/make_blktrace $(B)/bench/measure: $(B)/bench/%: $(B)/tests/bench/%.o $(LIBVBTRACE)
	$(LINK) $^ -lzstd -lxxhash

$(B)/bench/stage_points: $(B)/tests/bench/stage_points.o $(STAGE_OBJ)
	$(LINK) $^ -lpthread

# The lab is for these only.
BENCH_LAB := $(if $(BENCH),$(filter guest boot lab,$(BENCH)),all)

bench:
	$(Q)lab/deps lab/packages.build lab/packages.host lab/packages.check
	$(Q)$(MAKE) --no-print-directory bench-run

bench-run: bin $(BENCH_BIN) $(if $(BENCH_LAB),lab guest-image)
	$(Q)QUICK=$(QUICK) tests/bench/run $(BENCH)

.PHONY: bench-run
