UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT_BIN := $(UNIT_SRC:%.c=$(B)/%)
TEST_DRIVER_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard tests/driver/*.c))
TEST_LIBS := -lcmocka $(TUI_LIBS) $(VMM_LIBS) -lzstd -lxxhash -lpcap -lprotobuf-c

# The toolkit's side of the VMM's rings.
READER_TESTS := $(addprefix $(B)/tests/unit/,test_ring_reader test_device_seen)
$(READER_TESTS): $(PROBES_OBJ)
$(READER_TESTS): TEST_LIBS += $(LIBVBTRACE) -lbpf -lelf -lz

$(B)/tests/unit/%: $(B)/tests/unit/%.o $(TEST_DRIVER_OBJ) $(LIBTUI) $(LIBVMM) $(LIBVBTRACE)
	$(LINK) $^ $(TEST_LIBS)

.PRECIOUS: $(B)/tests/unit/%.o $(TEST_DRIVER_OBJ)

unit: $(UNIT_BIN) ## the unit tests (cmocka), natively
	$(Q)tests/run-unit $(UNIT_BIN)

include tests/conformance/rules.mk
conformance: ## the device against every line of the virtio specification, and hostile input; writes docs/CONFORMANCE.md
check-conformance: ## the same, printing only what fails
mutate: ## take the device's checks out one by one: the suites have to notice
include tests/bench/rules.mk
bench: ## all benchmarks, or BENCH="NAME..."; QUICK=1 for a short look; writes build/bench.json
include tests/fuzz/rules.mk
fuzz: ## the fuzzers, FUZZ_SECONDS=60 each
check-fuzz: ## the fuzzers for a fixed number of executions

check-e2e: bin lab guest-image $(B)/bench/make_trace ## end-to-end tests in the lab: boots, fio with verification, traces
	$(Q)tests/run-e2e $(E2E)
