/* SPDX-License-Identifier: MIT */
/* Output and the end. */
#include "samples/guests/lib/guest.h"

#include <stdarg.h>
#include <stddef.h>

#define SERIAL_PORT        0x3f8
#define SERIAL_STATUS      5
#define SERIAL_MAY_SEND    0x20
#define TIMER_DATA         0x40 /* channel 0 of the PIT counts down, 65536 to 1 */
#define TIMER_COMMAND      0x43
#define TIMER_RATE         0x34 /* channel 0, two bytes, rate generator */
#define TIMER_TICKS_PER_MS 1193
#define POWER_CONTROL      0x604
#define POWER_OFF_COMMAND  (5u << 10 | 0x2000) /* SLP_TYP 5 and SLP_EN of ACPI */

/* GCC calls these by itself, freestanding or not. */
void *memset(void *to, int byte, size_t size);
void *memcpy(void *to, const void *from, size_t size);

void *memset(void *to, int byte, size_t size)
{
	void *at = to;

	__asm__ volatile("rep stosb" : "+D"(at), "+c"(size) : "a"(byte) : "memory");
	return to;
}

void *memcpy(void *to, const void *from, size_t size)
{
	void *at = to;

	__asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(size)::"memory");
	return to;
}

_Noreturn void power_off(int status)
{
	if (status)
		outb(VMM_EXIT_PORT, (uint8_t)status);
	else
		outw(POWER_CONTROL, POWER_OFF_COMMAND);
	for (;;)
		__asm__ volatile("cli; hlt");
}

static uint16_t timer(void)
{
	uint8_t low;

	outb(TIMER_COMMAND, 0); /* hold what channel 0 has now */
	low = inb(TIMER_DATA);
	return (uint16_t)(low | inb(TIMER_DATA) << 8);
}

void wait_ms(unsigned ms)
{
	uint32_t passed = 0;
	uint16_t last, now;

	outb(TIMER_COMMAND, TIMER_RATE);
	outb(TIMER_DATA, 0);
	outb(TIMER_DATA, 0);
	for (last = timer(); passed < ms * TIMER_TICKS_PER_MS; last = now) {
		now = timer();
		passed += (uint16_t)(last - now);
	}
}

static void put(char c)
{
	while (!(inb(SERIAL_PORT + SERIAL_STATUS) & SERIAL_MAY_SEND))
		;
	outb(SERIAL_PORT, (uint8_t)c);
}

static void put_number(uint32_t value, uint32_t base, unsigned width)
{
	char digits[10];
	unsigned count = 0;

	do {
		digits[count++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	for (; width > count; width--)
		put('0');
	while (count)
		put(digits[--count]);
}

void print(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	for (; *format; format++) {
		unsigned width = 0;

		if (*format != '%') {
			put(*format);
			continue;
		}
		while (*++format >= '0' && *format <= '9')
			width = width * 10 + (unsigned)(*format - '0');
		if (*format == 's')
			for (const char *s = va_arg(list, const char *); *s; s++)
				put(*s);
		else
			put_number(va_arg(list, uint32_t), *format == 'x' ? 16 : 10, width);
	}
	va_end(list);
}
