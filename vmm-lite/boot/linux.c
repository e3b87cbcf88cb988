/* SPDX-License-Identifier: MIT */
#include "vmm-lite/boot/linux.h"

#include <asm/bootparam.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SETUP_HEADER 0x1f1
#define ENTRY_64     0x200 /* from the start of the protected-mode code */
#define OTHER_LOADER 0xff
#define PAGE         4096ull

_Static_assert(sizeof(struct boot_params) == PAGE, "the zero page");
_Static_assert(BOOT_PARAMS + PAGE <= BOOT_STACK, "the stack begins behind the boot parameters");

static int no_kernel(char *err, size_t err_size, const char *why)
{
	snprintf(err, err_size,
		 "is no Linux bzImage that can be booted: %s; give the vmlinuz of a "
		 "64-bit kernel",
		 why);
	return -EINVAL;
}

int bzimage_parse(struct bzimage *image, const uint8_t *head, size_t len, uint64_t file_size,
		  char *err, size_t err_size)
{
	struct setup_header h;
	uint32_t header_end;

	memset(image, 0, sizeof(*image));
	if (len < SETUP_HEADER + sizeof(h))
		return no_kernel(err, err_size, "it is too short");
	memcpy(&h, head + SETUP_HEADER, sizeof(h));
	if (h.boot_flag != 0xaa55 || h.header != 0x53726448)
		return no_kernel(err, err_size, "it has no setup header");
	if (h.version < 0x020c)
		return no_kernel(err, err_size, "its boot protocol is older than 2.12");
	if (!(h.loadflags & LOADED_HIGH))
		return no_kernel(err, err_size, "it is a zImage");
	if (!(h.xloadflags & XLF_KERNEL_64))
		return no_kernel(err, err_size, "it is a 32-bit kernel");
	/* The header ends where its own jump instruction goes. */
	header_end = 0x202u + head[0x201];
	if (header_end <= SETUP_HEADER || header_end > len)
		return no_kernel(err, err_size, "its setup header has no end");

	image->version = h.version;
	image->header_size = header_end - SETUP_HEADER;
	if (image->header_size > sizeof(h))
		image->header_size = sizeof(h);
	image->code_offset = ((h.setup_sects ? h.setup_sects : 4u) + 1) * 512ull;
	if (file_size <= image->code_offset + ENTRY_64)
		return no_kernel(err, err_size, "it is cut short");
	/* To the end of the file, which may have more behind the code (a signature), never less. */
	image->code_size = file_size - image->code_offset;
	if (image->code_size < h.syssize * 16ull)
		return no_kernel(err, err_size, "it is cut short");
	image->load_address = h.pref_address;
	image->init_size = h.init_size > image->code_size ? h.init_size : image->code_size;
	if (h.pref_address < 0x100000 || h.pref_address >= GUEST_MEM_LOW_LIMIT ||
	    h.pref_address % PAGE)
		return no_kernel(err, err_size, "it wants to be at an impossible address");
	if (image->init_size > GUEST_MEM_LOW_LIMIT)
		return no_kernel(err, err_size, "it wants more than 3 GiB");
	image->cmdline_max = h.cmdline_size;
	if (image->cmdline_max >= BOOT_CMDLINE_MAX)
		image->cmdline_max = BOOT_CMDLINE_MAX - 1;
	image->initrd_max = h.initrd_addr_max;
	return 0;
}

int linux_boot_open(struct linux_boot *boot, const char *kernel, const char *initrd,
		    const char *append, char *err, size_t err_size)
{
	char why[160];
	int error;

	memset(boot, 0, sizeof(*boot));
	boot->initrd.fd = -1;
	boot->append = append ? append : "console=ttyS0";
	error = boot_file_open(&boot->kernel, "--kernel", kernel, err, err_size);
	if (error)
		return error;
	if (boot->kernel.size >= BZIMAGE_HEAD)
		error = boot_file_read(&boot->kernel, 0, boot->head, BZIMAGE_HEAD, err, err_size);
	if (!error && bzimage_parse(&boot->image, boot->head,
				    boot->kernel.size < BZIMAGE_HEAD ? 0 : BZIMAGE_HEAD,
				    boot->kernel.size, why, sizeof(why))) {
		snprintf(err, err_size, "--kernel '%s' %s", kernel, why);
		error = -EINVAL;
	}
	if (!error && strlen(boot->append) > boot->image.cmdline_max) {
		snprintf(err, err_size,
			 "--append '%.20s...' is too long for this kernel; allowed: "
			 "%u characters",
			 boot->append, boot->image.cmdline_max);
		error = -EINVAL;
	}
	if (!error && initrd)
		error = boot_file_open(&boot->initrd, "--initrd", initrd, err, err_size);
	if (error)
		linux_boot_close(boot);
	return error;
}

void linux_boot_close(struct linux_boot *boot)
{
	boot_file_close(&boot->kernel);
	boot_file_close(&boot->initrd);
}

static void add_e820(struct boot_params *p, uint64_t start, uint64_t end, uint32_t type)
{
	if (end > start)
		p->e820_table[p->e820_entries++] =
		    (struct boot_e820_entry){.addr = start, .size = end - start, .type = type};
}

static void fill_e820(struct boot_params *p, const struct guest_mem *mem)
{
	enum { RAM = 1, RESERVED = 2 };

	add_e820(p, 0, BOOT_LOW_END, RAM);
	add_e820(p, BOOT_LOW_END, 0xa0000, RESERVED);
	add_e820(p, BOOT_TABLES, BOOT_TABLES + BOOT_TABLES_SIZE, RESERVED);
	for (unsigned i = 0; i < mem->count; i++) {
		const struct guest_region *r = &mem->regions[i];
		uint64_t start = r->base.value ? r->base.value : 0x100000;

		add_e820(p, start, r->base.value + r->size, r->read_only ? RESERVED : RAM);
	}
}

/* As high as kernel and RAM allow, so that it is out of the way of everything. 0: nowhere. */
static uint64_t initrd_place(const struct linux_boot *boot, const struct guest_mem *mem)
{
	uint64_t end = mem->regions[0].size, size = boot->initrd.size, start;

	if (end > boot->image.initrd_max)
		end = boot->image.initrd_max + 1;
	start = size < end ? (end - size) & ~(PAGE - 1) : 0;
	return start < boot->image.load_address + boot->image.init_size ? 0 : start;
}

int linux_boot_fits(const struct linux_boot *boot, const struct guest_mem *mem, char *err,
		    size_t err_size)
{
	const struct bzimage *image = &boot->image;

	if (!guest_mem_ptr(mem, GPA(image->load_address), image->init_size, GUEST_WRITE)) {
		snprintf(err, err_size, "--kernel '%s' needs %llu MiB of RAM; give more --memory",
			 boot->kernel.path,
			 (unsigned long long)((image->load_address + image->init_size) >> 20) + 1);
		return -ENOMEM;
	}
	if (boot->initrd.fd >= 0 && !initrd_place(boot, mem)) {
		snprintf(err, err_size,
			 "--initrd '%s' and the kernel need more RAM; give more "
			 "--memory",
			 boot->initrd.path);
		return -ENOMEM;
	}
	return 0;
}

int linux_boot_load(const struct linux_boot *boot, const struct guest_mem *mem, uint64_t rsdp,
		    struct boot_entry *entry, char *err, size_t err_size)
{
	const struct bzimage *image = &boot->image;
	struct boot_params *params = guest_mem_ptr(mem, GPA(BOOT_PARAMS), PAGE, GUEST_WRITE);
	size_t append_size = strlen(boot->append) + 1;
	int error = linux_boot_fits(boot, mem, err, err_size);

	if (error)
		return error;
	if (!params) {
		snprintf(err, err_size, "--memory is too small for any kernel");
		return -ENOMEM;
	}
	memset(params, 0, sizeof(*params));
	memcpy(&params->hdr, boot->head + SETUP_HEADER, image->header_size);
	params->hdr.type_of_loader = OTHER_LOADER;
	params->hdr.cmd_line_ptr = BOOT_CMDLINE;
	params->acpi_rsdp_addr = rsdp;
	fill_e820(params, mem);
	if (guest_mem_write(mem, GPA(BOOT_CMDLINE), boot->append, append_size)) {
		snprintf(err, err_size, "--memory is too small for any kernel");
		return -ENOMEM;
	}
	error = boot_file_load(&boot->kernel, image->code_offset, mem, GPA(image->load_address),
			       image->code_size, err, err_size);
	if (!error && boot->initrd.fd >= 0) {
		params->hdr.ramdisk_image = (uint32_t)initrd_place(boot, mem);
		params->hdr.ramdisk_size = (uint32_t)boot->initrd.size;
		error = boot_file_load(&boot->initrd, 0, mem, GPA(params->hdr.ramdisk_image),
				       boot->initrd.size, err, err_size);
	}
	entry->rip = image->load_address + ENTRY_64;
	entry->rsi = BOOT_PARAMS;
	return error;
}
