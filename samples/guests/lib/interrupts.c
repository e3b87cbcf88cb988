/* SPDX-License-Identifier: MIT */
#include "samples/guests/lib/guest.h"

#define LOCAL_APIC      0xfee00000u
#define IO_APIC         0xfec00000u
#define IO_APIC_DATA    0x10
#define IO_APIC_ROUTES  0x10 /* register of line 0; two a line */
#define ROUTE_LEVEL     (1u << 15)
#define APIC_EOI        0xb0
#define APIC_SPURIOUS   0xf0
#define APIC_ON         0x100
#define SPURIOUS_VECTOR 0xff
#define EXCEPTIONS      32
#define PIC_MASK_1      0x21
#define PIC_MASK_2      0xa1
#define INTERRUPT_GATE  0x8e00

struct gate {
	uint16_t offset_low, selector, type, offset_middle;
	uint32_t offset_high, zero;
};

/* What the CPU pushes. */
struct frame {
	uint64_t rip, cs, rflags, rsp, ss;
};

static struct gate table[256] __attribute__((aligned(16)));
static volatile uint32_t count, counts[GUEST_VECTORS];
static void (*lower_line)(void);

static volatile uint32_t *apic(unsigned reg)
{
	return (volatile uint32_t *)(uintptr_t)(LOCAL_APIC + reg);
}

/* Counted before it is acknowledged: whoever is woken finds the handler complete either way. */
static void handle(unsigned which)
{
	count++;
	counts[which]++;
	if (lower_line)
		lower_line();
	*apic(APIC_EOI) = 0;
}

static __attribute__((interrupt)) void on_interrupt(struct frame *frame)
{
	handle(0);
}

static __attribute__((interrupt)) void on_next_interrupt(struct frame *frame)
{
	handle(1);
}

static __attribute__((interrupt)) void on_spurious(struct frame *frame)
{
}

/* Some exceptions push an error code where the frame is expected; it does not return, so what. */
static __attribute__((interrupt)) void on_exception(struct frame *frame)
{
	print("the guest failed: CPU exception\n");
	power_off(1);
}

static void set_gate(unsigned vector, void (*handler)(struct frame *))
{
	uint64_t offset = (uintptr_t)handler;
	uint16_t code_segment;

	__asm__("mov %%cs, %0" : "=r"(code_segment));
	table[vector] = (struct gate){
	    .offset_low = (uint16_t)offset,
	    .selector = code_segment,
	    .type = INTERRUPT_GATE,
	    .offset_middle = (uint16_t)(offset >> 16),
	    .offset_high = (uint32_t)(offset >> 32),
	};
}

void interrupts_start(void)
{
	struct __attribute__((packed)) {
		uint16_t limit;
		uint64_t base;
	} idtr = {sizeof(table) - 1, (uintptr_t)table};

	for (unsigned vector = 0; vector < EXCEPTIONS; vector++)
		set_gate(vector, on_exception);
	set_gate(GUEST_VECTOR, on_interrupt);
	set_gate(GUEST_VECTOR + 1, on_next_interrupt);
	set_gate(SPURIOUS_VECTOR, on_spurious);
	__asm__ volatile("lidt %0" ::"m"(idtr));
	/* The old interrupt controllers start unmasked, with vectors that are exceptions now. */
	outb(PIC_MASK_1, 0xff);
	outb(PIC_MASK_2, 0xff);
	*apic(APIC_SPURIOUS) = APIC_ON | SPURIOUS_VECTOR;
}

uint32_t interrupts_count(void)
{
	return count;
}

uint32_t interrupts_of(uint8_t vector)
{
	return counts[vector - GUEST_VECTOR];
}

void interrupts_route_line(unsigned line, uint8_t vector, void (*lower)(void))
{
	volatile uint32_t *select = (volatile uint32_t *)(uintptr_t)IO_APIC;
	volatile uint32_t *data = (volatile uint32_t *)(uintptr_t)(IO_APIC + IO_APIC_DATA);

	lower_line = lower;
	*select = IO_APIC_ROUTES + 2 * line + 1;
	*data = 0; /* to the CPU with APIC id 0 */
	*select = IO_APIC_ROUTES + 2 * line;
	*data = lower ? ROUTE_LEVEL | vector : 1u << 16; /* masked */
}

void interrupts_wait(uint32_t before)
{
	/* Nothing is delivered between sti and hlt: an interrupt cannot slip in and leave us halted. */
	while (count == before)
		__asm__ volatile("sti; hlt; cli" ::: "memory");
}
