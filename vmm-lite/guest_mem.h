/* SPDX-License-Identifier: MIT */
/*
 * Guest memory: the one checked door. Nobody else turns a guest-physical address into a pointer.
 *
 * A guest-physical address is a type of its own, so that it cannot be dereferenced or mixed up
 * with a host pointer. All checks are overflow-safe and cover the whole range, and a range may
 * only touch RAM: device windows, holes and ROM (for writes) are refused. This rule alone makes
 * DMA re-entry into a device impossible.
 *
 * Regions are added before the vCPUs start and never change afterwards, so reads need no lock.
 */
#ifndef VMM_GUEST_MEM_H
#define VMM_GUEST_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

typedef struct {
	uint64_t value;
} gpa_t;

#define GPA(x)                ((gpa_t){(x)})

#define GUEST_MEM_LOW_LIMIT   0xc0000000ull  /* RAM below 4 GiB ends here; PCI and APICs above */
#define GUEST_MEM_HIGH_START  0x100000000ull /* the rest of RAM starts here */
#define GUEST_MEM_MAX_REGIONS 8

enum guest_access { GUEST_READ, GUEST_WRITE };

struct guest_region {
	gpa_t base;
	uint64_t size;
	uint8_t *host;
	bool read_only;
	bool owned; /* unmapped by guest_mem_release */
};

struct guest_mem {
	struct guest_region regions[GUEST_MEM_MAX_REGIONS];
	unsigned count;
};

/*
 * Allocate `size` bytes of RAM as Linux expects it: up to GUEST_MEM_LOW_LIMIT from 0, the rest
 * from 4 GiB. Host addresses are 2 MiB aligned like the guest ones and advised for huge pages:
 * nested page faults are the largest part of a boot. 0 or -errno.
 */
int guest_mem_init(struct guest_mem *mem, uint64_t size);
void guest_mem_release(struct guest_mem *mem);

/* All owned writable RAM reads as zero again, as after power-on; costs no copying. */
void guest_mem_clear(struct guest_mem *mem);

/* Add a region at `base`. host == NULL: allocate. Overlaps are refused with -EEXIST. */
int guest_mem_add(struct guest_mem *mem, gpa_t base, uint64_t size, uint8_t *host, bool read_only);

/*
 * A pointer to [addr, addr + len), or NULL unless all of it lies in one region that allows the
 * access. len 0 gives NULL. The guest may change the bytes at any time: copy before you decide.
 */
void *guest_mem_ptr(const struct guest_mem *mem, gpa_t addr, uint64_t len,
		    enum guest_access access);

/* Copy out of or into guest memory; may span adjacent regions. 0, or -EFAULT with nothing done. */
int guest_mem_read(const struct guest_mem *mem, gpa_t addr, void *dst, uint64_t len);
int guest_mem_write(const struct guest_mem *mem, gpa_t addr, const void *src, uint64_t len);
int guest_mem_fill(const struct guest_mem *mem, gpa_t addr, uint8_t byte, uint64_t len);

/*
 * Translate a range to at most `max` iovecs (more than one only across adjacent regions).
 * Number of iovecs, or -EFAULT (not all RAM) or -ENOBUFS. len 0 gives 0.
 */
int guest_mem_iov(const struct guest_mem *mem, gpa_t addr, uint64_t len, enum guest_access access,
		  struct iovec *iov, int max);

/* Bytes of RAM in all regions. */
uint64_t guest_mem_size(const struct guest_mem *mem);

#endif
