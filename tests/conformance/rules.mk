CONFORMANCE_SRC := $(wildcard tests/conformance/*.c tests/conformance/hostile/*.c)
CONFORMANCE_OBJ := $(CONFORMANCE_SRC:%.c=$(B)/%.o)
CONFORMANCE := $(B)/tests/conformance/conformance

$(CONFORMANCE): $(CONFORMANCE_OBJ) $(LIBVMM)
	$(LINK) $^ $(VMM_LIBS)

conformance: $(CONFORMANCE) ## every line of the specification and of the hostile catalogue; writes docs/CONFORMANCE.md
	$(Q)tests/conformance/run $(CONFORMANCE) docs/CONFORMANCE.md

.PHONY: conformance
