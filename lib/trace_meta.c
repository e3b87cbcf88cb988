/* SPDX-License-Identifier: MIT */
#include "lib/trace_meta.h"

#include <errno.h>
#include <stdio.h>

#define RECORD_HEADER 8

/*
 * Each record is described once, by a function that visits its fields in order; writing, the
 * visitor appends them, reading it fills them in.
 */
struct visitor {
	struct vbt_buffer *out; /* writing; NULL: reading */
	const uint8_t *in, *end;
	int error;
};

static void number(struct visitor *v, void *field, size_t size)
{
	uint64_t value = 0;
	uint8_t bytes[8];

	/* The file has 8 bytes for each: room to grow, and no padding to get wrong. */
	if (v->out) {
		memcpy(&value, field, size);
		vbt_put64(bytes, value);
		v->error |= vbt_buffer_add(v->out, bytes, sizeof(bytes));
	} else if (v->end - v->in >= 8) {
		value = vbt_get64(v->in);
		memcpy(field, &value, size);
		v->in += 8;
	} else {
		v->in = v->end; /* an older writer's record: the rest stays 0 */
	}
}

static void text(struct visitor *v, char *field, size_t size)
{
	uint8_t bytes[2];
	size_t length;

	if (v->out) {
		length = strnlen(field, size);
		vbt_put16(bytes, (uint16_t)length);
		v->error |= vbt_buffer_add(v->out, bytes, sizeof(bytes));
		v->error |= vbt_buffer_add(v->out, field, length);
		return;
	}
	if (v->end - v->in < 2) {
		v->in = v->end;
		return;
	}
	length = vbt_get16(v->in);
	v->in += 2;
	if (length > (size_t)(v->end - v->in)) {
		v->error |= -EBADMSG;
		return;
	}
	memcpy(field, v->in, length < size ? length : size - 1);
	v->in += length;
}

#define NUMBER(field) number(v, &(field), sizeof(field))
#define TEXT(field)   text(v, (field), sizeof(field))

static void visit_host(struct visitor *v, struct vbt_host *host)
{
	TEXT(host->kernel);
	TEXT(host->machine);
	TEXT(host->clocksource);
	TEXT(host->program);
	NUMBER(host->start_realtime_ns);
	NUMBER(host->start_monotonic_ns);
	NUMBER(host->cpus);
}

static void visit_target(struct visitor *v, uint32_t *index, struct vbt_target *target)
{
	NUMBER(*index);
	NUMBER(target->pid);
	NUMBER(target->clock);
	NUMBER(target->start_time_ns);
	NUMBER(target->clock_error_ns);
	NUMBER(target->points);
	NUMBER(target->from_start);
	TEXT(target->comm);
	TEXT(target->cmdline);
	for (unsigned i = 0; i < VBT_MARK_COUNT; i++)
		TEXT(target->hidden[i]);
}

static void visit_source(struct visitor *v, uint32_t *index, struct vbt_source *source)
{
	NUMBER(*index);
	NUMBER(source->kind);
	NUMBER(source->target);
	NUMBER(source->tid);
	NUMBER(source->lost);
	TEXT(source->name);
}

static void visit_device(struct visitor *v, struct vbt_device *device)
{
	struct vbt_shm_device *shm = &device->shm;

	NUMBER(device->target);
	NUMBER(device->index);
	NUMBER(device->generation);
	NUMBER(shm->present);
	TEXT(shm->name);
	TEXT(shm->backend);
	TEXT(shm->method);
	NUMBER(shm->host_major);
	NUMBER(shm->host_minor);
	NUMBER(shm->host_inode);
	NUMBER(shm->capacity);
	NUMBER(shm->flags);
	NUMBER(shm->pio_notify);
	NUMBER(shm->mmio_notify);
	NUMBER(shm->mmio_stride);
	NUMBER(shm->gsi);
	NUMBER(shm->queues);
	if (shm->queues > VBT_SHM_MAX_QUEUES)
		shm->queues = VBT_SHM_MAX_QUEUES;
	for (uint32_t i = 0; i < shm->queues; i++) {
		NUMBER(shm->msi_address[i]);
		NUMBER(shm->msi_data[i]);
		NUMBER(shm->queue_size[i]);
	}
}

static void visit_option(struct visitor *v, struct vbt_option *option)
{
	TEXT(option->name);
	TEXT(option->value);
}

/* Begin a record; returns where its header is. The length is filled in at its end. */
static size_t begin(struct visitor *v, struct vbt_buffer *out, unsigned type)
{
	uint8_t header[RECORD_HEADER] = {0};
	size_t at = out->size;

	vbt_put16(header, (uint16_t)type);
	*v = (struct visitor){.out = out};
	v->error = vbt_buffer_add(out, header, sizeof(header));
	return at;
}

static int end(struct visitor *v, size_t at)
{
	if (v->error) {
		v->out->size = at;
		return -ENOMEM;
	}
	vbt_put32(v->out->data + at + 4, (uint32_t)(v->out->size - at - RECORD_HEADER));
	return 0;
}

int vbt_meta_host(struct vbt_buffer *out, const struct vbt_host *host)
{
	struct vbt_host copy = *host;
	struct visitor v;
	size_t at = begin(&v, out, VBT_META_HOST);

	visit_host(&v, &copy);
	return end(&v, at);
}

int vbt_meta_target(struct vbt_buffer *out, uint32_t index, const struct vbt_target *target)
{
	struct vbt_target copy = *target;
	struct visitor v;
	size_t at = begin(&v, out, VBT_META_TARGET);

	visit_target(&v, &index, &copy);
	return end(&v, at);
}

int vbt_meta_source(struct vbt_buffer *out, uint32_t index, const struct vbt_source *source)
{
	struct vbt_source copy = *source;
	struct visitor v;
	size_t at = begin(&v, out, VBT_META_SOURCE);

	visit_source(&v, &index, &copy);
	return end(&v, at);
}

int vbt_meta_device(struct vbt_buffer *out, const struct vbt_device *device)
{
	struct vbt_device copy = *device;
	struct visitor v;
	size_t at = begin(&v, out, VBT_META_DEVICE);

	visit_device(&v, &copy);
	return end(&v, at);
}

int vbt_meta_option(struct vbt_buffer *out, const struct vbt_option *option)
{
	struct vbt_option copy = *option;
	struct visitor v;
	size_t at = begin(&v, out, VBT_META_OPTION);

	visit_option(&v, &copy);
	return end(&v, at);
}

/* Entries that a hole in the file swallowed: their place is taken by empty ones. */
static int fill_gap(struct vbt_trace_info *info, unsigned type, uint32_t index)
{
	const struct vbt_target target = {.points = UINT32_MAX};
	const struct vbt_source source = {.kind = VBT_SOURCE_RING};
	int error = 0;

	while (!error && type == VBT_META_TARGET && info->targets < index)
		error = vbt_trace_info_set_target(info, info->targets, &target);
	while (!error && type == VBT_META_SOURCE && info->sources < index)
		error = vbt_trace_info_set_source(info, info->sources, &source);
	return error;
}

static int decode_record(unsigned type, struct visitor *v, struct vbt_trace_info *info)
{
	union {
		struct vbt_host host;
		struct vbt_target target;
		struct vbt_source source;
		struct vbt_device device;
		struct vbt_option option;
	} u;
	uint32_t index = 0;

	memset(&u, 0, sizeof(u));
	switch (type) {
	case VBT_META_HOST:
		visit_host(v, &u.host);
		if (!v->error) {
			info->host = u.host;
			info->changes++;
		}
		return v->error;
	case VBT_META_TARGET:
		/* A bool takes a whole byte of what the file says: make it one. */
		visit_target(v, &index, &u.target);
		u.target.from_start = *(const uint8_t *)&u.target.from_start != 0;
		if (!v->error)
			v->error = fill_gap(info, type, index);
		return v->error ? v->error : vbt_trace_info_set_target(info, index, &u.target);
	case VBT_META_SOURCE:
		visit_source(v, &index, &u.source);
		if (!v->error)
			v->error = fill_gap(info, type, index);
		return v->error ? v->error : vbt_trace_info_set_source(info, index, &u.source);
	case VBT_META_DEVICE:
		visit_device(v, &u.device);
		return v->error ? v->error : vbt_trace_info_set_device(info, &u.device);
	case VBT_META_OPTION:
		visit_option(v, &u.option);
		return v->error ? v->error
				: vbt_trace_info_set_option(info, u.option.name, u.option.value);
	default: return 0;
	}
}

int vbt_meta_decode(const uint8_t *in, size_t size, struct vbt_trace_info *info)
{
	const uint8_t *limit = in + size;
	int error, bad = 0;

	while (limit - in >= RECORD_HEADER) {
		uint32_t length = vbt_get32(in + 4);
		struct visitor v = {.in = in + RECORD_HEADER};

		if (length > (size_t)(limit - in) - RECORD_HEADER)
			return -EBADMSG;
		v.end = v.in + length;
		error = decode_record(vbt_get16(in), &v, info);
		if (error == -ENOMEM)
			return error;
		/* After a hole an entry may come without its predecessors: the others still count. */
		if (error)
			bad = -EBADMSG;
		in += RECORD_HEADER + length;
	}
	return in == limit ? bad : -EBADMSG;
}
