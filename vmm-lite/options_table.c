/* SPDX-License-Identifier: MIT */
#include "vmm-lite/options_table.h"

#include "vmm-lite/disk/disk.h"
#include "vmm-lite/disk/zones.h"
#include "vmm-lite/options.h"

#define AT(field)     offsetof(struct options, field)
#define DISK(field)   offsetof(struct disk_options, field)
#define KIB           (1ull << 10)
#define MIB           (1ull << 20)
#define TIB           (1ull << 40)
#define ANY           UINT64_MAX
#define PATH_LENGTH   4095
#define TEXT(number)  TEXT_(number)
#define TEXT_(number) #number

const struct option_row option_rows[] = {
    {"kernel", OPTION_TEXT, AT(kernel), NULL, 1, PATH_LENGTH, ON_RUN, "FILE",
     "Linux kernel to boot (bzImage)"},
    {"initrd", OPTION_TEXT, AT(initrd), NULL, 1, PATH_LENGTH, ON_RUN, "FILE",
     "initial RAM disk for it"},
    {"append", OPTION_TEXT, AT(append), NULL, 0, 2047, ON_RUN, "TEXT", "kernel command line"},
    {"payload", OPTION_TEXT, AT(payload), NULL, 1, PATH_LENGTH, ON_RUN, "ELF",
     "64-bit ELF program to run instead of a kernel"},
    {"disk", OPTION_DISK, AT(disks), NULL, 0, 0, ON_RUN | ON_BENCH | ON_QTEST,
     "PATH[,key=value...]", "a virtio-blk disk, up to 16; keys below"},
    {"cpus", OPTION_UNSIGNED, AT(cpus), NULL, 1, OPTIONS_MAX_CPUS, ON_RUN, "N", "virtual CPUs (1)"},
    {"memory", OPTION_SIZE, AT(memory), NULL, 2 * MIB, TIB, ON_RUN | ON_QTEST, "SIZE",
     "guest RAM (256M)"},
    {"exit-on-reboot", OPTION_FLAG, AT(exit_on_reboot), NULL, 0, 0, ON_RUN, NULL,
     "end with status 0 when the guest reboots"},
    {"stats", OPTION_FLAG, AT(stats), NULL, 0, 0, ON_RUN, NULL,
     "print the KVM exits by reason at the end"},
    {"flight-recorder", OPTION_RECORDER, AT(flight_recorder), NULL, 0, 0, ON_RUN | ON_BENCH,
     "FILE[,size=SIZE]", "record every stage point into FILE"},
    {"step", OPTION_TEXT, AT(step), NULL, 1, 107, ON_RUN | ON_BENCH, "SOCKET",
     "wait on a unix socket for `vbtrace teach --live`, then stand at each mark until told to go on"},
    {"socket", OPTION_TEXT, AT(qtest_socket), NULL, 1, 107, ON_QTEST, "PATH",
     "unix socket to serve, or to connect to if somebody listens there (stdin and stdout)"},
    {"rw", OPTION_WORD, AT(bench.rw), "read|write|randread|randwrite|randrw", 0, 0, ON_BENCH, NULL,
     "what to do (randread)"},
    {"block-size", OPTION_SIZE, AT(bench.block_size), NULL, 512, 64 * MIB, ON_BENCH, "SIZE",
     "bytes of a request (4K)"},
    {"depth", OPTION_UNSIGNED, AT(bench.depth), NULL, 1, 32768, ON_BENCH, "N",
     "requests in flight in each queue (32)"},
    {"time", OPTION_TIME, AT(bench.time_ns), NULL, 1, ANY, ON_BENCH, "TIME",
     "how long (5s, if there is no --count)"},
    {"count", OPTION_NUMBER, AT(bench.count), NULL, 1, ANY, ON_BENCH, "N", "how many requests"},
    {"verify", OPTION_FLAG, AT(bench.verify), NULL, 0, 0, ON_BENCH, NULL,
     "check the data that is read against what was written"},
    {"seed", OPTION_NUMBER, AT(bench.seed), NULL, 0, ANY, ON_BENCH, "N",
     "of the random offsets (1)"},
    {"json", OPTION_FLAG, AT(bench.json), NULL, 0, 0, ON_BENCH, NULL, "print JSON"},
};
const size_t option_row_count = sizeof(option_rows) / sizeof(option_rows[0]);

/* format has one value and no place of its own: it is there so that scripts can be explicit. */
#define NOWHERE SIZE_MAX

const struct option_row disk_rows[] = {
    {"format", OPTION_CHOICE, NOWHERE, "raw", 0, 0, 0, NULL, "of the image file (raw)"},
    {"aio", OPTION_CHOICE, DISK(aio), "io_uring|sync|null", 0, 0, 0, NULL,
     "how the host's disk is reached; null: PATH is the word null (io_uring)"},
    {"direct", OPTION_SWITCH, DISK(direct), "on|off", 0, 0, 0, NULL,
     "bypass the host's page cache (off)"},
    {"queues", OPTION_UNSIGNED, DISK(queues), NULL, 1, OPTIONS_MAX_QUEUES, 0, "N",
     "request queues (1)"},
    {"queue-size", OPTION_POWER2, DISK(queue_size), NULL, 1, 32768, 0, "N",
     "descriptors of a queue, a power of two (256)"},
    {"ring", OPTION_CHOICE, DISK(ring), "split|packed|both", 0, 0, 0, NULL,
     "ring layouts to offer (split)"},
    {"readonly", OPTION_SWITCH, DISK(read_only), "on|off", 0, 0, 0, NULL, "refuse writes (off)"},
    {"cache", OPTION_CHOICE, DISK(cache), "writeback|writethrough", 0, 0, 0, NULL,
     "when a write is stable: at a flush, or at once (writeback)"},
    {"serial", OPTION_TEXT, DISK(serial), NULL, 0, 20, 0, "TEXT",
     "what GET_ID answers, up to 20 characters"},
    {"transport", OPTION_CHOICE, DISK(transport), "transitional|modern|legacy", 0, 0, 0, NULL,
     "virtio-pci interfaces (transitional)"},
    {"irq", OPTION_CHOICE, DISK(irq), "msix|intx", 0, 0, 0, NULL, "interrupts (msix)"},
    {"notify", OPTION_CHOICE, DISK(notify), "ioeventfd|exit", 0, 0, 0, NULL,
     "how a kick leaves KVM (ioeventfd)"},
    {"signal", OPTION_CHOICE, DISK(signal), "irqfd|ioctl", 0, 0, 0, NULL,
     "how an interrupt enters KVM (irqfd)"},
    {"iothread", OPTION_SWITCH, DISK(iothread), "on|off", 0, 0, 0, NULL,
     "a thread for each queue, or serve it on the vCPU that kicks (on)"},
    {"merge", OPTION_SWITCH, DISK(merge), "on|off", 0, 0, 0, NULL,
     "make adjacent writes one host write (off)"},
    {"zoned", OPTION_CHOICE, DISK(zoned), "none|host-aware|host-managed", 0, 0, 0, NULL,
     "emulate a zoned disk; its zones are kept in PATH.zones (none; a zoned device: its own)"},
    {"zone-size", OPTION_SIZE, DISK(zone_size), NULL, 64 * KIB, TIB, 0, "SIZE",
     "of an emulated zone, a power of two (64M)"},
    {"zone-capacity", OPTION_SIZE, DISK(zone_capacity), NULL, 4 * KIB, TIB, 0, "SIZE",
     "of an emulated zone: what can be written of it (all)"},
    {"zone-conventional", OPTION_UNSIGNED, DISK(zone_conventional), NULL, 0, ZONES_MAX, 0, "N",
     "conventional zones at the start of an emulated disk (0)"},
    {"zone-max-open", OPTION_UNSIGNED, DISK(zone_max_open), NULL, 0, ZONES_MAX, 0, "N",
     "emulated zones that can be open at once; 0: all (0)"},
    {"zone-max-active", OPTION_UNSIGNED, DISK(zone_max_active), NULL, 0, ZONES_MAX, 0, "N",
     "emulated zones that can be open or closed at once; 0: all (0)"},
    {"lifetime", OPTION_LIFETIME, DISK(lifetime), NULL, 0, 0, 0, "EOL:A:B",
     "wear to report, to try a driver: EOL 0 to " TEXT(DISK_PRE_EOL_MAX) ", A and B 0 to " TEXT(
	 DISK_ESTIMATE_MAX) " (the storage's, if it tells)"},
    {"size", OPTION_SIZE, DISK(size), NULL, 512, ANY / 2, 0, "SIZE", "of the null disk (1G)"},
    {"block-size", OPTION_SIZE32, DISK(block_size), NULL, 512, 65536, 0, "SIZE",
     "logical block shown to the guest (the host's)"},
    {"features", OPTION_FEATURES, DISK(features_on), NULL, 0, 0, 0, "+NAME:-NAME...",
     "offer or hide virtio features"},
    {"delay", OPTION_DELAY, DISK(fault), NULL, 0, 0, 0, "TIME[-TIME]",
     "make each request take that much longer"},
    {"error", OPTION_ERROR, DISK(fault), NULL, 0, 0, 0, "RATE[:KIND]|sector:A-B",
     "fail requests; RATE 0 to 1, KIND read, write, flush or stuck"},
};
const size_t disk_row_count = sizeof(disk_rows) / sizeof(disk_rows[0]);
