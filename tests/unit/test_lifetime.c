/* SPDX-License-Identifier: MIT */
/* Wear: what sysfs says of eMMC and UFS, what lifetime= says, and what a driver gets of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/driver/rig.h"
#include "vmm-lite/disk/backend.h"
#include "vmm-lite/disk/lifetime.h"

static void put(const char *dir, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void make_dir(const char *dir, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void test_sysfs(void **state)
{
	char root[] = "/tmp/vmm-lite-sysfs-XXXXXX", block[64], part[64], command[128];
	struct disk_lifetime l;

	assert_non_null(mkdtemp(root));
	make_dir(root, "mmcblk0");
	make_dir(root, "mmcblk0/device");
	make_dir(root, "mmcblk0/mmcblk0p1");
	snprintf(block, sizeof(block), "%s/mmcblk0", root);
	snprintf(part, sizeof(part), "%s/mmcblk0/mmcblk0p1", root);
	assert_false(lifetime_read(block, &l));
	put(block, "device/pre_eol_info", "0x02\n");
	put(block, "device/life_time", "0x01\n");
	assert_false(lifetime_read(block, &l));
	put(block, "device/life_time", "0x01 0x0b\n");
	assert_true(lifetime_read(block, &l));
	assert_int_equal(l.pre_eol, 2);
	assert_int_equal(l.typ_a, 1);
	assert_int_equal(l.typ_b, 11);
	/* A partition is as worn as its disk; reserved values are unknown. */
	put(block, "device/life_time", "0x0c 0x05\n");
	put(block, "device/pre_eol_info", "0x04\n");
	assert_true(lifetime_read(part, &l));
	assert_int_equal(l.pre_eol, 0);
	assert_int_equal(l.typ_a, 0);
	assert_int_equal(l.typ_b, 5);

	make_dir(root, "ufshc");
	make_dir(root, "ufshc/health_descriptor");
	make_dir(root, "ufshc/host0");
	make_dir(root, "ufshc/host0/target");
	make_dir(root, "ufshc/host0/target/lun");
	make_dir(root, "ufshc/host0/target/lun/sda");
	snprintf(block, sizeof(block), "%s/ufshc/host0/target/lun/sda/device", root);
	assert_int_equal(symlink("..", block), 0);
	snprintf(block, sizeof(block), "%s/ufshc/host0/target/lun/sda", root);
	put(root, "ufshc/health_descriptor/eol_info", "0x01\n");
	put(root, "ufshc/health_descriptor/life_time_estimation_a", "0x03\n");
	assert_false(lifetime_read(block, &l));
	put(root, "ufshc/health_descriptor/life_time_estimation_b", "0x04\n");
	assert_true(lifetime_read(block, &l));
	assert_int_equal(l.pre_eol, 1);
	assert_int_equal(l.typ_a, 3);
	assert_int_equal(l.typ_b, 4);
	snprintf(command, sizeof(command), "rm -r '%s'", root);
	assert_int_equal(system(command), 0);
}

static void test_request(void **state)
{
	struct disk_options o = rig_options();
	struct ram_disk *ram = ram_disk_new(RIG_DISK);
	struct rig *rig = rig_new_on(&o, ram);
	struct rig_queue q;
	struct rig_used used;
	uint8_t *data;

	/* Not offered, unknown: an image in memory wears nothing out. */
	assert_false(rig_offered(rig) & FEATURE(F_LIFETIME));
	q = rig_start(rig, 0, 16);
	assert_int_equal(rig_request(&q, BLK_T_GET_LIFETIME, 0, RIG_DATA, 6, true, NULL),
			 BLK_S_UNSUPP);
	rig_free(rig);
	o.features_on = FEATURE(F_LIFETIME);
	assert_null(rig_new(&o));
	o.features_on = 0;

	ram = ram_disk_new(RIG_DISK);
	ram_disk_base(ram)->info.has_lifetime = true;
	ram_disk_base(ram)->lifetime = (struct disk_lifetime){2, 11, 12};
	rig = rig_new_on(&o, ram);
	data = rig_mem(rig, RIG_DATA);
	assert_true(rig_offered(rig) & FEATURE(F_LIFETIME));
	q = rig_start(rig, FEATURE(F_LIFETIME), 16);
	memset(data, 0xee, 16);
	assert_int_equal(rig_request(&q, BLK_T_GET_LIFETIME, 99, RIG_DATA, 6, true, &used),
			 BLK_S_OK);
	assert_int_equal(used.len, 7);
	/* Never a reserved value. */
	assert_memory_equal(data, "\x02\0\x0b\0\0\0\xee", 7);
	assert_int_equal(rig_request(&q, BLK_T_GET_LIFETIME, 0, RIG_DATA, 8, true, &used),
			 BLK_S_OK);
	assert_int_equal(used.len, 6);
	assert_int_equal(rig_request(&q, BLK_T_GET_LIFETIME, 0, RIG_DATA, 5, true, &used),
			 BLK_S_IOERR);
	assert_int_equal(rig_request(&q, BLK_T_GET_LIFETIME, 0, 0, 0, false, &used), BLK_S_IOERR);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sysfs),
	    cmocka_unit_test(test_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
