/* SPDX-License-Identifier: MIT */
/*
 * bzImage and ELF headers: each field that could lead astray is tried with a value that would. What is
 * wrong is refused with the reason; what is cut at any byte never reads behind its end.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vmm-lite/boot/linux.h"
#include "vmm-lite/boot/payload.h"

#define CODE_BYTES 100000ull
#define SETUP      4

static char why[256];

/* --- bzImage: the header of a kernel like Debian's ---------------------------------------- */

static uint8_t head[BZIMAGE_HEAD];
static uint64_t file_size;

static void put(unsigned at, uint64_t value, unsigned size)
{
	memcpy(head + at, &value, size);
}

static void kernel(void)
{
	memset(head, 0, sizeof(head));
	put(0x1f1, SETUP, 1);                  /* setup_sects */
	put(0x1f4, (CODE_BYTES + 15) / 16, 4); /* syssize */
	put(0x1fe, 0xaa55, 2);
	put(0x200, 0x6aeb, 2); /* jmp: the header ends at 0x26c */
	put(0x202, 0x53726448, 4);
	put(0x206, 0x020f, 2);      /* version */
	put(0x211, 1, 1);           /* loadflags: loaded high */
	put(0x22c, 0x7fffffff, 4);  /* initrd_addr_max */
	put(0x236, 0x7f, 2);        /* xloadflags: 64-bit */
	put(0x238, 2047, 4);        /* cmdline_size */
	put(0x258, 0x1000000, 8);   /* pref_address */
	put(0x260, 40ull << 20, 4); /* init_size */
	file_size = (SETUP + 1) * 512 + (CODE_BYTES + 15) / 16 * 16;
}

static int parse(struct bzimage *image)
{
	why[0] = 0;
	return bzimage_parse(image, head, sizeof(head), file_size, why, sizeof(why));
}

static void no_kernel(const char *reason)
{
	struct bzimage image;

	assert_int_equal(parse(&image), -EINVAL);
	if (!strstr(why, reason) || !strstr(why, "is no Linux bzImage"))
		fail_msg("'%s' is not in: %s", reason, why);
	kernel();
}

static void test_kernel(void **state)
{
	struct bzimage image;

	kernel();
	assert_int_equal(parse(&image), 0);
	assert_int_equal(image.version, 0x20f);
	assert_int_equal(image.code_offset, (SETUP + 1) * 512);
	assert_int_equal(image.code_size, (CODE_BYTES + 15) / 16 * 16);
	assert_int_equal(image.load_address, 0x1000000);
	assert_int_equal(image.init_size, 40 << 20);
	assert_int_equal(image.cmdline_max, 2047);
	assert_int_equal(image.initrd_max, 0x7fffffff);
	assert_int_equal(image.header_size, 0x26c - 0x1f1);
	/* 0 sectors of setup are 4: old loaders wrote it so. */
	put(0x1f1, 0, 1);
	assert_int_equal(parse(&image), 0);
	assert_int_equal(image.code_offset, 5 * 512);
	/* A signature behind the code is loaded along. */
	file_size += 1472;
	assert_int_equal(parse(&image), 0);
	/* More code than it says to need. */
	put(0x260, 4096, 4);
	assert_int_equal(parse(&image), 0);
	assert_int_equal(image.init_size, image.code_size);
	/* A command line as long as it likes, as far as we have room. */
	put(0x238, 0xffffffff, 4);
	assert_int_equal(parse(&image), 0);
	assert_int_equal(image.cmdline_max, BOOT_CMDLINE_MAX - 1);
}

static void test_no_kernel(void **state)
{
	struct bzimage image;

	kernel();
	put(0x1fe, 0, 2);
	no_kernel("no setup header");
	put(0x202, 0x12345678, 4);
	no_kernel("no setup header");
	put(0x206, 0x020b, 2);
	no_kernel("older than 2.12");
	put(0x211, 0, 1);
	no_kernel("zImage");
	put(0x236, 0x7e, 2);
	no_kernel("32-bit");
	put(0x258, 0, 8);
	no_kernel("impossible address");
	put(0x258, 0xfffff, 8);
	no_kernel("impossible address");
	put(0x258, 0x1000001, 8);
	no_kernel("impossible address");
	put(0x258, GUEST_MEM_LOW_LIMIT, 8);
	no_kernel("impossible address");
	put(0x258, UINT64_MAX - 4095, 8);
	no_kernel("impossible address");
	put(0x260, 0xffffffff, 4);
	no_kernel("more than 3 GiB");
	/* Cut: in the middle of the code, and before it begins. */
	file_size -= 16;
	no_kernel("cut short");
	file_size = (SETUP + 1) * 512 + 0x200;
	no_kernel("cut short");
	put(0x1f1, 255, 1);
	file_size = 255 * 512;
	no_kernel("cut short");
	put(0x1f4, 0xffffffff, 4);
	no_kernel("cut short");
	for (size_t len = 0; len < 0x1f1 + 0x7b; len++)
		assert_int_equal(bzimage_parse(&image, head, len, len, why, sizeof(why)), -EINVAL);
}

/* --- ELF ------------------------------------------------------------------------------- */

static Elf64_Ehdr elf;
static Elf64_Phdr segments[64];

static void payload(void)
{
	memset(&elf, 0, sizeof(elf));
	memset(segments, 0, sizeof(segments));
	memcpy(elf.e_ident, ELFMAG, SELFMAG);
	elf.e_ident[EI_CLASS] = ELFCLASS64;
	elf.e_ident[EI_DATA] = ELFDATA2LSB;
	elf.e_machine = EM_X86_64;
	elf.e_type = ET_EXEC;
	elf.e_phentsize = sizeof(Elf64_Phdr);
	elf.e_phnum = 3;
	elf.e_entry = 0x100010;
	segments[0] = (Elf64_Phdr){.p_type = PT_NOTE};
	segments[1] = (Elf64_Phdr){.p_type = PT_LOAD,
				   .p_paddr = 0x100000,
				   .p_vaddr = 0x100000,
				   .p_offset = 0x1000,
				   .p_filesz = 0x800,
				   .p_memsz = 0x900};
	segments[2] = segments[1];
	segments[2].p_paddr = segments[2].p_vaddr = 0x200000;
	segments[2].p_offset = 0x1800;
	file_size = 0x2000;
}

static void no_payload(const char *reason)
{
	struct payload p;

	why[0] = 0;
	assert_int_equal(payload_parse(&p, &elf, segments, file_size, why, sizeof(why)), -EINVAL);
	if (!strstr(why, reason) || !strstr(why, "is no payload"))
		fail_msg("'%s' is not in: %s", reason, why);
	payload();
}

static void test_payload(void **state)
{
	struct payload p;

	payload();
	assert_int_equal(payload_parse(&p, &elf, segments, file_size, why, sizeof(why)), 0);
	assert_int_equal(p.segment_count, 2);
	assert_int_equal(p.entry, 0x100010);
	assert_int_equal(p.segments[1].p_paddr, 0x200000);
	/* Nothing of a segment in the file: all of it is zero. */
	segments[2].p_filesz = 0;
	assert_int_equal(payload_parse(&p, &elf, segments, file_size, why, sizeof(why)), 0);
}

static void test_no_payload(void **state)
{
	payload();
	elf.e_ident[0] = 0;
	no_payload("no ELF file");
	elf.e_ident[EI_CLASS] = ELFCLASS32;
	no_payload("not for 64-bit x86");
	elf.e_ident[EI_DATA] = ELFDATA2MSB;
	no_payload("not for 64-bit x86");
	elf.e_machine = EM_AARCH64;
	no_payload("not for 64-bit x86");
	elf.e_type = ET_DYN;
	no_payload("fixed address");
	elf.e_type = ET_REL;
	no_payload("fixed address");
	elf.e_phnum = 0;
	no_payload("make no sense");
	elf.e_phnum = 65;
	no_payload("make no sense");
	elf.e_phentsize = 32;
	no_payload("make no sense");
	segments[1].p_memsz = 0x7ff;
	no_payload("more bytes than memory");
	segments[2].p_filesz = 0x801;
	no_payload("cut short");
	segments[2].p_offset = UINT64_MAX;
	no_payload("cut short");
	segments[2].p_filesz = segments[2].p_memsz = UINT64_MAX;
	no_payload("cut short");
	segments[2].p_paddr = 0xfffff;
	no_payload("below 1 MiB");
	segments[2].p_memsz = UINT64_MAX - 0x1fffff;
	no_payload("wraps around");
	segments[2].p_vaddr = 0xffffffff80000000;
	no_payload("differ");
	elf.e_entry = 0x100800; /* zeroes, not code */
	no_payload("entry point");
	elf.e_entry = 0;
	no_payload("entry point");
	segments[1].p_type = segments[2].p_type = PT_NOTE;
	no_payload("entry point");
	elf.e_phnum = PAYLOAD_MAX_SEGMENTS + 2;
	for (unsigned i = 1; i < PAYLOAD_MAX_SEGMENTS + 2; i++)
		segments[i] = segments[1];
	no_payload("too many segments");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_kernel),
	    cmocka_unit_test(test_no_kernel),
	    cmocka_unit_test(test_payload),
	    cmocka_unit_test(test_no_payload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
