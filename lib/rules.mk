LIB_SRC := $(wildcard lib/*.c)
LIB_OBJ := $(LIB_SRC:%.c=$(B)/%.o) $(B)/lib/perfetto.pb-c.o
LIBVBTRACE := $(B)/lib/libvbtrace.a

$(LIBVBTRACE): $(LIB_OBJ)
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $^

# Perfetto's messages, for export_perfetto*.c.
$(B)/gen/lib/perfetto.pb-c.c: lib/perfetto.proto
	$(Q)mkdir -p $(@D) && echo "  PROTO $<" && protoc-c --proto_path=lib --c_out=$(@D) perfetto.proto
$(B)/gen/lib/perfetto.pb-c.h: $(B)/gen/lib/perfetto.pb-c.c
$(B)/lib/perfetto.pb-c.o: $(B)/gen/lib/perfetto.pb-c.c
	$(Q)mkdir -p $(@D) && echo "  CC    $<" && $(CC) $(CPPFLAGS) -I$(B)/gen/lib $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(B)/lib/export_perfetto.o $(B)/lib/export_perfetto_tracks.o: $(B)/gen/lib/perfetto.pb-c.h
