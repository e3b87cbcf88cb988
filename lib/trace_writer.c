/* SPDX-License-Identifier: MIT */
#include "lib/trace_writer.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

#include "lib/trace_codec.h"
#include "lib/trace_meta.h"

/*
 * The columns have no long matches: a higher level makes them a tenth smaller at most, and takes a recorder a third
 * more time for an event.
 */
#define DEFAULT_LEVEL    (-1)
#define DEFAULT_FLUSH_NS 1000000000u

struct vbt_trace_writer {
	int fd;
	struct vbt_trace_writer_options options;
	struct vbt_trace_writer_stats stats;
	struct vbt_trace_info info;
	struct vbt_encoder *encoder;
	struct vbt_buffer meta; /* records that wait for their chunk */
	struct vbt_buffer out;
	uint64_t
	    buffered_since; /* CLOCK_MONOTONIC of the first tick with events waiting; 0: none */
	uint64_t chunk_number, event_number;
	bool finished;
	int error;
	char message[160];
};

static int fail(struct vbt_trace_writer *writer, int error, const char *what)
{
	if (!writer->error) {
		writer->error = error;
		snprintf(writer->message, sizeof(writer->message),
			 "%s: %s; the trace is readable up to here (%llu events)", what,
			 strerror(-error), (unsigned long long)writer->stats.events);
	}
	return writer->error;
}

/* All of it, whatever write() takes at once. */
static int write_all(struct vbt_trace_writer *writer, const uint8_t *data, size_t size)
{
	while (size) {
		ssize_t n = write(writer->fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail(writer, n ? -errno : -EIO, "cannot write the trace");
		data += n;
		size -= (size_t)n;
		writer->stats.bytes += (uint64_t)n;
	}
	return 0;
}

/* Write `out`, which begins with room for the header, as one chunk. */
static int write_chunk(struct vbt_trace_writer *writer, struct vbt_chunk_header *header)
{
	struct vbt_buffer *out = &writer->out;
	int error;

	header->number = writer->chunk_number;
	header->first = writer->event_number;
	header->stored = (uint32_t)(out->size - VBT_CHUNK_HEADER_SIZE);
	header->sum = XXH3_64bits(out->data + VBT_CHUNK_HEADER_SIZE, header->stored);
	vbt_chunk_header_encode(out->data, header);
	error = write_all(writer, out->data, out->size);
	if (error)
		return error;
	writer->chunk_number++;
	writer->event_number += header->count;
	writer->stats.chunks++;
	writer->stats.events = writer->event_number;
	return 0;
}

static int begin_chunk(struct vbt_trace_writer *writer)
{
	writer->out.size = 0;
	if (vbt_buffer_reserve(&writer->out, VBT_CHUNK_HEADER_SIZE))
		return fail(writer, -ENOMEM, "cannot write the trace");
	writer->out.size = VBT_CHUNK_HEADER_SIZE;
	return 0;
}

static int write_meta(struct vbt_trace_writer *writer)
{
	struct vbt_chunk_header header = {.type = VBT_CHUNK_META};

	if (!writer->meta.size)
		return 0;
	if (begin_chunk(writer))
		return writer->error;
	if (vbt_buffer_add(&writer->out, writer->meta.data, writer->meta.size))
		return fail(writer, -ENOMEM, "cannot write the trace");
	writer->meta.size = 0;
	return write_chunk(writer, &header);
}

int vbt_trace_writer_flush(struct vbt_trace_writer *writer)
{
	struct vbt_chunk_header header = {.type = VBT_CHUNK_EVENTS};

	if (writer->error || write_meta(writer))
		return writer->error;
	if (!vbt_encoder_count(writer->encoder))
		return 0;
	writer->buffered_since = 0;
	if (begin_chunk(writer))
		return writer->error;
	if (vbt_encoder_finish(writer->encoder, &writer->out, &header))
		return fail(writer, -ENOMEM, "cannot write the trace");
	return write_chunk(writer, &header);
}

struct vbt_trace_writer *vbt_trace_writer_new(int fd,
					      const struct vbt_trace_writer_options *options,
					      char *err, size_t err_size)
{
	uint8_t header[VBT_FILE_HEADER_SIZE] = {0};
	struct vbt_trace_writer *writer = calloc(1, sizeof(*writer));

	if (!writer)
		goto no_memory;
	writer->fd = fd;
	if (options)
		writer->options = *options;
	if (!writer->options.level)
		writer->options.level = DEFAULT_LEVEL;
	if (!writer->options.flush_ns)
		writer->options.flush_ns = DEFAULT_FLUSH_NS;
	writer->encoder = vbt_encoder_new(writer->options.level);
	if (!writer->encoder)
		goto no_memory;
	memcpy(header, VBT_FILE_MAGIC, 8);
	vbt_put16(header + 8, writer->options.data ? VBT_FILE_VERSION_DATA : VBT_FILE_VERSION);
	vbt_put16(header + 12, VBT_FILE_HEADER_SIZE);
	vbt_put32(header + 28, (uint32_t)XXH3_64bits(header, 28));
	if (write_all(writer, header, sizeof(header))) {
		snprintf(err, err_size, "cannot write the trace: %s", strerror(-writer->error));
		vbt_trace_writer_free(writer);
		return NULL;
	}
	return writer;

no_memory:
	snprintf(err, err_size, "cannot write the trace: %s", strerror(ENOMEM));
	vbt_trace_writer_free(writer);
	return NULL;
}

void vbt_trace_writer_free(struct vbt_trace_writer *writer)
{
	if (!writer)
		return;
	if (writer->encoder && !writer->finished)
		vbt_trace_writer_finish(writer);
	vbt_encoder_free(writer->encoder);
	vbt_trace_info_release(&writer->info);
	free(writer->meta.data);
	free(writer->out.data);
	free(writer);
}

/* Metadata hold for the events behind them: what is buffered goes out first. */
static int before_meta(struct vbt_trace_writer *writer)
{
	if (writer->error)
		return writer->error;
	if (vbt_encoder_count(writer->encoder))
		return vbt_trace_writer_flush(writer);
	return 0;
}

/* A metadata chunk has a limit too. */
static int after_meta(struct vbt_trace_writer *writer, int error)
{
	if (error)
		return error == -ENOMEM ? fail(writer, error, "cannot write the trace") : error;
	return writer->meta.size > 256 << 10 ? write_meta(writer) : 0;
}

int vbt_trace_writer_host(struct vbt_trace_writer *writer, const struct vbt_host *host)
{
	int error = before_meta(writer);

	if (error)
		return error;
	writer->info.host = *host;
	writer->info.changes++;
	return after_meta(writer, vbt_meta_host(&writer->meta, host));
}

int vbt_trace_writer_target(struct vbt_trace_writer *writer, uint32_t index,
			    const struct vbt_target *target)
{
	int error = before_meta(writer);

	if (!error)
		error = vbt_trace_info_set_target(&writer->info, index, target);
	if (!error)
		error = vbt_meta_target(&writer->meta, index, target);
	return after_meta(writer, error);
}

int vbt_trace_writer_source(struct vbt_trace_writer *writer, uint32_t index,
			    const struct vbt_source *source)
{
	int error = before_meta(writer);

	if (!error)
		error = vbt_trace_info_set_source(&writer->info, index, source);
	if (!error)
		error = vbt_meta_source(&writer->meta, index, source);
	return after_meta(writer, error);
}

int vbt_trace_writer_device(struct vbt_trace_writer *writer, const struct vbt_device *device)
{
	int error = before_meta(writer);

	if (!error)
		error = vbt_trace_info_set_device(&writer->info, device);
	if (!error)
		error = vbt_meta_device(&writer->meta, device);
	return after_meta(writer, error);
}

int vbt_trace_writer_option(struct vbt_trace_writer *writer, const char *name, const char *value)
{
	struct vbt_option option = {{0}, {0}};
	int error = before_meta(writer);

	snprintf(option.name, sizeof(option.name), "%s", name);
	snprintf(option.value, sizeof(option.value), "%s", value);
	if (!error)
		error = vbt_trace_info_set_option(&writer->info, option.name, option.value);
	if (!error)
		error = vbt_meta_option(&writer->meta, &option);
	return after_meta(writer, error);
}

int vbt_trace_writer_info(struct vbt_trace_writer *writer, const struct vbt_trace_info *info)
{
	int error = vbt_trace_writer_host(writer, &info->host);

	for (uint32_t i = 0; i < info->targets && !error; i++)
		error = vbt_trace_writer_target(writer, i, &info->target[i]);
	for (uint32_t i = 0; i < info->sources && !error; i++)
		error = vbt_trace_writer_source(writer, i, &info->source[i]);
	for (uint32_t i = 0; i < info->devices && !error; i++)
		error = vbt_trace_writer_device(writer, &info->device[i]);
	for (uint32_t i = 0; i < info->options && !error; i++)
		error =
		    vbt_trace_writer_option(writer, info->option[i].name, info->option[i].value);
	return error;
}

int vbt_trace_writer_events(struct vbt_trace_writer *writer, const struct vbt_event *events,
			    size_t count)
{
	int error = writer->error;

	for (size_t i = 0; i < count && !error; i++) {
		const struct vbt_event *event = &events[i];

		if (event->point >= VBT_POINT_COUNT ||
		    (event->point == VBT_AUX_data && !writer->options.data))
			return -EINVAL;
		if (event->point == VBT_POINT_LOST && event->source < writer->info.sources)
			writer->info.source[event->source].lost += event->arg;
		error = vbt_encoder_add(writer->encoder, event);
		if (error == -ENOSPC) {
			error = vbt_trace_writer_flush(writer);
			if (!error)
				error = vbt_encoder_add(writer->encoder, event);
		}
		if (error)
			fail(writer, error, "cannot write the trace");
	}
	return error;
}

int vbt_trace_writer_tick(struct vbt_trace_writer *writer, uint64_t now_ns)
{
	if (writer->error)
		return writer->error;
	if (!vbt_encoder_count(writer->encoder))
		return write_meta(writer);
	if (!writer->buffered_since)
		writer->buffered_since = now_ns;
	if (now_ns - writer->buffered_since < writer->options.flush_ns)
		return 0;
	return vbt_trace_writer_flush(writer);
}

int vbt_trace_writer_finish(struct vbt_trace_writer *writer)
{
	struct vbt_chunk_header header = {.type = VBT_CHUNK_END};
	uint8_t sums[16];
	int error = 0;

	if (writer->finished)
		return writer->error;
	writer->finished = true;
	vbt_trace_writer_flush(writer);
	/* The counts of loss as they are in the end. */
	for (uint32_t i = 0; i < writer->info.sources && !error; i++)
		if (writer->info.source[i].lost)
			error = vbt_meta_source(&writer->meta, i, &writer->info.source[i]);
	if (error)
		return fail(writer, error, "cannot write the trace");
	if (writer->error || write_meta(writer) || begin_chunk(writer))
		return writer->error;
	vbt_put64(sums, writer->event_number);
	vbt_put64(sums + 8, writer->chunk_number);
	if (vbt_buffer_add(&writer->out, sums, sizeof(sums)))
		return fail(writer, -ENOMEM, "cannot write the trace");
	return write_chunk(writer, &header);
}

const struct vbt_trace_writer_stats *vbt_trace_writer_stats(const struct vbt_trace_writer *writer)
{
	return &writer->stats;
}

const struct vbt_trace_info *vbt_trace_writer_get_info(const struct vbt_trace_writer *writer)
{
	return &writer->info;
}

const char *vbt_trace_writer_error(const struct vbt_trace_writer *writer)
{
	return writer->message;
}
