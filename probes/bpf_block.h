/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Host I/O: from a bio to the request of the VMM that it serves, and no guessing on the way.
 *
 * When the block layer queues a bio, its owner is found by, in this order:
 *   pointer  the bio of a direct I/O leads to its kiocb, and that is the io_uring request itself:
 *            whichever task or worker submits it, the SQE's user_data is read from it;
 *   worker   an io_uring worker says which request it works on;
 *   issue    a task that issues an io_uring request works on that, be it in io_uring_enter or in
 *            task work, at the end of whatever call; it may have submitted it long ago;
 *   window   where the kernel does not show that: a task inside io_uring_enter works on what it
 *            submitted last;
 *   task     a task inside preadv, pwritev, fdatasync and the like works on that call.
 * The owner is kept by the bio's address until the bio completes; a split hands it on. What has
 * no owner (write-back, a stacked device's clones, other people's I/O) makes no events.
 */
#ifndef VBT_BPF_BLOCK_H
#define VBT_BPF_BLOCK_H

#define MAX_CHAIN 128 /* bios of one request that are looked at */

/*
 * An owner is in the slot that its bio's address leads to, which costs no call and no lock; where two addresses
 * lead to one, the second is in the map. So a bio that is nobody's is known by one look.
 */
struct vbt_bio_slot slots[VBT_BIO_SLOTS];
unsigned long long in_map; /* owners that are, or were not taken out */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, VBT_MAX_BIOS);
	__type(key, __u64);
	__type(value, struct vbt_bio_owner);
} bios SEC(".maps");

/* What a task works on, for I/O whose bios do not lead to it: buffered reads. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} windows SEC(".maps");

static __always_inline __u64 user_data(const void *request)
{
	const struct io_kiocb___before_5_19 *old = request;
	const struct io_kiocb *now = request;

	if (bpf_core_field_exists(struct io_kiocb, cqe))
		return BPF_CORE_READ(now, cqe.user_data);
	return BPF_CORE_READ(old, user_data);
}

/* Set by the session: `windows` has what is issued, not only what was submitted last. */
bool issues_seen;

static __always_inline int submitted(const void *request)
{
	struct who who = current_task();
	__u64 key;

	if (who.target < 0)
		return 0;
	key = user_data(request);
	if (bpf_map_update_elem(&windows, &who.tid, &key, BPF_ANY))
		lose(VBT_LOSS_MAP, VBT_MARK_submit);
	return 0;
}

/* Also where a read that waited for a page goes on, in the midst of others, and perhaps with more bios. */
SEC("fentry/io_issue_sqe")
int BPF_PROG(io_issue_sqe, void *request)
{
	return submitted(request);
}

SEC("fexit/io_issue_sqe")
int BPF_PROG(io_issue_sqe_end)
{
	struct who who = current_task();

	if (who.target >= 0)
		bpf_map_delete_elem(&windows, &who.tid);
	return 0;
}

SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(io_uring_submit_req, void *request)
{
	return submitted(request);
}

/* Before 6.3; before 5.19 (told by the layout) the request was the second argument. */
SEC("tp_btf/io_uring_submit_sqe")
int BPF_PROG(io_uring_submit_sqe, void *first)
{
	if (bpf_core_field_exists(struct io_kiocb, cqe))
		return submitted(first);
	return submitted((void *)ctx[1]);
}

static __always_inline bool owner_by_pointer(struct bio *bio, struct vbt_bio_owner *owner)
{
	__u64 end_io = (__u64)bio->bi_end_io, complete;
	struct kiocb *iocb;

	if (!end_io)
		return false;
	if (end_io == symbols.iomap_dio_bio_end_io)
		iocb = BPF_CORE_READ((struct iomap_dio *)bio->bi_private, iocb);
	else if (end_io == symbols.blkdev_bio_end_io)
		iocb = BPF_CORE_READ((struct blkdev_dio *)bio->bi_private, iocb);
	else if (end_io == symbols.blkdev_bio_end_io_async)
		iocb =
		    BPF_CORE_READ((struct blkdev_dio *)((void *)bio - bpf_core_field_offset(
									  struct blkdev_dio, bio)),
				  iocb);
	else
		return false;
	complete = (__u64)BPF_CORE_READ(iocb, ki_complete);
	if (!complete ||
	    (complete != symbols.io_complete_rw && complete != symbols.io_complete_rw_iopoll))
		return false;
	owner->key = user_data(iocb);
	owner->how = VBT_BIO_POINTER;
	return true;
}

static __always_inline bool owner_by_worker(struct task_struct *task, struct vbt_bio_owner *owner)
{
	const struct task_struct___before_5_17 *old = (void *)task;
	struct io_wq_work *work;
	struct io_worker *worker;

	if (bpf_core_field_exists(struct task_struct, worker_private))
		worker = task->worker_private;
	else
		worker = BPF_CORE_READ(old, pf_io_worker);
	work = BPF_CORE_READ(worker, cur_work);
	if (!work)
		return false;
	owner->key = user_data((void *)work - bpf_core_field_offset(struct io_kiocb, work));
	owner->how = VBT_BIO_WORKER;
	return true;
}

/* What a task is doing in the kernel, as far as it can make bios of a request. */
enum call { CALL_OTHER, CALL_IO, CALL_URING };

static __always_inline enum call current_call(struct task_struct *task)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

	switch (BPF_PROBE_READ(regs, orig_rax)) {
	case 426: /* io_uring_enter */ return CALL_URING;
	case 0:   /* read */
	case 1:   /* write */
	case 17:  /* pread64 */
	case 18:  /* pwrite64 */
	case 19:  /* readv */
	case 20:  /* writev */
	case 74:  /* fsync */
	case 75:  /* fdatasync */
	case 277: /* sync_file_range */
	case 285: /* fallocate */
	case 295: /* preadv */
	case 296: /* pwritev */
	case 327: /* preadv2 */
	case 328: /* pwritev2 */ return CALL_IO;
	case 16: /* ioctl: those of block devices, 0x12XX, not KVM's */
		return (BPF_PROBE_READ(regs, rsi) & 0xff00) == 0x1200 ? CALL_IO : CALL_OTHER;
	}
	return CALL_OTHER;
}

static __always_inline bool owner_by_window(struct vbt_bio_owner *owner, __u32 tid)
{
	__u64 *window = bpf_map_lookup_elem(&windows, &tid);

	if (!window)
		return false;
	owner->key = *window;
	owner->how = issues_seen ? VBT_BIO_TASK : VBT_BIO_WINDOW;
	return true;
}

static __always_inline bool owner_by_task(struct vbt_bio_owner *owner, __u32 tid)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task_btf();

	if (task->flags & PF_IO_WORKER)
		return owner_by_worker(task, owner);
	if (issues_seen && owner_by_window(owner, tid))
		return true;
	switch (current_call(task)) {
	case CALL_URING: return !issues_seen && owner_by_window(owner, tid);
	case CALL_IO:
		owner->key = VBT_KEY_TASK | tid;
		owner->how = VBT_BIO_TASK;
		return true;
	default: return false;
	}
}

static __always_inline bool is_swap(struct bio *bio)
{
	return bpf_core_enum_value_exists(enum req_flag_bits, __REQ_SWAP) &&
	       bio->bi_opf >> (bpf_core_enum_value(enum req_flag_bits, __REQ_SWAP) & 31) & 1;
}

static __always_inline struct vbt_bio_slot *slot_of(__u64 address)
{
	__u32 low;

	/* Of what may be a typed pointer the verifier lets a program count with the lower half. */
	asm volatile("%0 = %1" : "=w"(low) : "w"((__u32)address));
	return &slots[low * 0x9e3779b1U >> (32 - VBT_BIO_SLOT_BITS)];
}

static __always_inline struct vbt_bio_owner *find(__u64 address)
{
	struct vbt_bio_slot *slot = slot_of(address);

	if (slot->address == address)
		return &slot->owner;
	return in_map ? bpf_map_lookup_elem(&bios, &address) : NULL;
}

/* 0: it was there. */
static __always_inline long forget(__u64 address)
{
	struct vbt_bio_slot *slot = slot_of(address);
	long failed;

	if (slot->address == address) {
		slot->address = 0;
		return 0;
	}
	failed = bpf_map_delete_elem(&bios, &address);
	if (!failed)
		__sync_fetch_and_add(&in_map, -1);
	return failed;
}

/*
 * An entry that is already there belonged to a bio whose completion was not seen: then an event
 * is missing, and that is counted.
 */
static __always_inline void remember(struct bio *bio, struct vbt_bio_owner *owner)
{
	__u64 address = (__u64)bio;
	struct vbt_bio_owner *old = find(address);
	struct vbt_bio_slot *slot = slot_of(address);

	if (old) {
		lose(VBT_LOSS_UNSEEN, VBT_MARK_complete);
		*old = *owner;
	} else if (!__sync_val_compare_and_swap(&slot->address, 0, address)) {
		slot->owner = *owner;
	} else if (bpf_map_update_elem(&bios, &address, owner, BPF_ANY)) {
		lose(VBT_LOSS_MAP, VBT_MARK_issue);
	} else {
		__sync_fetch_and_add(&in_map, 1);
	}
}

/* NULL: not one of ours; likewise if another bio, at `sector`, has got the address of one of ours since. */
static __always_inline struct vbt_bio_owner *recall(__u64 address, __u64 sector)
{
	struct vbt_bio_owner *owner = find(address);

	if (!owner)
		return NULL;
	if (sector >= owner->sector && sector <= owner->sector + owner->sectors)
		return owner;
	if (!forget(address))
		lose(VBT_LOSS_UNSEEN, VBT_MARK_complete);
	return NULL;
}

SEC("tp_btf/block_bio_queue")
int BPF_PROG(block_bio_queue, struct bio *bio)
{
	struct who who = current_task();
	struct vbt_bio_owner owner = {0};

	if (who.target < 0)
		return 0;
	if (!owner_by_pointer(bio, &owner)) {
		/* A clone is what a stacked device made of a bio that had its event already. */
		if (bio->bi_flags & (1 << BIO_CLONED) || is_swap(bio) ||
		    !owner_by_task(&owner, who.tid))
			return 0;
	}
	owner.target = who.target;
	owner.sector = bio->bi_iter.bi_sector;
	owner.sectors = bio->bi_iter.bi_size >> 9;
	remember(bio, &owner);
	emit(VBT_MARK_queue, who.target, owner.key, owner.sector, owner.sectors, owner.how,
	     who.tid);
	return 0;
}

/* `bio` is the new front part; it is chained to the one that it was cut from, which keeps the rest. */
SEC("tp_btf/block_split")
int BPF_PROG(block_split, struct bio *bio)
{
	__u64 parent = (__u64)bio->bi_private;
	struct vbt_bio_owner *owner = find(parent), copy;

	if (!owner)
		return 0;
	copy = *owner;
	copy.sector = bio->bi_iter.bi_sector;
	copy.sectors = bio->bi_iter.bi_size >> 9;
	if (copy.sectors < owner->sectors) {
		owner->sector += copy.sectors;
		owner->sectors -= copy.sectors;
	}
	remember(bio, &copy);
	return 0;
}

/* 1: it was one of ours. */
static __always_inline int bio_issued(__u64 address, __u64 sector, unsigned int bytes)
{
	struct vbt_bio_owner *owner = recall(address, sector);

	if (!owner)
		return 0;
	owner->issued = 1;
	emit(VBT_MARK_issue, owner->target, owner->key, sector, bytes >> 9, 0,
	     (unsigned int)bpf_get_current_pid_tgid());
	return 1;
}

static __always_inline int bio_completed(__u64 address, __u64 sector, int failed, bool by_request)
{
	struct vbt_bio_owner *owner = recall(address, sector);

	if (!owner)
		return 0;
	/* Data gets to the disk by being issued; only a flush may be another's. */
	if (by_request && !failed && owner->sectors && !owner->issued)
		lose(VBT_LOSS_UNSEEN, VBT_MARK_issue);
	/* As it was queued: the kernel advances a bio while it completes. */
	emit(VBT_MARK_complete, owner->target, owner->key, owner->sector, owner->sectors, failed,
	     0);
	forget(address);
	return 1;
}

/*
 * As a rule a request has one bio, which is looked at where it is. The others of a chain are looked at by
 * global functions: the kernel checks those once, not once for each turn of a loop, which would be most of
 * the time that attaching takes. They take plain numbers, so that fields are read with the helper.
 */
__attribute__((noinline)) int next_issued(__u64 address)
{
	struct bio *bio = (struct bio *)address;

	return bio_issued(address, BPF_CORE_READ(bio, bi_iter.bi_sector),
			  BPF_CORE_READ(bio, bi_iter.bi_size));
}

__attribute__((noinline)) int next_completed(__u64 address, int failed)
{
	struct bio *bio = (struct bio *)address;

	return bio_completed(address, BPF_CORE_READ(bio, bi_iter.bi_sector), failed, true);
}

/* A plain number, which a global function takes. */
static __always_inline struct bio *next_of(struct bio *first)
{
	return first->bi_next ? BPF_CORE_READ(first, bi_next) : NULL;
}

SEC("tp_btf/block_rq_issue")
int BPF_PROG(block_rq_issue, struct request *rq)
{
	struct bio *bio = rq->bio;
	int ours;

	if (!bio)
		return 0;
	ours = bio_issued((__u64)bio, bio->bi_iter.bi_sector, bio->bi_iter.bi_size);
	bio = next_of(bio);
	for (int i = 1; i < MAX_CHAIN && bio; i++) {
		ours |= next_issued((__u64)bio);
		bio = BPF_CORE_READ(bio, bi_next);
	}
	if (bio && ours)
		lose(VBT_LOSS_CHAIN, VBT_MARK_issue);
	return 0;
}

/* Fires before the bios are ended; only the first `bytes` of them are complete. */
SEC("tp_btf/block_rq_complete")
int BPF_PROG(block_rq_complete, struct request *rq, int error, unsigned int bytes)
{
	const int failed = (__u8)error != 0;
	struct bio *bio = rq->bio;
	int ours;

	if (!bio || bio->bi_iter.bi_size > bytes)
		return 0;
	bytes -= bio->bi_iter.bi_size;
	ours = bio_completed((__u64)bio, bio->bi_iter.bi_sector, failed, true);
	bio = next_of(bio);
	for (int i = 1; i < MAX_CHAIN && bio; i++) {
		unsigned int size = BPF_CORE_READ(bio, bi_iter.bi_size);

		if (size > bytes)
			return 0;
		bytes -= size;
		ours |= next_completed((__u64)bio, failed);
		bio = BPF_CORE_READ(bio, bi_next);
	}
	if (bio && ours)
		lose(VBT_LOSS_CHAIN, VBT_MARK_complete);
	return 0;
}

/*
 * Only bios that never became part of a request: those of brd, pmem and the device mapper, and those
 * that would have had to wait for one (they are submitted again by a worker).
 */
SEC("tp_btf/block_bio_complete")
int BPF_PROG(block_bio_complete, void *queue, struct bio *bio)
{
	bio_completed((__u64)bio, bio->bi_iter.bi_sector, bio->bi_status != 0, false);
	return 0;
}

#endif
