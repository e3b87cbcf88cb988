/* SPDX-License-Identifier: MIT */
#include "vmm-lite/boot/payload.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm-lite/boot/boot_info.h"

#define MAX_PROGRAM_HEADERS 64

static int no_payload(char *err, size_t err_size, const char *why)
{
	snprintf(err, err_size,
		 "is no payload: %s; link a static 64-bit x86 ELF program to 1 MiB "
		 "or higher",
		 why);
	return -EINVAL;
}

static const char *header_fault(const Elf64_Ehdr *h)
{
	if (memcmp(h->e_ident, ELFMAG, SELFMAG) != 0)
		return "it is no ELF file";
	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB ||
	    h->e_machine != EM_X86_64)
		return "it is not for 64-bit x86";
	if (h->e_type != ET_EXEC)
		return "it is not linked to a fixed address";
	if (h->e_phentsize != sizeof(Elf64_Phdr) || !h->e_phnum || h->e_phnum > MAX_PROGRAM_HEADERS)
		return "its program headers make no sense";
	return NULL;
}

static const char *segment_fault(const Elf64_Phdr *s, uint64_t file_size)
{
	uint64_t end;

	if (s->p_filesz > s->p_memsz)
		return "a segment has more bytes than memory";
	if (s->p_offset > file_size || s->p_filesz > file_size - s->p_offset)
		return "it is cut short";
	if (s->p_paddr < PAYLOAD_LOWEST)
		return "a segment lies below 1 MiB";
	if (__builtin_add_overflow(s->p_paddr, s->p_memsz, &end))
		return "a segment wraps around";
	if (s->p_paddr != s->p_vaddr)
		return "a segment's physical and virtual addresses differ";
	return NULL;
}

int payload_parse(struct payload *payload, const Elf64_Ehdr *header, const Elf64_Phdr *segments,
		  uint64_t file_size, char *err, size_t err_size)
{
	const char *fault = header_fault(header);
	bool entry_inside = false;

	payload->segment_count = 0;
	for (unsigned i = 0; !fault && i < header->e_phnum; i++) {
		const Elf64_Phdr *s = &segments[i];

		if (s->p_type != PT_LOAD || !s->p_memsz)
			continue;
		if (payload->segment_count == PAYLOAD_MAX_SEGMENTS) {
			fault = "it has too many segments";
			break;
		}
		fault = segment_fault(s, file_size);
		payload->segments[payload->segment_count++] = *s;
		entry_inside |=
		    header->e_entry >= s->p_paddr && header->e_entry - s->p_paddr < s->p_filesz;
	}
	if (!fault && !entry_inside)
		fault = "its entry point is in none of its segments";
	payload->entry = header->e_entry;
	return fault ? no_payload(err, err_size, fault) : 0;
}

int payload_open(struct payload *payload, const char *path, char *err, size_t err_size)
{
	Elf64_Phdr segments[MAX_PROGRAM_HEADERS];
	Elf64_Ehdr header = {0};
	const char *fault;
	char why[200];
	int error;

	memset(payload, 0, sizeof(*payload));
	error = boot_file_open(&payload->file, "--payload", path, err, err_size);
	if (error)
		return error;
	if (payload->file.size >= sizeof(header))
		error = boot_file_read(&payload->file, 0, &header, sizeof(header), err, err_size);
	if (error)
		goto out;
	fault = header_fault(&header);
	if (!fault && (header.e_phoff > payload->file.size ||
		       header.e_phnum * sizeof(segments[0]) > payload->file.size - header.e_phoff))
		fault = "it is cut short";
	if (fault) {
		error = no_payload(why, sizeof(why), fault);
	} else {
		error = boot_file_read(&payload->file, header.e_phoff, segments,
				       header.e_phnum * sizeof(segments[0]), err, err_size);
		if (error)
			goto out;
		error =
		    payload_parse(payload, &header, segments, payload->file.size, why, sizeof(why));
	}
	if (error)
		snprintf(err, err_size, "--payload '%s' %s", path, why);
out:
	if (error)
		payload_close(payload);
	return error;
}

void payload_close(struct payload *payload)
{
	boot_file_close(&payload->file);
}

int payload_fits(const struct payload *payload, const struct guest_mem *mem, char *err,
		 size_t err_size)
{
	for (unsigned i = 0; i < payload->segment_count; i++) {
		const Elf64_Phdr *s = &payload->segments[i];

		if (guest_mem_ptr(mem, GPA(s->p_paddr), s->p_memsz, GUEST_WRITE))
			continue;
		snprintf(err, err_size,
			 "--payload '%s' has a segment at 0x%llx that is not "
			 "in RAM; give more --memory",
			 payload->file.path, (unsigned long long)s->p_paddr);
		return -ENOMEM;
	}
	return 0;
}

int payload_load(const struct payload *payload, const struct guest_mem *mem, uint64_t rsdp,
		 unsigned cpus, struct boot_entry *entry, char *err, size_t err_size)
{
	struct vmm_boot_info info = {
	    .magic = VMM_BOOT_MAGIC,
	    .size = sizeof(info),
	    .cpus = cpus,
	    .ram_low = mem->regions[0].size,
	    .ram_high = guest_mem_size(mem) - mem->regions[0].size,
	    .rsdp = rsdp,
	};
	int error = payload_fits(payload, mem, err, err_size);

	for (unsigned i = 0; i < payload->segment_count && !error; i++) {
		const Elf64_Phdr *s = &payload->segments[i];

		/* RAM is zero at power-on, so what the file does not fill already is. */
		if (s->p_filesz)
			error = boot_file_load(&payload->file, s->p_offset, mem, GPA(s->p_paddr),
					       s->p_filesz, err, err_size);
	}
	if (!error && guest_mem_write(mem, GPA(BOOT_PARAMS), &info, sizeof(info)))
		error = -EFAULT;
	entry->rip = payload->entry;
	entry->rdi = BOOT_PARAMS;
	return error;
}
