/* SPDX-License-Identifier: MIT */
#include "vmm-lite/platform/serial.h"

#include <linux/serial_reg.h>
#include <pthread.h>
#include <stdlib.h>

#define OUTPUT_SIZE 1024
#define INPUT_SIZE  4096 /* power of two; more than the real FIFO's 16, so that a paste fits */
#define FIFO_MARK   0xc0 /* IIR: FIFOs are there and on */

/* Out and in are bridged while looping: RTS, DTR, OUT1, OUT2 to CTS, DSR, RI, DCD. */
#define MSR_PLUGGED (UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS)

struct serial {
	struct serial_config config;
	struct bus_range range;
	pthread_mutex_t lock; /* everything below */

	uint8_t ier, lcr, mcr, fcr, scr, dll, dlm;
	bool thre_pending; /* "transmitter empty" not yet told */
	bool line;         /* as driven */
	bool polled;       /* it read the line status twice in a row: it waits for input */
	bool asked;        /* the last access was such a read */

	uint8_t input[INPUT_SIZE];
	uint32_t input_head, input_tail;
	uint8_t output[OUTPUT_SIZE];
	size_t output_len;
};

static bool has_input(const struct serial *s)
{
	return s->input_head != s->input_tail;
}

static uint8_t pending(const struct serial *s)
{
	if ((s->ier & UART_IER_RDI) && has_input(s))
		return UART_IIR_RDI;
	if ((s->ier & UART_IER_THRI) && s->thre_pending)
		return UART_IIR_THRI;
	return UART_IIR_NO_INT;
}

static void update_line(struct serial *s)
{
	/* On a PC, OUT2 gates the interrupt; Linux sets it, and so do payloads that want one. */
	bool level = pending(s) != UART_IIR_NO_INT && (s->mcr & UART_MCR_OUT2);

	if (level == s->line)
		return;
	s->line = level;
	s->config.wires.ops->line(s->config.wires.ctx, s->config.gsi, level);
}

static void flush(struct serial *s)
{
	if (s->output_len)
		s->config.output(s->config.opaque, s->output, s->output_len);
	s->output_len = 0;
}

static void transmit(struct serial *s, uint8_t byte)
{
	if (s->mcr & UART_MCR_LOOP) {
		if (s->input_head - s->input_tail < INPUT_SIZE)
			s->input[s->input_head++ % INPUT_SIZE] = byte;
	} else {
		s->output[s->output_len++] = byte;
		if (byte == '\n' || s->output_len == OUTPUT_SIZE)
			flush(s);
	}
	s->thre_pending = true;
}

static uint8_t receive(struct serial *s)
{
	return has_input(s) ? s->input[s->input_tail++ % INPUT_SIZE] : 0;
}

static uint8_t modem_status(const struct serial *s)
{
	uint8_t msr = 0;

	if (!(s->mcr & UART_MCR_LOOP))
		return MSR_PLUGGED;
	if (s->mcr & UART_MCR_RTS)
		msr |= UART_MSR_CTS;
	if (s->mcr & UART_MCR_DTR)
		msr |= UART_MSR_DSR;
	if (s->mcr & UART_MCR_OUT1)
		msr |= UART_MSR_RI;
	if (s->mcr & UART_MCR_OUT2)
		msr |= UART_MSR_DCD;
	return msr;
}

static uint8_t read_register(struct serial *s, uint64_t offset)
{
	bool divisor = s->lcr & UART_LCR_DLAB, again = s->asked;
	uint8_t iir;

	s->asked = offset == UART_LSR;
	s->polled |= again && s->asked;
	switch (offset) {
	case UART_RX: return divisor ? s->dll : receive(s);
	case UART_IER: return divisor ? s->dlm : s->ier;
	case UART_IIR:
		iir = pending(s);
		if (iir == UART_IIR_THRI)
			s->thre_pending = false; /* reading it is the acknowledgement */
		return iir | (s->fcr & UART_FCR_ENABLE_FIFO ? FIFO_MARK : 0);
	case UART_LCR: return s->lcr;
	case UART_MCR: return s->mcr;
	case UART_LSR: return UART_LSR_TEMT | UART_LSR_THRE | (has_input(s) ? UART_LSR_DR : 0);
	case UART_MSR: return modem_status(s);
	default: return s->scr;
	}
}

static void write_register(struct serial *s, uint64_t offset, uint8_t value)
{
	bool divisor = s->lcr & UART_LCR_DLAB;

	s->asked = false;
	switch (offset) {
	case UART_TX:
		if (divisor)
			s->dll = value;
		else
			transmit(s, value);
		break;
	case UART_IER:
		if (divisor) {
			s->dlm = value;
			break;
		}
		/* The transmitter is empty all the time: switching its interrupt on raises it. */
		if (value & ~s->ier & UART_IER_THRI)
			s->thre_pending = true;
		s->ier = value & 0x0f;
		flush(s);
		break;
	case UART_FCR:
		s->fcr = value & UART_FCR_ENABLE_FIFO;
		if (value & UART_FCR_CLEAR_RCVR)
			s->input_tail = s->input_head;
		break;
	case UART_LCR: s->lcr = value; break;
	case UART_MCR: s->mcr = value & 0x1f; break;
	case UART_SCR: s->scr = value; break;
	default: break; /* LSR and MSR are read-only */
	}
}

static uint64_t serial_read(void *opaque, uint64_t offset, unsigned size)
{
	struct serial *s = opaque;
	uint64_t value;

	if (size != 1)
		return UINT64_MAX;
	pthread_mutex_lock(&s->lock);
	value = read_register(s, offset);
	update_line(s);
	pthread_mutex_unlock(&s->lock);
	return value;
}

static void serial_write(void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
	struct serial *s = opaque;

	if (size != 1)
		return;
	pthread_mutex_lock(&s->lock);
	write_register(s, offset, (uint8_t)value);
	update_line(s);
	pthread_mutex_unlock(&s->lock);
}

static const struct bus_ops serial_ops = {.read = serial_read, .write = serial_write};

struct serial *serial_new(const struct serial_config *config)
{
	struct serial *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->config = *config;
	pthread_mutex_init(&s->lock, NULL);
	s->range = (struct bus_range){
	    .name = "serial",
	    .space = BUS_PIO,
	    .base = config->port,
	    .size = SERIAL_PORTS,
	    .ops = &serial_ops,
	    .opaque = s,
	};
	serial_reset(s);
	if (bus_add(config->bus, &s->range)) {
		pthread_mutex_destroy(&s->lock);
		free(s);
		return NULL;
	}
	return s;
}

void serial_free(struct serial *s)
{
	if (!s)
		return;
	bus_remove(s->config.bus, &s->range);
	flush(s);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

void serial_reset(struct serial *s)
{
	pthread_mutex_lock(&s->lock);
	flush(s);
	s->ier = s->fcr = s->scr = s->dlm = 0;
	s->lcr = UART_LCR_WLEN8;
	s->mcr = 0;
	s->dll = 12; /* 9600 baud, as firmware leaves it */
	s->thre_pending = false;
	s->line = s->polled = s->asked = false;
	s->input_head = s->input_tail = 0;
	pthread_mutex_unlock(&s->lock);
}

void serial_flush(struct serial *s)
{
	pthread_mutex_lock(&s->lock);
	flush(s);
	pthread_mutex_unlock(&s->lock);
}

size_t serial_input(struct serial *s, const uint8_t *data, size_t len)
{
	size_t taken = 0;

	pthread_mutex_lock(&s->lock);
	while (taken < len && s->input_head - s->input_tail < INPUT_SIZE)
		s->input[s->input_head++ % INPUT_SIZE] = data[taken++];
	update_line(s);
	pthread_mutex_unlock(&s->lock);
	return taken;
}

size_t serial_input_room(struct serial *s)
{
	size_t room;

	pthread_mutex_lock(&s->lock);
	room = INPUT_SIZE - (s->input_head - s->input_tail);
	pthread_mutex_unlock(&s->lock);
	return room;
}

bool serial_listening(struct serial *s)
{
	bool listening;

	pthread_mutex_lock(&s->lock);
	listening = s->polled || (s->ier & UART_IER_RDI);
	pthread_mutex_unlock(&s->lock);
	return listening;
}
