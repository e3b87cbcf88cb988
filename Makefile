# vbtrace: every virtio-blk request of a KVM guest, from its kick to its end-of-interrupt.
# `make help` lists the targets. Each folder's own rules are in its rules.mk.

B := build
V ?= 0
Q := $(if $(filter 0,$(V)),@)
CC ?= gcc
CLANG ?= clang
PREFIX ?= /usr/local
VERSION := 0.1

CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wpointer-arith \
	-Wwrite-strings -Wno-unused-parameter $(if $(WERROR),-Werror)
CPPFLAGS += -I. -I$(B)/gen -D_GNU_SOURCE -DVBTRACE_VERSION='"$(VERSION)"'
ALL_CFLAGS := -std=gnu11 $(WARN) $(CFLAGS) $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer)
ALL_LDFLAGS := $(LDFLAGS) $(if $(SANITIZE),-fsanitize=$(SANITIZE))
LINK = $(Q)mkdir -p $(@D) && echo "  LINK  $@" && $(CC) $(ALL_LDFLAGS) -o $@

all: bin manual samples ## everything, into build/
.DEFAULT_GOAL := all

include probes/rules.mk lib/rules.mk vmm-lite/rules.mk tui/rules.mk cli/rules.mk tests/rules.mk
-include $(wildcard lab/rules.mk samples/rules.mk docs/rules.mk)

bin: $(B)/bin/vmm-lite $(if $(wildcard cli/main.c),$(B)/bin/vbtrace) ## the two programs

$(B)/%.o: %.c
	$(Q)mkdir -p $(@D) && echo "  CC    $<" && \
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(CFLAGS_$(firstword $(subst /, ,$<))) -MMD -MP -c -o $@ $<

-include $(shell find $(B) -name '*.d' -not -path '$(B)/lab/*' 2>/dev/null)

# Nothing is assumed to be installed: check and demo bring what they need, then start make again so
# that it sees the new tools.
check: ## every test, unit to end-to-end (what CI runs)
	$(Q)lab/deps lab/packages.build lab/packages.host lab/packages.check
	$(Q)$(MAKE) --no-print-directory check-all

teach: ## learn it: one recorded request, mark by mark
	$(Q)lab/deps lab/packages.build
	$(Q)$(MAKE) --no-print-directory bin
	$(Q)$(B)/bin/vbtrace teach

demo: ## the main job: boot a guest, record it, show where the time goes
	$(Q)lab/deps lab/packages.build lab/packages.host
	$(Q)$(MAKE) --no-print-directory bin lab guest-image samples
	$(Q)samples/demo

# What needs no lab runs side by side; in the lab, tests have the machine to themselves.
check-all:
	$(Q)$(MAKE) --no-print-directory -j$(shell nproc) -O check-native lab guest-image
	$(Q)$(MAKE) --no-print-directory check-lab check-e2e
	@echo "check: all passed"

check-native: all unit check-conformance lint check-fuzz ## the tests that need no lab

lint: ## clang-format, cppcheck, shellcheck, layering
	$(Q)tests/lint

DATA := $(DESTDIR)$(PREFIX)/share
# Guests and traces; what builds them stays here.
SAMPLES = $(shell find samples -type f ! -name rules.mk ! -perm -u+x)
install: all ## DESTDIR=, PREFIX=; binaries, man pages, completions, Wireshark plugin, samples
	install -D -t $(DESTDIR)$(PREFIX)/bin $(B)/bin/vmm-lite $(B)/bin/vbtrace
	install -D -m 644 -t $(DATA)/man/man1 $(B)/man/*.1
	install -D -m 644 -t $(DATA)/bash-completion/completions $(PROGRAMS:%=$(B)/completions/%)
	install -D -m 644 -t $(DATA)/zsh/site-functions $(PROGRAMS:%=$(B)/completions/zsh/_%)
	install -D -m 644 -t $(DATA)/doc/vbtrace README.md LICENSE docs/*.md
	for f in $(SAMPLES); do install -D -m 644 $$f $(DATA)/vbtrace/$$f || exit; done
	install -D -m 644 -t $(DATA)/vbtrace/samples/guests $(GUEST_ELF)
	install -D -m 644 -t $(DATA)/vbtrace/wireshark cli/wireshark/vbtrace.lua cli/wireshark/colorfilters cli/wireshark/vbtrace-extcap
	$(Q)DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) cli/wireshark/install

help: ## this list
	$(Q)grep -hE '^[a-z-]+:.*## ' Makefile */rules.mk | sort -u | \
	sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

clean: ## remove what was built, keep the downloaded lab
	$(Q)find $(B) -mindepth 1 -maxdepth 1 ! -name lab ! -name guest -exec rm -rf {} +

.PHONY: all bin help clean unit check check-all check-native check-fuzz check-lab check-e2e demo teach lint install \
	lab guest-image samples bench fuzz
