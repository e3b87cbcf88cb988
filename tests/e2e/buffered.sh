#!/bin/bash
# lab: -m 2G -t 300
# Reads through the page cache that need more I/O than is begun when they are submitted: io_uring takes each up
# again as its first pages come, in the midst of others. Which request a bio is for shows by its sector here, as
# the disk is a block device: no bio may be linked exactly to another request; and where the kernel shows what is
# issued, as the lab's does, all are linked exactly.
# shellcheck disable=SC2154 # variables of lib/checks.sh
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh

modprobe loop 2>/dev/null
truncate -s 1G disk.img
if ! { [ -n "${LAB:-}" ] || has_bpf; } || ! loop=$(losetup --find --show disk.img 2>/dev/null); then
	skip buffered "BPF programs cannot be loaded here, or there are no loop devices"
	finish buffered
	exit
fi
trap 'losetup -d "$loop"; rm -rf "$work"' EXIT
# A quarter of a request at a time, so that each has to go on; and nothing of it is there before.
blockdev --setra 64 "$loop"
echo 64 >"/sys/block/${loop#/dev/}/queue/max_sectors_kb"
blockdev --flushbufs "$loop"
all=()
"$vbtrace" doctor | grep -q '^ok *io_issue_sqe *context' && all=(--all)

works "buffered: record" "$vbtrace" record -o buffered.vbt -- "$vmm" bench --disk "$loop" --rw randread \
	--block-size 256K --depth 16 --count 400
works "buffered: export events" "$vbtrace" export --to csv --rows events -o events.csv buffered.vbt
works "buffered: export requests" "$vbtrace" export --to csv -o requests.csv buffered.vbt
works "buffered: no bio is linked to another request ${all[*]}" \
	python3 "$top/tests/e2e/lib/bio_owners.py" events.csv requests.csv "${all[@]}"
# What says so is on standard output.
cat out
finish buffered
