/* SPDX-License-Identifier: MIT */
/*
 * The few fields of the few kernel structures that the programs read. CO-RE relocates every
 * access to the running kernel's layout, so neither the order nor the gaps here matter; a name
 * with three underscores is an older kernel's version of the structure before them.
 */
#ifndef VBT_KERNEL_TYPES_H
#define VBT_KERNEL_TYPES_H

#define VBT_KERNEL_STRUCT __attribute__((preserve_access_index))

struct io_worker;

struct task_struct {
	unsigned int flags;
	int pid;
	int tgid;
	void *worker_private; /* 5.17 and later */
} VBT_KERNEL_STRUCT;

struct task_struct___before_5_17 {
	void *pf_io_worker;
} VBT_KERNEL_STRUCT;

struct bvec_iter {
	__u64 bi_sector;
	unsigned int bi_size;
} VBT_KERNEL_STRUCT;

struct bio {
	struct bio *bi_next;
	unsigned int bi_opf;
	unsigned short bi_flags;
	unsigned char bi_status;
	struct bvec_iter bi_iter;
	void *bi_end_io;
	void *bi_private;
} VBT_KERNEL_STRUCT;

struct request {
	unsigned int cmd_flags;
	struct bio *bio;
} VBT_KERNEL_STRUCT;

struct kiocb {
	void *ki_complete;
} VBT_KERNEL_STRUCT;

struct iomap_dio {
	struct kiocb *iocb;
} VBT_KERNEL_STRUCT;

struct blkdev_dio {
	struct kiocb *iocb;
	struct bio bio;
} VBT_KERNEL_STRUCT;

struct io_wq_work {
	unsigned int flags;
} VBT_KERNEL_STRUCT;

struct io_worker {
	struct io_wq_work *cur_work;
} VBT_KERNEL_STRUCT;

struct io_cqe {
	__u64 user_data;
} VBT_KERNEL_STRUCT;

/* Begins with the kiocb of a read or write: one address is both. */
struct io_kiocb {
	struct io_cqe cqe; /* 5.19 and later */
	struct io_wq_work work;
} VBT_KERNEL_STRUCT;

struct io_kiocb___before_5_19 {
	__u64 user_data;
} VBT_KERNEL_STRUCT;

struct kvm_vcpu {
	int vcpu_id;
} VBT_KERNEL_STRUCT;

struct kvm_lapic {
	struct kvm_vcpu *vcpu;
} VBT_KERNEL_STRUCT;

enum req_flag_bits {
	__REQ_SWAP, /* its value is relocated too */
};

#define PF_IO_WORKER 0x00000010 /* since 5.12 */
#define PF_KTHREAD   0x00200000
#define BIO_CLONED   1 /* bit of bi_flags */

#endif
