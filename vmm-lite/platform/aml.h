/* SPDX-License-Identifier: MIT */
/*
 * A small emitter of ACPI machine language: enough for a DSDT with a few devices and resources.
 * (ACPI 6.4, chapter 20)
 *
 * Objects with a length are opened and closed; the length is put in when they are closed. When
 * the buffer is full everything else is dropped and `overflow` is set.
 */
#ifndef VMM_PLATFORM_AML_H
#define VMM_PLATFORM_AML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aml {
	uint8_t *data;
	size_t len, size;
	bool overflow;
};

void aml_bytes(struct aml *aml, const void *bytes, size_t len);
void aml_byte(struct aml *aml, uint8_t byte);

/* A name of four characters, or a path such as "\\_SB_" or "_SB_.PCI0". */
void aml_name(struct aml *aml, const char *path);
void aml_integer(struct aml *aml, uint64_t value);
void aml_eisa_id(struct aml *aml, const char *id); /* "PNP0A03" */

/* Name (name, value): emit the value next. */
void aml_name_decl(struct aml *aml, const char *name);

/* What the close functions need: returned by the open ones. */
size_t aml_scope(struct aml *aml, const char *path);
size_t aml_device(struct aml *aml, const char *name);
size_t aml_package(struct aml *aml, uint8_t elements);
void aml_close(struct aml *aml, size_t opened);

/* A resource template: descriptors go between. */
size_t aml_resources(struct aml *aml);
void aml_resources_close(struct aml *aml, size_t opened);
void aml_io(struct aml *aml, uint16_t base, uint8_t size);
void aml_irq(struct aml *aml, unsigned irq);
void aml_bus_window(struct aml *aml, uint16_t first, uint16_t last);
void aml_io_window(struct aml *aml, uint16_t base, uint16_t size);
void aml_memory_window(struct aml *aml, uint32_t base, uint32_t size);

#endif
