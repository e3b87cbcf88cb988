CLI_SRC := $(wildcard cli/*.c)
CLI_OBJ := $(CLI_SRC:%.c=$(B)/%.o)
CLI_LIBS := $(TUI_LIBS) -lbpf -lelf -lz -lzstd -lxxhash -lpcap -lprotobuf-c -lpthread -lm

# teach knows where vmm-lite makes its marks.
$(B)/cli/teach_source.o: $(STAGE_SITES)

$(B)/bin/vbtrace: $(CLI_OBJ) $(LIBTUI) $(PROBES_OBJ) $(B)/probes/stage_tsc.o $(LIBVBTRACE)
	$(LINK) $^ $(CLI_LIBS)

# The page's style and script, each as a constant text of C: html_style, html_script.
HTML_PARTS := $(patsubst %,$(B)/gen/%.h,$(wildcard cli/html/*))
$(HTML_PARTS): $(B)/gen/%.h: % cli/rules.mk
	$(Q)mkdir -p $(@D) && echo "  TEXT  $<" && { \
	echo 'static const char html_$(basename $(<F))[] ='; \
	sed 's/\\/\\\\/g; s/"/\\"/g; s/.*/"&\\n"/' $<; echo ';'; } >$@
$(B)/cli/html.o: $(HTML_PARTS)
