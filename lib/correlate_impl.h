/* SPDX-License-Identifier: MIT */
/*
 * Inside the correlator. correlate.c takes the events apart; correlate_queue.c keeps queues and the
 * requests in flight and sends finished ones out; correlate_kick.c, correlate_io.c,
 * correlate_push.c, correlate_window.c, correlate_irq.c and correlate_line.c (INTx) link what comes
 * before, below and behind the VMM.
 * docs/LINKING.md has the rules.
 */
#ifndef VBT_CORRELATE_IMPL_H
#define VBT_CORRELATE_IMPL_H

#include <stdbool.h>

#include "lib/correlate.h"
#include "lib/pause.h"
#include "lib/table.h"

#define BIT(n)       (1u << (n))
#define NONE         UINT32_MAX
#define KICK_HISTORY 512 /* kicks of a queue that can still be linked; a power of two */
#define WAKE_HISTORY 8
#define EARLY_BIOS   32
#define RECENT       16
#define WINDOWS      8 /* of a task that the clocks may confuse */
#define EARLY_IRQS   4
#define IRQ_MARKS    (BIT(VBT_MARK_msi) | BIT(VBT_MARK_inject) | BIT(VBT_MARK_eoi))
#define IO_POINTS    3
#define IO_MARKS     (BIT(VBT_MARK_queue) | BIT(VBT_MARK_issue) | BIT(VBT_MARK_complete))

enum flight_state { FLIGHT_FREE, FLIGHT_LIVE, FLIGHT_GONE };

enum flight_flag {
	FLIGHT_SUSPECT = 1, /* its VMM source lost events during its life */
	FLIGHT_UNBOUND = 2, /* host I/O is not linked any more: the key may be another's */
	FLIGHT_BEFORE = 16, /* was in flight when the recording began */
	FLIGHT_KICK_DONE = 32,
	FLIGHT_PENDING = 64, /* pushed, waits in the queue's list for the decision to interrupt */
	FLIGHT_HELD = 128,   /* the interrupt is held back: may still come */
};

/* A request in flight. */
struct flight {
	struct vbt_request r; /* its marks are not cleared: they count where they are present */
	uint64_t io_latest;   /* of its last block event; what is cleared begins here */
	uint64_t not_before;  /* from then on a block event of its key is not the last user's */
	uint32_t next;       /* next one (seq) of the pushed ones, or of the interrupt's; 0: none */
	uint32_t leader;     /* the one (seq) that it was merged into; 0: none */
	uint32_t io_sectors; /* sum over its bios when they were queued, */
	uint32_t issued_sectors, done_sectors; /* issued, and completed */
	uint16_t bios, issues, completions;
	uint16_t
	    io_doubt; /* the kernel lost events of these marks during its life; submit: whose a bio was */
	uint8_t state;
	uint8_t flags;
	bool refused; /* parse refused it */
	/* Its block events are by a guess, or the clocks do not tell them from those of the key's last or next use. */
	bool blurred;
	bool window; /* its bios go by what its task submitted last */
};

struct kick {
	uint64_t number; /* counted over the queue's doorbells, from 1; 0: unused */
	uint64_t time;
	uint32_t tid;
};

struct wake {
	uint64_t time, count, kick_time;
	uint32_t kicks, kick_tid;
	uint8_t reason;
	bool valid, kick_known; /* by the task that did both */
};

struct queue {
	struct vbt_queue_stats stats;
	uint32_t index;

	/* Requests in flight: slots by seq; the few that are overtaken by `slots` newer ones apart. */
	struct flight *slot;
	uint32_t mask;
	struct flight *straggler;
	uint32_t stragglers, straggler_room;
	uint32_t live;
	uint32_t newest, first_pop; /* seq; 0: none yet */
	uint64_t created;           /* with seq from first_pop on */

	uint16_t source; /* of the last VMM event; MULTI if several serve the queue */
	bool several_sources;
	uint64_t doubt_until; /* the VMM's events are incomplete up to then */
	uint64_t submitted;   /* when the last one was */

	/* kicks */
	struct kick *kick;          /* history by number, made at the first kick */
	uint64_t kick_number;       /* of the last kick */
	uint64_t doorbell_base;     /* number of a kick = base + the doorbell's own count */
	uint32_t doorbell;          /* the one in use, NONE before the first */
	uint64_t kicks_known_since; /* none was missed since then, if kicks_known */
	bool kicks_known;
	struct wake wake[WAKE_HISTORY];
	uint32_t wakes;
	int64_t offset; /* VMM's count minus our number */
	uint32_t offset_seen;
	bool offset_known, offset_fixed;
	struct wake offset_wake; /* the wake that is still to be judged */

	uint32_t last_submit; /* seq */

	/* Pushed requests that no signal has covered yet, in the order of their push numbers. */
	uint32_t push_head, push_tail;
	uint64_t irq_seq; /* of the last interrupt sent */

	/* What can be seen, from the trace's metadata. */
	uint16_t expect; /* bit per mark */
	uint8_t why_not[VBT_MARK_COUNT];
	uint32_t gsi;
	bool intx, irqfd, direct, address_known;
	bool from_start; /* recorded from before its first request */
};

enum irq_where { IRQ_NOWHERE, IRQ_ACCEPTED, IRQ_IN_SERVICE, IRQ_ASSERTED };

/* One interrupt on its way: from the VMM's decision to the guest's EOI. */
struct irq {
	uint64_t time[VBT_MARK_COUNT]; /* of signal, msi, inject, eoi; not cleared: see `have` */
	uint64_t accepted_at;          /* what is cleared begins here */
	uint64_t sent_at;              /* signal_done, if `sent` */
	uint64_t seq;
	uint32_t queue;
	uint32_t head, count;  /* requests that it tells of */
	uint32_t older, newer; /* list of all that are under way */
	uint32_t next;         /* in a vector's or line's list */
	uint32_t vector, line; /* index of the vector entry, of the line */
	uint32_t generation;
	uint16_t have, inferred; /* bit per mark */
	uint16_t coalesced;      /* marks of an assertion that was under way before the signal */
	uint8_t where;
	bool used, intx, doubt, accepted, sent;
	bool blurred; /* the clocks do not tell its window from another one */
};

/* A reference that knows when the interrupt is gone. */
struct irq_ref {
	uint32_t index, generation;
};

/* One vector of one vCPU: what was accepted and not injected, injected and not ended. */
struct vector {
	uint64_t key;
	uint32_t accepted, in_service; /* lists of interrupts, oldest first */
	uint64_t injected, ended;      /* times of the last injection and the last EOI */
	uint64_t injected_before;      /* and of the injection before that */
	uint32_t service_tid;
	uint8_t target, vector;
	uint32_t apic;
};

/* An INTx line. */
struct line {
	uint32_t gsi;
	uint32_t asserted;        /* interrupts that raised it, not accepted yet */
	uint32_t vector;          /* index of the entry it was last accepted as; NONE */
	uint64_t raised, lowered; /* when it last went up and down */
	bool high;
	uint8_t target;
};

/* While a task sends an interrupt: from `signal` to `signal_done`. */
struct window {
	struct irq_ref irq;
	uint64_t closed; /* UINT64_MAX while it is open */
};

/* What the kernel did for an interrupt before its signal came; 0: not yet. */
struct early_irq {
	uint64_t msi, accept, inject;
	uint32_t apic;
	uint8_t vector;
};

struct thread {
	uint32_t tid;
	uint8_t target;
	bool apic_known;
	uint32_t apic;
	int32_t vcpu;
	uint32_t vcpu_changes; /* info->changes when vcpu was looked up */
	struct window window[WINDOWS];
	uint32_t windows;    /* ever opened */
	uint64_t over_until; /* no window that is not among the last WINDOWS reaches farther */
	/* Interrupts that entered KVM before their signal, as the clocks have it; oldest first. */
	struct early_irq early[EARLY_IRQS];
	uint32_t earlies;
	/* That of the task's last MSI: what the APIC does next in this task. */
	struct irq_ref told;
	bool told_early; /* it is the last one in `early` */
	uint32_t line;   /* this task raised it last, outside of any window; NONE */
	/* The task's last kick. */
	uint32_t kick_queue;
	uint64_t kick_number, kick_time;
	/* The last injection, as long as it is not known which APIC the task runs. */
	uint8_t lone_vector;
	uint64_t lone_inject;
};

struct doorbell {
	uint64_t address;
	uint32_t queue; /* index; NONE if the address was not known */
	uint32_t count; /* running count of the last kick */
	uint32_t changes;
	uint16_t value;
	uint8_t target;
	uint8_t kind;
};

struct target_state {
	uint32_t injects, ends; /* seen for our own interrupts */
	bool inject_seen, end_seen;
};

struct vbt_correlator {
	struct vbt_correlator_options options;
	struct vbt_correlator_stats stats;
	uint64_t next_id;
	uint64_t now; /* latest time */
	struct vbt_pauses pauses;
	uint64_t next_sweep;
	uint32_t changes; /* info->changes that queues and slacks were set up by */
	uint64_t slack[VBT_MAX_TARGETS];
	bool no_memory;

	struct queue **queue;
	uint32_t queues;
	struct queue *recent_queue[RECENT]; /* by a hash; checked by whoever looks */
	struct vbt_table queue_table;

	struct thread *thread;
	uint32_t threads, thread_room;
	uint32_t recent_thread[RECENT]; /* by tid; index, checked likewise */
	struct vbt_table thread_table;

	struct vector *vector;
	uint32_t vectors, vector_room;
	struct vbt_table vector_table;

	struct line *line;
	uint32_t lines, line_room;

	struct doorbell *doorbell;
	uint32_t doorbells, doorbell_room;
	struct vbt_table doorbell_table;

	struct vbt_table io_table; /* I/O key to queue index and seq */
	/* Block events that the clocks put before the submit that they belong to. */
	struct vbt_event early_bio[EARLY_BIOS];
	uint32_t early_bios;
	uint64_t early_latest; /* time of the latest one */
	uint64_t early_gone;   /* of the latest one that found no room any more */

	struct irq *irq;
	uint32_t irqs, irq_room, irq_free;
	uint32_t irq_oldest, irq_newest;

	uint64_t irq_doubt_until, kick_doubt_until;
	uint64_t io_doubt_until[IO_POINTS]; /* from `queue` on */
	uint64_t submit_doubt_until;        /* by the VMM's clock, at worst */
	struct target_state target[VBT_MAX_TARGETS];
	uint64_t *lost; /* by source; the last one is VBT_SOURCE_ALL */
};

#define LOST_SLOTS (VBT_MAX_SOURCES + 1)

/* By how much a VMM's time and a kernel time of the same moment can differ. */
static inline uint64_t vbt_slack(const struct vbt_correlator *c, unsigned target)
{
	return target < VBT_MAX_TARGETS ? c->slack[target] : 0;
}

/* correlate.c */
struct thread *vbt_thread(struct vbt_correlator *c, const struct vbt_event *event);
struct thread *vbt_thread_search(struct vbt_correlator *c, uint32_t tid);

static inline struct thread *vbt_thread_find(struct vbt_correlator *c, uint32_t tid)
{
	uint32_t recent = c->recent_thread[tid % RECENT];

	if (recent < c->threads && c->thread[recent].tid == tid)
		return &c->thread[recent];
	return vbt_thread_search(c, tid);
}

bool vbt_grow(void **array, uint32_t count, uint32_t *room, size_t size);

/* correlate_queue.c */
struct queue *vbt_queue_search(struct vbt_correlator *c, unsigned target, unsigned device,
			       unsigned queue);

static inline unsigned vbt_queue_slot(unsigned target, unsigned device, unsigned queue)
{
	return (queue + 5 * device + 3 * target) % RECENT;
}

/* The queue, made if it is new. NULL if there are too many. */
static inline struct queue *vbt_queue(struct vbt_correlator *c, unsigned target, unsigned device,
				      unsigned queue)
{
	struct queue *q = c->recent_queue[vbt_queue_slot(target, device, queue)];

	if (q && q->stats.queue == queue && q->stats.device == device && q->stats.target == target)
		return q;
	return vbt_queue_search(c, target, device, queue);
}

void vbt_queue_setup(struct vbt_correlator *c, struct queue *q);
struct flight *vbt_flight_search(struct queue *q, uint32_t seq);

/* The request in flight of that number; NULL if there is none. */
static inline struct flight *vbt_flight_find(struct queue *q, uint32_t seq)
{
	struct flight *f = &q->slot[seq & q->mask];

	if (f->r.seq == seq)
		return f->state == FLIGHT_LIVE ? f : NULL;
	return q->stragglers ? vbt_flight_search(q, seq) : NULL;
}

/* Of an event whose request is not in flight. NULL: it went out already. */
struct flight *vbt_flight_make(struct vbt_correlator *c, struct queue *q,
			       const struct vbt_event *event);

/* The request that an event names, made if this is its first event. NULL: it went out already. */
static inline struct flight *vbt_flight_get(struct vbt_correlator *c, struct queue *q,
					    const struct vbt_event *event)
{
	struct flight *f = vbt_flight_find(q, event->seq);

	return f ? f : vbt_flight_make(c, q, event);
}

/* Set a mark's time as exact. */
static inline void vbt_flight_mark(struct flight *f, unsigned mark, uint64_t time)
{
	f->r.mark[mark] = time;
	f->r.present |= (uint16_t)BIT(mark);
}

/* Time of its last mark. */
uint64_t vbt_flight_latest(const struct flight *f);
/* Send it out; `rest` is the reason of what is missing without a better one. */
void vbt_flight_emit(struct vbt_correlator *c, struct queue *q, struct flight *f, unsigned rest);
void vbt_queue_restart(struct vbt_correlator *c, struct queue *q, unsigned rest);
/* All live flights of a queue; the callback may emit the flight it is given. */
typedef void flight_fn(struct vbt_correlator *c, struct queue *q, struct flight *f, void *context);
void vbt_queue_each(struct vbt_correlator *c, struct queue *q, flight_fn *fn, void *context);
void vbt_queue_free(struct queue *q);

/* correlate_kick.c */
void vbt_on_kick(struct vbt_correlator *c, const struct vbt_event *event);
void vbt_on_wake(struct vbt_correlator *c, struct queue *q, const struct vbt_event *event);
void vbt_on_pop(struct vbt_correlator *c, struct queue *q, const struct vbt_event *event);
/* Find the kick of a flight, which is not FLIGHT_KICK_DONE, once its wake is known; at the latest when it is
 * sent out. */
void vbt_kick_resolve(struct vbt_correlator *c, struct queue *q, struct flight *f, bool final);
void vbt_kick_forget(struct queue *q);

/* correlate_io.c */
void vbt_on_submit(struct vbt_correlator *c, struct queue *q, const struct vbt_event *event);
void vbt_on_reap(struct vbt_correlator *c, struct queue *q, const struct vbt_event *event);
void vbt_on_queue(struct vbt_correlator *c, const struct vbt_event *event);
void vbt_on_issue(struct vbt_correlator *c, const struct vbt_event *event);
void vbt_on_complete(struct vbt_correlator *c, const struct vbt_event *event);
void vbt_io_finish(const struct vbt_correlator *c, struct queue *q, struct flight *f,
		   unsigned rest);

/* correlate_push.c */
void vbt_on_push(struct vbt_correlator *c, struct queue *q, const struct vbt_event *event);
void vbt_on_signal(struct vbt_correlator *c, struct queue *q, const struct vbt_event *event);
/* The pushed requests that wait for a decision will not get one that can be trusted. */
void vbt_push_give_up(struct vbt_correlator *c, struct queue *q, unsigned rest);
void vbt_push_expire(struct vbt_correlator *c, struct queue *q, uint64_t until);

/* correlate_window.c */
void vbt_window_open(struct vbt_correlator *c, struct thread *thread, struct irq *irq,
		     const struct vbt_event *event);
void vbt_on_signal_done(struct vbt_correlator *c, const struct vbt_event *event);
/* The task's VMM events are incomplete: its windows are not to be trusted. */
void vbt_thread_close(struct vbt_correlator *c, uint32_t tid);
/* The kernel's events of interrupts are incomplete. */
void vbt_window_forget(struct thread *thread);
/* The interrupt whose MSI this is; NULL: none, or its signal is still to come. */
struct irq *vbt_window_msi(struct vbt_correlator *c, struct thread *thread, uint64_t time);
/* The interrupt that raises its line now; NULL: none. */
struct irq *vbt_window_line(struct vbt_correlator *c, struct thread *thread, uint64_t time);
/* The interrupt that this task is telling an APIC of; NULL: none, or its signal is still to come. */
struct irq *vbt_window_told(struct vbt_correlator *c, struct thread *thread, uint64_t time);
/* That signal, if it is still to come: what is known so far. NULL: it is not. */
struct early_irq *vbt_window_early(struct thread *thread);
/* The task may still open a window that its MSI could as well be of. */
bool vbt_window_undecided(const struct vbt_correlator *c, const struct irq *irq);

/* correlate_irq.c */
void vbt_on_msi(struct vbt_correlator *c, const struct vbt_event *event);
void vbt_on_accept(struct vbt_correlator *c, const struct vbt_event *event);
void vbt_on_inject(struct vbt_correlator *c, const struct vbt_event *event);
void vbt_on_eoi(struct vbt_correlator *c, const struct vbt_event *event);
/* End what waits since before `until`; UINT64_MAX: all. `rest` is the reason of what is missing. */
void vbt_irq_expire(struct vbt_correlator *c, uint64_t until, unsigned rest);
struct irq *vbt_irq_new(struct vbt_correlator *c);
/* NULL: gone. */
static inline struct irq *vbt_irq_get(struct vbt_correlator *c, struct irq_ref ref)
{
	struct irq *irq = ref.index < c->irqs ? &c->irq[ref.index] : NULL;

	return irq && irq->used && irq->generation == ref.generation ? irq : NULL;
}

/* The marks that an interrupt of the queue still can get. */
unsigned vbt_irq_expected(const struct vbt_correlator *c, const struct queue *q);
/* It has come as far as that before its signal. */
void vbt_irq_begin_early(struct vbt_correlator *c, struct irq *irq, const struct early_irq *early);
void vbt_irq_append(struct vbt_correlator *c, uint32_t *head, struct irq *irq);
/* It was injected as this vector, and waits for the EOI. It is in no other list. */
void vbt_irq_in_service(struct vbt_correlator *c, struct irq *irq, struct vector *v);
void vbt_irq_mark(struct irq *irq, unsigned mark, uint64_t time, bool inferred);
/* Nothing more will be known: tell the interrupt's requests, and send them out. */
void vbt_irq_finish(struct vbt_correlator *c, struct irq *irq, unsigned rest);
/* Send out what has all that can be seen of it. */
void vbt_irq_finish_if_done(struct vbt_correlator *c, struct irq *irq);
/* The entry of a vector of a vCPU, made if need be; NULL: no memory. */
struct vector *vbt_vector(struct vbt_correlator *c, unsigned target, uint32_t apic,
			  unsigned vector);
void vbt_irq_accepted(struct vbt_correlator *c, struct irq *irq, struct vector *v, bool inferred);

/* correlate_line.c */
void vbt_on_line(struct vbt_correlator *c, const struct vbt_event *event);
/* An INTx interrupt's window has closed. */
void vbt_line_sent(struct vbt_correlator *c, struct irq *irq);
/* What raised the line is told by this vector. */
void vbt_line_accepted(struct vbt_correlator *c, struct line *line, uint32_t apic, unsigned vector);
/* The line that waits to be accepted, and was accepted as this vector before; NULL: none. */
struct line *vbt_line_of_vector(struct vbt_correlator *c, unsigned target, uint32_t apic,
				unsigned vector);

#endif
