/* SPDX-License-Identifier: MIT */
/*
 * What `vbtrace teach` says: seven chapters, and a page for each mark of the stage table. The first
 * chapter, filling the ring, happens in the guest alone and has a page but no mark.
 */
#ifndef VBT_LESSON_H
#define VBT_LESSON_H

#include "lib/stage.h"

/* X(id, title) */
#define VBT_CHAPTERS(X)                                            \
	X(fill, "the guest's driver puts the request in the ring") \
	X(kick, "the guest kicks")                                 \
	X(intercept, "the host intercepts the kick")               \
	X(take, "the host takes the request off the ring")         \
	X(handle, "the host handles it")                           \
	X(complete, "completion: status byte, then used ring")     \
	X(interrupt, "the interrupt")

enum vbt_chapter {
#define X(id, title) VBT_CHAPTER_##id,
	VBT_CHAPTERS(X)
#undef X
	    VBT_CHAPTER_COUNT /* 7 */
};

/* Pages: the one without a mark, then a page for each mark in the order of the stage table. */
#define VBT_PAGE_COUNT      (VBT_MARK_COUNT + 1u)
#define VBT_PAGE_OF(mark)   ((mark) + 1u)
#define VBT_PAGE_MARK(page) ((page)-1u) /* of a page other than 0 */

/* Who is at work on a page; X(id, name). */
#define VBT_ACTORS(X)                  \
	X(guest, "the guest's driver") \
	X(kvm, "KVM")                  \
	X(vmm, "the VMM")              \
	X(host, "the host's kernel")   \
	X(disk, "the host's disk")

enum vbt_actor {
#define X(id, name) VBT_ACTOR_##id,
	VBT_ACTORS(X)
#undef X
	    VBT_ACTOR_COUNT
};

/* One page. All strings are static. */
struct vbt_lesson {
	enum vbt_chapter chapter;
	enum vbt_actor actor;
	const char *text;   /* what happens, in a paragraph */
	const char *cost;   /* what the time since the mark before is made of */
	const char *split;  /* section of the virtio specification, for a split ring */
	const char *packed; /* the same for a packed ring */
	const char *linux_names, *qemu_names; /* who does this there */
};

/* NULL behind the last page. */
const struct vbt_lesson *vbt_lesson(unsigned page);

const char *vbt_chapter_title(unsigned chapter);
const char *vbt_actor_name(unsigned actor);

struct vbt_question {
	const char *question, *answer;
};

#define VBT_CHAPTER_QUESTIONS 2

/* The questions at the end of a chapter: VBT_CHAPTER_QUESTIONS of them. */
const struct vbt_question *vbt_chapter_questions(unsigned chapter);

#endif
