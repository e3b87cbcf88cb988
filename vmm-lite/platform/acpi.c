/* SPDX-License-Identifier: MIT */
#include "vmm-lite/platform/acpi.h"

#include <string.h>

#include "vmm-lite/pci/host.h"
#include "vmm-lite/platform/aml.h"
#include "vmm-lite/platform/power.h"
#include "vmm-lite/platform/serial.h"

#define LAPIC_ADDRESS  0xfee00000u
#define IOAPIC_ADDRESS 0xfec00000u

struct acpi_header {
	char signature[4];
	uint32_t length;
	uint8_t revision;
	uint8_t checksum;
	char oem_id[6];
	char oem_table_id[8];
	uint32_t oem_revision;
	char creator_id[4];
	uint32_t creator_revision;
} __attribute__((packed));

struct acpi_rsdp {
	char signature[8];
	uint8_t checksum;
	char oem_id[6];
	uint8_t revision;
	uint32_t rsdt;
	uint32_t length;
	uint64_t xsdt;
	uint8_t extended_checksum;
	uint8_t reserved[3];
} __attribute__((packed));

struct acpi_address {
	uint8_t space; /* 1: ports */
	uint8_t bits;
	uint8_t offset;
	uint8_t access; /* 1 byte, 2 word, 3 dword */
	uint64_t address;
} __attribute__((packed));

struct acpi_fadt {
	struct acpi_header header;
	uint32_t facs, dsdt;
	uint8_t reserved0, profile;
	uint16_t sci;
	uint32_t smi_command;
	uint8_t acpi_enable, acpi_disable, s4bios, pstate;
	uint32_t pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control, pm_timer;
	uint32_t gpe0, gpe1;
	uint8_t pm1_event_len, pm1_control_len, pm2_control_len, pm_timer_len;
	uint8_t gpe0_len, gpe1_len, gpe1_base, cst;
	uint16_t c2_latency, c3_latency, flush_size, flush_stride;
	uint8_t duty_offset, duty_width, day_alarm, month_alarm, century;
	uint16_t boot_flags;
	uint8_t reserved1;
	uint32_t flags;
	struct acpi_address reset;
	uint8_t reset_value;
	uint16_t arm_flags;
	uint8_t minor;
	uint64_t x_facs, x_dsdt;
	struct acpi_address x_pm1a_event, x_pm1b_event, x_pm1a_control, x_pm1b_control;
	struct acpi_address x_pm2_control, x_pm_timer, x_gpe0, x_gpe1;
	struct acpi_address sleep_control, sleep_status;
	uint64_t hypervisor;
} __attribute__((packed));
_Static_assert(sizeof(struct acpi_fadt) == 276, "FADT of ACPI 6");

/* What Linux need not look for: each costs probes, and each probe exits. */
#define BOOT_LEGACY_DEVICES 0x01
#define BOOT_NO_VGA         0x04
#define BOOT_NO_ASPM        0x10
#define BOOT_NO_CMOS_RTC    0x20

#define FLAG_WBINVD         (1u << 0)
#define FLAG_C1             (1u << 2)
#define FLAG_POWER_BUTTON   (1u << 4) /* not in the fixed registers: there is none */
#define FLAG_SLEEP_BUTTON   (1u << 5)
#define FLAG_RESET          (1u << 10)

struct image {
	uint8_t *buf;
	size_t len, size;
	uint64_t base;
};

static uint8_t checksum(const void *data, size_t len)
{
	const uint8_t *bytes = data;
	uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += bytes[i];
	return (uint8_t)-sum;
}

static void fill_header(struct acpi_header *h, const char *signature, uint8_t revision,
			uint32_t length)
{
	*h = (struct acpi_header){
	    .length = length, .revision = revision, .oem_revision = 1, .creator_revision = 1};
	memcpy(h->signature, signature, 4);
	memcpy(h->oem_id, "VBTRAC", 6);
	memcpy(h->oem_table_id, "VMMLITE ", 8);
	memcpy(h->creator_id, "VBTR", 4);
}

/* Append a finished table, 16-byte aligned. Its guest address, or 0 if there is no room. */
static uint64_t append(struct image *image, struct acpi_header *table)
{
	size_t at = (image->len + 15) & ~(size_t)15;

	if (at > image->size || table->length > image->size - at)
		return 0;
	table->checksum = 0;
	table->checksum = checksum(table, table->length);
	memcpy(image->buf + at, table, table->length);
	image->len = at + table->length;
	return image->base + at;
}

/* Which GSI INTA# of each slot is wired to. */
static void emit_interrupts(struct aml *aml)
{
	size_t table, entry;

	aml_name_decl(aml, "_PRT");
	table = aml_package(aml, PCI_SLOTS);
	for (unsigned slot = 0; slot < PCI_SLOTS; slot++) {
		entry = aml_package(aml, 4);
		aml_integer(aml, (uint64_t)slot << 16 | 0xffff); /* any function */
		aml_integer(aml, 0);                             /* INTA# */
		aml_integer(aml, 0);                             /* no link device: */
		aml_integer(aml, PCI_GSI_BASE + slot % PCI_GSI_COUNT);
		aml_close(aml, entry);
	}
	aml_close(aml, table);
}

static void emit_pci(struct aml *aml)
{
	size_t device = aml_device(aml, "PCI0"), resources;

	aml_name_decl(aml, "_HID");
	aml_eisa_id(aml, "PNP0A03");
	aml_name_decl(aml, "_UID");
	aml_integer(aml, 0);
	aml_name_decl(aml, "_CRS");
	resources = aml_resources(aml);
	aml_bus_window(aml, 0, 0);
	aml_io(aml, PCI_PORT_ADDRESS, 8);
	aml_io_window(aml, PCI_PIO_BASE, PCI_PIO_SIZE);
	aml_memory_window(aml, PCI_MMIO_BASE, PCI_MMIO_SIZE);
	aml_resources_close(aml, resources);
	emit_interrupts(aml);
	aml_close(aml, device);
}

static void emit_serial(struct aml *aml)
{
	size_t device = aml_device(aml, "COM1"), resources;

	aml_name_decl(aml, "_HID");
	aml_eisa_id(aml, "PNP0501");
	aml_name_decl(aml, "_UID");
	aml_integer(aml, 1);
	aml_name_decl(aml, "_CRS");
	resources = aml_resources(aml);
	aml_io(aml, SERIAL_COM1_PORT, SERIAL_PORTS);
	aml_irq(aml, SERIAL_COM1_GSI);
	aml_resources_close(aml, resources);
	aml_close(aml, device);
}

static uint64_t append_dsdt(struct image *image)
{
	uint8_t buf[4096];
	struct aml aml = {.data = buf, .len = sizeof(struct acpi_header), .size = sizeof(buf)};
	size_t scope, package;

	aml_name_decl(&aml, "\\_S5_");
	package = aml_package(&aml, 4);
	aml_integer(&aml, POWER_SLEEP_S5);
	aml_integer(&aml, POWER_SLEEP_S5);
	aml_integer(&aml, 0);
	aml_integer(&aml, 0);
	aml_close(&aml, package);
	scope = aml_scope(&aml, "\\_SB_");
	emit_pci(&aml);
	emit_serial(&aml);
	aml_close(&aml, scope);
	if (aml.overflow)
		return 0;
	fill_header((struct acpi_header *)buf, "DSDT", 2, (uint32_t)aml.len);
	return append(image, (struct acpi_header *)buf);
}

static struct acpi_address port(uint64_t address, uint8_t bytes)
{
	return (struct acpi_address){
	    .space = 1, .bits = 8 * bytes, .access = bytes == 1 ? 1 : 2, .address = address};
}

static uint64_t append_fadt(struct image *image, uint64_t facs, uint64_t dsdt)
{
	struct acpi_fadt fadt = {
	    .facs = (uint32_t)facs,
	    .dsdt = (uint32_t)dsdt,
	    .sci = POWER_SCI_GSI,
	    .pm1a_event = POWER_PM1_EVENT,
	    .pm1a_control = POWER_PM1_CONTROL,
	    .pm1_event_len = 4,
	    .pm1_control_len = 2,
	    .c2_latency = 0xfff, /* no C2, no C3 */
	    .c3_latency = 0xfff,
	    .boot_flags = BOOT_LEGACY_DEVICES | BOOT_NO_VGA | BOOT_NO_ASPM | BOOT_NO_CMOS_RTC,
	    .flags = FLAG_WBINVD | FLAG_C1 | FLAG_POWER_BUTTON | FLAG_SLEEP_BUTTON | FLAG_RESET,
	    .reset = port(POWER_RESET, 1),
	    .reset_value = POWER_RESET_VALUE,
	    .minor = 3,
	    .x_dsdt = dsdt,
	    .x_pm1a_event = port(POWER_PM1_EVENT, 4),
	    .x_pm1a_control = port(POWER_PM1_CONTROL, 2),
	};

	fill_header(&fadt.header, "FACP", 6, sizeof(fadt));
	return append(image, &fadt.header);
}

/* The FACS has no checksum and no common header; Linux wants it where there is an SCI. */
static uint64_t append_facs(struct image *image)
{
	struct {
		char signature[4];
		uint32_t length;
		uint8_t rest[56];
	} facs = {.signature = "FACS", .length = sizeof(facs)};
	size_t at = (image->len + 63) & ~(size_t)63;

	_Static_assert(sizeof(facs) == 64, "FACS");
	facs.rest[24] = 2; /* version */
	if (at + sizeof(facs) > image->size)
		return 0;
	memcpy(image->buf + at, &facs, sizeof(facs));
	image->len = at + sizeof(facs);
	return image->base + at;
}

static uint64_t append_madt(struct image *image, unsigned cpus)
{
	uint8_t buf[sizeof(struct acpi_header) + 8 + 64 * 8 + 64];
	struct aml out = {.data = buf, .len = sizeof(struct acpi_header), .size = sizeof(buf)};
	const uint32_t head[2] = {LAPIC_ADDRESS, 1 /* there are 8259s, too */};
	const uint32_t ioapic[2] = {IOAPIC_ADDRESS, 0 /* first GSI */};

	aml_bytes(&out, head, sizeof(head));
	for (unsigned i = 0; i < cpus; i++) {
		const uint8_t lapic[8] = {0, 8, (uint8_t)i, (uint8_t)i, 1 /* enabled */};

		aml_bytes(&out, lapic, sizeof(lapic));
	}
	aml_bytes(&out, (const uint8_t[4]){1, 12, 0 /* id */, 0}, 4);
	aml_bytes(&out, ioapic, sizeof(ioapic));
	/* ISA interrupts that are not at their own number, edge and high: the PIT and the SCI. */
	aml_bytes(&out, (const uint8_t[10]){2, 10, 0, 0, 2, 0, 0, 0, 0, 0}, 10);
	aml_bytes(&out,
		  (const uint8_t[10]){2, 10, 0, POWER_SCI_GSI, POWER_SCI_GSI, 0, 0, 0,
				      0x0d /* level, high */, 0},
		  10);
	/* NMI on LINT1 of every CPU. */
	aml_bytes(&out, (const uint8_t[6]){4, 6, 0xff, 0, 0, 1}, 6);
	if (out.overflow)
		return 0;
	fill_header((struct acpi_header *)buf, "APIC", 4, (uint32_t)out.len);
	return append(image, (struct acpi_header *)buf);
}

size_t acpi_build(uint8_t *buf, size_t size, uint64_t base, unsigned cpus)
{
	struct image image = {
	    .buf = buf, .len = sizeof(struct acpi_rsdp), .size = size, .base = base};
	struct {
		struct acpi_header header;
		uint64_t tables[2];
	} __attribute__((packed)) xsdt;
	struct acpi_rsdp rsdp = {.revision = 2, .length = sizeof(rsdp)};
	uint64_t dsdt, facs;

	if (size < sizeof(rsdp))
		return 0;
	memset(buf, 0, size);
	dsdt = append_dsdt(&image);
	facs = append_facs(&image);
	xsdt.tables[0] = append_fadt(&image, facs, dsdt);
	xsdt.tables[1] = append_madt(&image, cpus);
	fill_header(&xsdt.header, "XSDT", 1, sizeof(xsdt));
	rsdp.xsdt = append(&image, &xsdt.header);
	if (!dsdt || !facs || !xsdt.tables[0] || !xsdt.tables[1] || !rsdp.xsdt)
		return 0;
	memcpy(rsdp.signature, "RSD PTR ", 8);
	memcpy(rsdp.oem_id, "VBTRAC", 6);
	rsdp.checksum = checksum(&rsdp, 20);
	rsdp.extended_checksum = checksum(&rsdp, sizeof(rsdp));
	memcpy(buf, &rsdp, sizeof(rsdp));
	return image.len;
}
