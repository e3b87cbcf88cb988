# Manual pages and shell completions, made from the tables in the programs themselves.
PROGRAMS := vbtrace vmm-lite

$(B)/tables/%: $(B)/bin/%
	$(Q)mkdir -p $(@D) && $< help --tables >$@.new && mv $@.new $@

$(B)/man/%.1: $(B)/tables/% docs/generate $(wildcard docs/*.awk docs/man/*)
	$(Q)mkdir -p $(@D) && echo "  GEN   $@" && rm -f $(@D)/$*-*.1 && docs/generate man $< $(@D)

COMPLETION = $(Q)mkdir -p $(@D) && echo "  GEN   $@" && docs/generate $(1) $< >$@.new && mv $@.new $@
COMPLETION_SRC := docs/generate $(wildcard docs/*.awk docs/completion/*)

$(B)/completions/%: $(B)/tables/% $(COMPLETION_SRC)
	$(call COMPLETION,bash)

$(B)/completions/zsh/_%: $(B)/tables/% $(COMPLETION_SRC)
	$(call COMPLETION,zsh)

manual: $(foreach p,$(PROGRAMS),$(B)/man/$(p).1 $(B)/completions/$(p) $(B)/completions/zsh/_$(p))
manual: ## manual pages and completions, into build/man and build/completions

check-e2e: manual

.SECONDARY: $(PROGRAMS:%=$(B)/tables/%)
.PHONY: manual
