# Manual pages and shell completions, made from the tables in the programs themselves.
PROGRAMS := vbtrace vmm-lite

$(B)/tables/%: $(B)/bin/%
	$(Q)mkdir -p $(@D) && $< help --tables >$@.new && mv $@.new $@

$(B)/man/%.1: $(B)/tables/% docs/generate $(wildcard docs/*.awk docs/man/*)
	$(Q)mkdir -p $(@D) && echo "  GEN   $@" && rm -f $(@D)/$*-*.1 && docs/generate man $< $(@D)

$(B)/completions/%: $(B)/tables/% docs/generate $(wildcard docs/*.awk docs/completion/*)
	$(Q)mkdir -p $(@D) && echo "  GEN   $@" && docs/generate bash $< >$@.new && mv $@.new $@

manual: $(PROGRAMS:%=$(B)/man/%.1) $(PROGRAMS:%=$(B)/completions/%) ## manual pages and completions

check-e2e: manual

.SECONDARY: $(PROGRAMS:%=$(B)/tables/%)
.PHONY: manual
