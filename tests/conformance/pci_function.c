/* SPDX-License-Identifier: MIT */
/* PCI-01 to 18: the function that a bus driver finds, and its capabilities. */
#include <linux/pci_regs.h>
#include <linux/virtio_pci.h>
#include <string.h>

#include "tests/conformance/world.h"

struct cap {
	unsigned at, id, length, type; /* length and type: of vendor capabilities */
};

static unsigned capabilities(struct world *w, struct cap caps[16])
{
	unsigned at = cfg_read(w, PCI_CAPABILITY_LIST, 1), count = 0;

	for (; at; at = cfg_read(w, at + 1, 1), count++) {
		CHECK(count < 16);
		CHECK(at >= 0x40 && at % 4 == 0);
		caps[count].at = at;
		caps[count].id = cfg_read(w, at, 1);
		caps[count].length = cfg_read(w, at + 2, 1);
		caps[count].type = cfg_read(w, at + 3, 1);
	}
	return count;
}

/* The first virtio capability of a type, from `from` on. */
static bool find(struct world *w, unsigned type, struct cap *cap)
{
	struct cap caps[16];
	unsigned count = capabilities(w, caps);

	for (unsigned i = 0; i < count; i++)
		if (caps[i].id == PCI_CAP_ID_VNDR && caps[i].type == type) {
			*cap = caps[i];
			return true;
		}
	return false;
}

/* Size of a BAR as firmware finds it out; its register is as before afterwards. */
static uint32_t size_of_bar(struct world *w, unsigned bar, uint32_t flags)
{
	unsigned at = PCI_BASE_ADDRESS_0 + 4 * bar;
	uint32_t was = cfg_read(w, at, 4), mask;

	cfg_write(w, at, 4, 0xffffffff);
	mask = cfg_read(w, at, 4);
	CHECK_EQ(mask & flags, was & flags);
	cfg_write(w, at, 4, was);
	CHECK_EQ(cfg_read(w, at, 4), was);
	return ~(mask & ~flags) + 1;
}

static void check_bars(struct world *w)
{
	uint16_t on = command(w);

	set_command(w, 0);
	for (unsigned bar = 0; bar < 6; bar++) {
		uint32_t low = cfg_read(w, PCI_BASE_ADDRESS_0 + 4 * bar, 4), size;

		if (!low) {
			cfg_write(w, PCI_BASE_ADDRESS_0 + 4 * bar, 4, 0xffffffff);
			CHECK_EQ(cfg_read(w, PCI_BASE_ADDRESS_0 + 4 * bar, 4), 0);
			continue;
		}
		size = size_of_bar(w, bar, low & 1 ? 3 : 15);
		CHECK_EQ(size & (size - 1), 0);
		CHECK(size >= (low & 1 ? 4u : 16u));
		if (low & 1)
			CHECK(size <= 256);
		CHECK_EQ((low & (low & 1 ? ~3u : ~15u)) % size, 0);
		if ((low & 7) == 4)
			CHECK_EQ(size_of_bar(w, ++bar, 0), 1);
	}
	set_command(w, on);
}

static void check_read_only(struct world *w, unsigned at, unsigned size)
{
	uint32_t was = cfg_read(w, at, size);

	cfg_write(w, at, size, ~was);
	if (cfg_read(w, at, size) != was)
		FAIL("register %#x can be written", at);
	cfg_write(w, at, size, 0);
	CHECK_EQ(cfg_read(w, at, size), was);
}

TEST(PCI_01, VIEWS | IRQS)
{
	struct cap caps[16];
	uint16_t was;

	world_open(w, w->msix ? "queues=4" : "queues=4,irq=intx");
	CHECK_EQ(cfg_read(w, PCI_HEADER_TYPE, 1), 0);
	CHECK_EQ(cfg_read(w, PCI_BIST, 1), 0);
	CHECK_EQ(cfg_read(w, PCI_INTERRUPT_PIN, 1), 1);
	CHECK_EQ(cfg_read(w, PCI_CLASS_REVISION + 3, 1), 1); /* mass storage */
	check_read_only(w, PCI_VENDOR_ID, 4);
	check_read_only(w, PCI_CLASS_REVISION, 4);
	check_read_only(w, PCI_SUBSYSTEM_VENDOR_ID, 4);
	check_read_only(w, PCI_ROM_ADDRESS, 4);
	check_read_only(w, PCI_CARDBUS_CIS, 4);
	check_read_only(w, PCI_STATUS, 2);
	check_read_only(w, PCI_CAPABILITY_LIST, 4);
	check_read_only(w, PCI_HEADER_TYPE, 1);
	check_read_only(w, PCI_INTERRUPT_PIN, 1);
	cfg_write(w, PCI_INTERRUPT_LINE, 1, 0x5a);
	CHECK_EQ(cfg_read(w, PCI_INTERRUPT_LINE, 1), 0x5a);
	was = command(w);
	set_command(w, 0xffff);
	CHECK_EQ(command(w) & ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
				PCI_COMMAND_PARITY | PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE),
		 0);
	set_command(w, was);
	CHECK_EQ(command(w), was);
	check_bars(w);
	CHECK(cfg_read(w, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST);
	CHECK(capabilities(w, caps) > 0);
	/* No other function, no such device, no other bus. */
	pio_write(w, PCI_PORT_ADDRESS, 4, 0x80000000u | w->slot << 11 | 1 << 8);
	CHECK_EQ(pio_read(w, PCI_PORT_DATA, 4), 0xffffffff);
	pio_write(w, PCI_PORT_ADDRESS, 4, 0x80000000u | (w->slot + 1) << 11);
	CHECK_EQ(pio_read(w, PCI_PORT_DATA, 4), 0xffffffff);
	pio_write(w, PCI_PORT_ADDRESS, 4, 0x80010000u | w->slot << 11);
	CHECK_EQ(pio_read(w, PCI_PORT_DATA, 4), 0xffffffff);
	start(w, 0, 0);
	expect_alive(w);
}

/* MSI-X: table and pending bits inside their BARs, apart from each other. */
TEST(PCI_01b, VIEWS)
{
	static const char *const keys[] = {NULL, "queues=4", "queues=64"};

	for (unsigned k = 0; k < 3; k++) {
		uint32_t table, pba, size;

		world_close(w);
		world_open(w, keys[k]);
		table = cfg_read(w, w->cap_msix + PCI_MSIX_TABLE, 4);
		pba = cfg_read(w, w->cap_msix + PCI_MSIX_PBA, 4);
		CHECK_EQ(table & 7, pba & 7);
		set_command(w, 0);
		size = size_of_bar(w, table & 7, 15);
		CHECK((table & ~7u) + 16 * w->vectors <= (pba & ~7u) ||
		      (pba & ~7u) + (w->vectors + 63) / 64 * 8 <= (table & ~7u));
		CHECK((table & ~7u) + 16 * w->vectors <= size);
		CHECK((pba & ~7u) + (w->vectors + 63) / 64 * 8 <= size);
		check_read_only(w, w->cap_msix + PCI_MSIX_TABLE, 4);
		check_read_only(w, w->cap_msix + PCI_MSIX_PBA, 4);
		/* Each virtio structure inside its BAR. */
		for (unsigned type = 1; type <= 4 && !w->legacy; type++) {
			struct cap cap;

			CHECK(find(w, type, &cap));
			size = size_of_bar(w, cfg_read(w, cap.at + 4, 1), 15);
			CHECK(cfg_read(w, cap.at + 8, 4) + cfg_read(w, cap.at + 12, 4) <= size);
			CHECK(cfg_read(w, cap.at + 12, 4));
		}
	}
}

TEST(PCI_02, VIEWS)
{
	world_open(w, NULL);
	CHECK_EQ(cfg_read(w, PCI_VENDOR_ID, 2), 0x1af4);
}

TEST(PCI_03, MODERN)
{
	static const char *const keys[] = {"transport=modern", "transport=transitional",
					   "transport=legacy"};

	for (unsigned i = 0; i < 3; i++) {
		world_close(w);
		world_open(w, keys[i]);
		CHECK_EQ(cfg_read(w, PCI_DEVICE_ID, 2), i ? 0x1001 : 0x1042);
	}
}

TEST(PCI_04, MODERN)
{
	unsigned id;

	world_open(w, "transport=modern");
	id = cfg_read(w, PCI_DEVICE_ID, 2);
	CHECK(id >= 0x1040 && id <= 0x107f);
	CHECK(cfg_read(w, PCI_REVISION_ID, 1) >= 1);
	CHECK(cfg_read(w, PCI_SUBSYSTEM_ID, 2) >= 0x40);
}

TEST(PCI_05, MODERN)
{
	static const unsigned fields[] = {0x20, 0x28, 0x30};

	world_open(w, NULL);
	negotiate(w, usual_features(w));
	c_write(w, C_QUEUE_SELECT, 0);
	for (unsigned i = 0; i < 3; i++) {
		uint64_t at = w->common + fields[i];

		mmio_write(w, at + 4, 4, 0x11);
		CHECK_EQ(mmio_read(w, at, 4), 0);
		CHECK_EQ(mmio_read(w, at + 4, 4), 0x11);
		mmio_write(w, at, 4, 0x22000);
		CHECK_EQ(mmio_read(w, at + 4, 4), 0x11);
		mmio_write(w, at + 4, 4, 0x33);
		CHECK_EQ(mmio_read(w, at, 4), 0x22000);
		mmio_write(w, at, 4, 0x44000);
		CHECK_EQ(mmio_read(w, at, 4), 0x44000);
		CHECK_EQ(mmio_read(w, at + 4, 4), 0x33);
	}
	/* High half first, then the low one: the queue works. */
	vq_init(w, &w->q[0], 0, 64, w->packed);
	for (unsigned i = 0; i < 3; i++) {
		uint64_t part = i == 0 ? w->q[0].desc : i == 1 ? w->q[0].driver : w->q[0].device;

		mmio_write(w, w->common + fields[i] + 4, 4, part >> 32);
		mmio_write(w, w->common + fields[i], 4, (uint32_t)part);
	}
	c_write(w, C_QUEUE_ENABLE, 1);
	driver_ok(w);
	expect_alive(w);
}

TEST(PCI_06, MODERN)
{
	struct cap caps[16];
	unsigned count;

	world_open(w, NULL);
	count = capabilities(w, caps);
	for (unsigned i = 0; i < count; i++) {
		if (caps[i].id != PCI_CAP_ID_VNDR)
			continue;
		CHECK(caps[i].length >= 16);
		CHECK(caps[i].at + caps[i].length <= 256);
		if (caps[i].type == VIRTIO_PCI_CAP_NOTIFY_CFG ||
		    caps[i].type == VIRTIO_PCI_CAP_PCI_CFG)
			CHECK(caps[i].length >= 20);
		/* None reaches into another. */
		for (unsigned k = 0; k < count; k++)
			CHECK(k == i || caps[k].at < caps[i].at ||
			      caps[k].at >= caps[i].at + caps[i].length);
	}
}

/* Of each type there is one, and it works: nothing better can follow it. */
TEST(PCI_07, MODERN)
{
	struct cap caps[16];
	unsigned count, types[16] = {0};

	world_open(w, NULL);
	count = capabilities(w, caps);
	for (unsigned i = 0; i < count; i++)
		if (caps[i].id == PCI_CAP_ID_VNDR && caps[i].type < 16)
			CHECK_EQ(types[caps[i].type]++, 0);
	start(w, 0, 0);
	expect_alive(w);
}

TEST(PCI_08, VIEWS)
{
	struct cap caps[16];
	unsigned count;

	world_open(w, "transport=transitional");
	count = capabilities(w, caps);
	for (unsigned i = 0; i < count; i++) {
		unsigned length = caps[i].length;

		if (caps[i].id != PCI_CAP_ID_VNDR || caps[i].type == VIRTIO_PCI_CAP_PCI_CFG)
			continue;
		for (unsigned at = 0; at < length; at++)
			check_read_only(w, caps[i].at + at, 1);
	}
}

/* At least one, at an offset that is a multiple of `align`. */
static void check_structure(struct world *w, unsigned type, unsigned align, unsigned length)
{
	struct cap cap;

	world_open(w, NULL);
	CHECK(find(w, type, &cap));
	CHECK_EQ(cfg_read(w, cap.at + VIRTIO_PCI_CAP_OFFSET, 4) % align, 0);
	CHECK(cfg_read(w, cap.at + VIRTIO_PCI_CAP_LENGTH, 4) >= length);
	CHECK(cfg_read(w, cap.at + VIRTIO_PCI_CAP_BAR, 1) < 6);
}

TEST(PCI_09, MODERN)
{
	check_structure(w, VIRTIO_PCI_CAP_COMMON_CFG, 4, 60);
}

TEST(PCI_10, MODERN)
{
	check_structure(w, VIRTIO_PCI_CAP_ISR_CFG, 1, 1);
}

TEST(PCI_11, MODERN)
{
	check_structure(w, VIRTIO_PCI_CAP_DEVICE_CFG, 4, 60);
}

TEST(PCI_12, MODERN)
{
	struct cap cap;

	world_open(w, NULL);
	CHECK(find(w, VIRTIO_PCI_CAP_PCI_CFG, &cap));
	CHECK_EQ(window_read(w, w->device, 4), WORLD_DISK_SIZE / 512);
	window_write(w, w->common + 8, 4, 0x12345678);
	CHECK_EQ(c_read(w, C_DRIVER_FEATURE_SELECT), 0x12345678);
}

static void wc(struct world *w, unsigned field, uint32_t value)
{
	window_write(w, w->common + (field >> 8), field & 0xff, value);
}

static void window_queue(struct world *w)
{
	struct vq *q = &w->q[0];

	vq_init(w, q, 0, 64, w->packed);
	wc(w, C_QUEUE_SELECT, 0);
	for (unsigned half = 0; half < 2; half++) {
		wc(w, 0x2004 + 0x400 * half, (uint32_t)(q->desc >> (32 * half)));
		wc(w, 0x2804 + 0x400 * half, (uint32_t)(q->driver >> (32 * half)));
		wc(w, 0x3004 + 0x400 * half, (uint32_t)(q->device >> (32 * half)));
	}
	wc(w, C_QUEUE_ENABLE, 1);
}

/* Everything through configuration space; the BARs are not even decoded. */
TEST(PCI_13, RINGS | MODERN | MODES)
{
	uint64_t features;
	struct req *r;

	world_open(w, NULL);
	features = usual_features(w);
	set_command(w, PCI_COMMAND_MASTER);
	wc(w, C_STATUS, 0);
	wc(w, C_STATUS, STATUS_ACKNOWLEDGE);
	wc(w, C_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	for (unsigned i = 0; i < 2; i++) {
		wc(w, C_DRIVER_FEATURE_SELECT, i);
		wc(w, C_DRIVER_FEATURE, (uint32_t)(features >> (32 * i)));
	}
	wc(w, C_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
	CHECK(window_read(w, w->common + 20, 1) & STATUS_FEATURES_OK);
	window_queue(w);
	wc(w, C_STATUS, 15);
	CHECK_EQ(window_read(w, w->common + 20, 1), 15);
	for (unsigned i = 0; i < 20; i++) {
		r = submit_quietly(&w->q[0], BLK_T_OUT, i, galloc(w, 512, 512), 512);
		gpattern(w, r->data, 512, i);
		window_write(w, w->notify, 2, 0);
		CHECK_EQ(finish(r), BLK_S_OK);
		CHECK(!memcmp(w->ram->data + 512 * i, gptr(w, r->data, 512), 512));
	}
}

TEST(PCI_14, MODERN | INTX)
{
	open_and_start(w, NULL, 0, 0);
	CHECK_EQ(window_read(w, w->common + 20, 1), status(w));
	for (unsigned select = 0; select < 2; select++) {
		window_write(w, w->common, 4, select);
		CHECK_EQ(window_read(w, w->common + 4, 4), c_read(w, C_DEVICE_FEATURE));
	}
	CHECK_EQ(window_read(w, w->isr, 1), 0);
	fence(&w->q[0]);
	expect_irq(w, 0);
	/* Read anew each time, and with what reading does. */
	CHECK_EQ(window_read(w, w->isr, 1), ISR_QUEUE);
	CHECK_EQ(window_read(w, w->isr, 1), 0);
	EVENTUALLY(!irq_pending(w, 0));
	fence(&w->q[0]);
	expect_irq(w, 0);
	CHECK_EQ(cfg_read(w, w->cap_window + 16, 1), ISR_QUEUE);
	CHECK_EQ(cfg_read(w, w->cap_window + 16, 1), 0);
}

TEST(PCI_15, MODERN)
{
	unsigned at;

	world_open(w, NULL);
	at = w->cap_window;
	for (unsigned bar = 0; bar < 6; bar++) {
		cfg_write(w, at + VIRTIO_PCI_CAP_BAR, 1, bar);
		CHECK_EQ(cfg_read(w, at + VIRTIO_PCI_CAP_BAR, 1), bar);
	}
	cfg_write(w, at + VIRTIO_PCI_CAP_OFFSET, 4, 0xdeadbeef);
	CHECK_EQ(cfg_read(w, at + VIRTIO_PCI_CAP_OFFSET, 4), 0xdeadbeef);
	for (unsigned length = 1; length <= 4; length *= 2) {
		cfg_write(w, at + VIRTIO_PCI_CAP_LENGTH, 4, length);
		CHECK_EQ(cfg_read(w, at + VIRTIO_PCI_CAP_LENGTH, 4), length);
	}
	cfg_write(w, at + 16, 4, 0x01020304);
	CHECK_EQ(cfg_read(w, at + 16, 4), 0x01020304);
}

TEST(PCI_16, VIEWS)
{
	struct cap caps[16];
	unsigned count;

	world_open(w, "transport=transitional");
	count = capabilities(w, caps);
	for (unsigned i = 0; i < count; i++) {
		if (caps[i].id != PCI_CAP_ID_VNDR || caps[i].type != 9)
			continue;
		CHECK_EQ(caps[i].length % 4, 0);
		CHECK(cfg_read(w, caps[i].at + 4, 2) != 0x1af4);
	}
	/* This device has none: every vendor capability is of a type that is tested here. */
	for (unsigned i = 0; i < count; i++)
		if (caps[i].id == PCI_CAP_ID_VNDR)
			CHECK(caps[i].type >= 1 && caps[i].type <= 5);
}

TEST(PCI_17, VIEWS)
{
	struct cap cap;

	world_open(w, "transport=transitional");
	CHECK(!find(w, 8, &cap));
}

/* It concerns an ID that legacy drivers knew, which a modern-only device here has not. */
TEST(PCI_18, MODERN)
{
	world_open(w, "transport=modern");
	CHECK(cfg_read(w, PCI_DEVICE_ID, 2) >= 0x1040);
	for (unsigned bar = 0; bar < 6; bar++)
		CHECK(!(cfg_read(w, PCI_BASE_ADDRESS_0 + 4 * bar, 4) & 1));
}
