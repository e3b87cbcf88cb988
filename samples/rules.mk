# Guests of one idea each, for `vmm-lite run --payload`: no kernel, no C library.
# tests/payloads has some more, for the tests.

GUEST_SRC := $(wildcard samples/guests/*.c)
PAYLOAD_SRC := $(wildcard tests/payloads/*.c)
GUEST_LIB_SRC := $(wildcard samples/guests/lib/*.c samples/guests/lib/*.S)
GUEST_ELF := $(GUEST_SRC:%.c=$(B)/%.elf)
PAYLOAD_ELF := $(PAYLOAD_SRC:%.c=$(B)/%.elf)
GUEST_LIB := $(addprefix $(B)/,$(addsuffix .o,$(basename $(GUEST_LIB_SRC))))

# CFLAGS_samples is what the rule for %.o adds. SANITIZE has no place in a guest, hence the negation;
# nobody saves vector registers for an interrupt, hence general registers only.
CFLAGS_samples := -ffreestanding -fno-pic -fno-pie -mno-red-zone -mgeneral-regs-only -mcmodel=small \
	-fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables \
	$(if $(SANITIZE),-fno-sanitize=all)

$(B)/samples/guests/lib/%.o: samples/guests/lib/%.S
	$(Q)mkdir -p $(@D) && echo "  AS    $<" && $(CC) $(CPPFLAGS) -MMD -MP -c -o $@ $<

$(B)/tests/payloads/%.o: CFLAGS_tests := $(CFLAGS_samples)

$(GUEST_ELF) $(PAYLOAD_ELF): $(B)/%.elf: $(B)/%.o $(GUEST_LIB)
	$(Q)echo "  LINK  $@" && $(CC) -nostdlib -static -no-pie -Wl,-Ttext-segment=0x100000 \
	-Wl,-z,max-page-size=4096,-z,noexecstack,--build-id=none,-e,start -o $@ $^

.SECONDARY: $(GUEST_ELF:.elf=.o) $(PAYLOAD_ELF:.elf=.o) $(GUEST_LIB)

samples: $(GUEST_ELF) ## guests to run with vmm-lite run --payload, into build/samples/guests

check-e2e: samples $(PAYLOAD_ELF)
