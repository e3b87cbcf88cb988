/* SPDX-License-Identifier: MIT */
#include "cli/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/flight.h"
#include "lib/record.h"
#include "lib/trace_reader.h"

struct input {
	const char *path;
	int fd;
	struct vbt_trace_reader *trace; /* one of these two */
	struct flight *flight;
};

const char *input_choose(const char *option, const struct arguments *arguments)
{
	const char *plain = arguments->count ? arguments->plain[0] : NULL;

	if (option && plain) {
		complain("two files to read, '%s' and '%s': give one", option, plain);
		return NULL;
	}
	return option ? option : plain ? plain : INPUT_DEFAULT;
}

/* A flight recorder begins with the magic of the shared memory that it is. */
static bool has_flight_magic(int fd)
{
	uint64_t magic = 0;

	return pread(fd, &magic, sizeof(magic), 0) == sizeof(magic) && magic == VBT_SHM_MAGIC;
}

static int open_file(const char *path)
{
	struct stat st;
	int fd = !strcmp(path, "-") ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && !strcmp(path, INPUT_DEFAULT))
		complain("there is no '%s' here: record one with 'vbtrace record', or name a file",
			 path);
	else if (fd < 0)
		complain("cannot open '%s': %s", path, strerror(errno));
	else if (!fstat(fd, &st) && S_ISDIR(st.st_mode)) {
		complain("cannot read '%s': it is a directory", path);
		close(fd);
		fd = -1;
	} else if (fd == STDIN_FILENO && isatty(fd)) {
		complain("standard input is a terminal: pipe a trace into it");
		fd = -1;
	}
	return fd;
}

/* At the file's beginning. 0, or -1 with a sentence in err. */
static int begin(struct input *input, char *err, size_t err_size)
{
	const char *path = input->fd == STDIN_FILENO ? "/dev/stdin" : input->path;
	char why[200] = "out of memory";

	if (has_flight_magic(input->fd)) {
		input->flight = flight_open(path, err, err_size);
		return input->flight ? 0 : -1;
	}
	input->trace = vbt_trace_reader_new(input->fd, why, sizeof(why));
	if (!input->trace)
		snprintf(err, err_size, "cannot read '%s': %s", input_name(input), why);
	return input->trace ? 0 : -1;
}

int input_rewind(struct input *input, char *err, size_t err_size)
{
	if (lseek(input->fd, 0, SEEK_SET) < 0) {
		snprintf(err, err_size, "cannot go back in '%s': %s", input_name(input),
			 strerror(errno));
		return -1;
	}
	vbt_trace_reader_free(input->trace);
	flight_close(input->flight);
	input->trace = NULL;
	input->flight = NULL;
	return begin(input, err, err_size);
}

struct input *input_open(const char *path)
{
	struct input *input = calloc(1, sizeof(*input));
	char err[256] = "out of memory";

	if (!input) {
		complain("out of memory");
		return NULL;
	}
	input->path = path;
	input->fd = open_file(path);
	if (input->fd < 0) {
		free(input);
		return NULL;
	}
	if (!begin(input, err, sizeof(err)))
		return input;
	complain("%s", err);
	input_close(input);
	return NULL;
}

void input_close(struct input *input)
{
	if (!input)
		return;
	vbt_trace_reader_free(input->trace);
	flight_close(input->flight);
	if (input->fd > STDIN_FILENO)
		close(input->fd);
	free(input);
}

const char *input_name(const struct input *input)
{
	return strcmp(input->path, "-") ? input->path : "standard input";
}

const struct vbt_trace_info *input_info(const struct input *input)
{
	return input->flight ? flight_info(input->flight) : vbt_trace_reader_info(input->trace);
}

bool input_is_flight(const struct input *input)
{
	return input->flight != NULL;
}

long input_next(struct input *input, const struct vbt_event **events)
{
	return input->flight ? flight_next(input->flight, events)
			     : vbt_trace_reader_next(input->trace, events);
}

int input_correlate(struct input *input, vbt_request_fn *request, void *context, const bool *stop,
		    struct vbt_correlator **correlator)
{
	const struct vbt_correlator_options options = {
	    .info = input_info(input), .request = request, .context = context};
	const struct vbt_event *events;
	int error = 0;
	long count;

	*correlator = vbt_correlator_new(&options);
	if (!*correlator)
		return complain("cannot read '%s': out of memory", input_name(input));
	while (!error && !(stop && *stop) && (count = input_next(input, &events)) != 0)
		error = count < 0 ? (int)count
				  : vbt_correlator_events(*correlator, events, (size_t)count);
	/* What was good until then is worth to be seen. */
	if (!(stop && *stop))
		vbt_correlator_finish(*correlator);
	if (error)
		return complain("cannot read '%s': %s", input_name(input), strerror(-error));
	return CLI_SUCCESS;
}

const char *input_damage(const struct input *input, char *buf, size_t size)
{
	buf[0] = '\0';
	if (input->trace)
		vbt_trace_reader_damage(input->trace, buf, size);
	return buf;
}
