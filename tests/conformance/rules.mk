# One test for every line of the specification (make conformance) and of the hostile catalogue.
CONFORMANCE_SRC := $(wildcard tests/conformance/*.c tests/conformance/*/*.c)
CONFORMANCE_OBJ := $(CONFORMANCE_SRC:%.c=$(B)/%.o) $(B)/tests/driver/ram_disk.o
CONFORMANCE := $(B)/tests/conformance/conformance

$(CONFORMANCE): $(CONFORMANCE_OBJ) $(LIBVMM)
	$(LINK) $^ $(VMM_LIBS)

conformance: $(CONFORMANCE)
	$(Q)tests/conformance/run $(CONFORMANCE) docs/CONFORMANCE.md

check-conformance: $(CONFORMANCE)
	$(Q)$(CONFORMANCE) --all --quiet
	$(Q)tests/mutate/mutate --check

# The proof that the suites notice when a check is missing. Minutes, so not part of the check.
mutate:
	$(Q)tests/mutate/mutate

.PHONY: conformance check-conformance mutate
