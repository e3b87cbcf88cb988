/* SPDX-License-Identifier: MIT */
/* A disk in memory for the tests, which can hold requests back, fail them and count them. */
#ifndef TESTS_RAM_DISK_H
#define TESTS_RAM_DISK_H

#include "vmm-lite/disk/disk.h"

struct ram_disk;

struct ram_disk *ram_disk_new(uint64_t size);
struct disk *ram_disk_base(struct ram_disk *ram); /* disk_close frees it */
uint8_t *ram_disk_bytes(struct ram_disk *ram);
struct disk_info *ram_disk_info(struct ram_disk *ram);

/* While on, requests are taken and not completed; switching it off completes them. */
void ram_disk_hold(struct ram_disk *ram, bool on);
/* Complete the newest held request only. */
void ram_disk_finish_newest(struct ram_disk *ram);
/* Requests that touch sectors [first, last] fail with this errno after `done` bytes. 0: none. */
void ram_disk_fail(struct ram_disk *ram, uint64_t first, uint64_t last, int error, uint64_t done);
/* How many of an operation were submitted, and how many of them with DISK_FUA. */
unsigned ram_disk_count(struct ram_disk *ram, enum disk_op op);
unsigned ram_disk_fua(struct ram_disk *ram);
unsigned ram_disk_unmaps(struct ram_disk *ram);
unsigned ram_disk_held(struct ram_disk *ram);
/* The next disk_refresh finds this size. */
void ram_disk_resize(struct ram_disk *ram, uint64_t size);

#endif
