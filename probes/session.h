/* SPDX-License-Identifier: MIT */
/*
 * A live session: attached to one or more VMMs, it turns their stage points and the kernel's
 * tracepoints into events (lib/event.h).
 *
 *	session = session_new(&options, err, sizeof(err));
 *	session_add(session, pid, err, sizeof(err));
 *	while (session_alive(session))
 *		session_poll(session, sink, context);   again after session_pause(session)
 *	session_detach(session);
 *	session_poll(session, sink, context);           what was still on its way
 *	session_free(session);
 *
 * Events of one source come in order, those of different sources do not: session_watermark says
 * up to which time everything has been delivered (feed it to vbt_reorder_drain). Losses are
 * events too (vbt_event_lost), and are summed up in the session's info.
 *
 * A session belongs to one thread.
 */
#ifndef VBT_SESSION_H
#define VBT_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/reorder.h" /* vbt_event_fn */
#include "lib/trace_info.h"

#define SESSION_WATCH_NS 1000000  /* a VMM whose doorbell moves waits so long */
#define SESSION_POLL_NS  5000000  /* a busy ring of the default size holds twenty times this */
#define SESSION_IDLE_NS  50000000 /* and this still at five million records a second */

enum session_road {
	SESSION_AUTO, /* the ring where the VMM offers it, else USDT */
	SESSION_RING,
	SESSION_USDT
};

struct session_options {
	enum session_road road;
	size_t buffer;  /* bytes of the kernel's ring buffer; 0: 8 MiB */
	bool history;   /* also deliver what the rings hold from before */
	bool snapshots; /* also of the rings (lib/ring_item.h): by the ring road only */
	bool
	    unknown; /* targets come that nobody can look at before they run: attach all probes at once */
	unsigned data;  /* bytes of each request's data; 0: none. By the ring road only */
	bool no_kernel; /* stage points only: one's own processes then need no privileges */
};

struct session;

/*
 * Load the kernel's programs. Without the privileges for that, the ring road goes on without
 * kernel marks, which then say why (session_kernel_problem); the USDT road fails: NULL, with a
 * sentence in err.
 */
struct session *session_new(const struct session_options *options, char *err, size_t err_size);
void session_free(struct session *session);

/*
 * Trace a process. Its index, or -errno with a sentence in err: -ESRCH no such process, -EACCES,
 * -ENOENT it is no VMM that offers stage points, -EPROTO one of another version, -ENOSPC too many
 * (VBT_MAX_TARGETS), -ETIMEDOUT it does not answer. After -ENOENT a VMM that is just starting may
 * be tried again.
 */
int session_add(struct session *session, pid_t pid, char *err, size_t err_size);

/*
 * Read a flight recorder's file: its history, and what its VMM adds if it still runs. Kernel
 * marks are absent. Index or -errno as above.
 */
int session_add_file(struct session *session, const char *path, char *err, size_t err_size);

/*
 * Deliver what is new; each call of the sink has events of one source. The number of events, or
 * what the sink returned if that was negative. Never waits.
 */
long session_poll(struct session *session, vbt_event_fn *sink, void *context);

/*
 * How long (ns) the next poll can wait without a loss, by how full the buffers were at the last one, and how much
 * came: between SESSION_POLL_NS and SESSION_IDLE_NS. SESSION_WATCH_NS for a second after a device has changed, and at
 * the start: then it is being set up, and where its doorbell moves the VMM waits until the kernel's side knows it.
 */
uint64_t session_pause(const struct session *session);

/* All events up to this time (ns, CLOCK_MONOTONIC) have been delivered. Grows only. */
uint64_t session_watermark(const struct session *session);

/* The host, the targets, devices, sources and their losses, what cannot be seen and why. */
const struct vbt_trace_info *session_info(const struct session *session);

/* A target runs that could still fire: any of them, or the one of an index. Ends are noticed by
 * session_poll. */
bool session_alive(const struct session *session);
bool session_target_alive(const struct session *session, unsigned index);

/* Why there are no kernel marks at all; NULL if there are. */
const char *session_kernel_problem(const struct session *session);

/* Kernel probes that are missing, by name and reason: the n-th from 0, NULL behind the last. */
const char *session_missing_probe(const struct session *session, unsigned n);

/*
 * Take all probes away and switch the rings off. Poll once more for what was under way. The
 * watermark is then UINT64_MAX.
 */
void session_detach(struct session *session);

/*
 * Detach, and call `round`, which polls, until all that was under way has come; 1 s at most. 0, or what
 * the round returned.
 */
int session_finish(struct session *session, int (*round)(void *context), void *context);

#endif
