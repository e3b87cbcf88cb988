#!/bin/bash
# lab: -m 3G -t 900
# Runs in the lab. Debian's kernel with its root file system on a vmm-lite disk, once per combination of
# options: fio writes and verifies (512 B to 1 MiB, depth 32, 2 jobs, 2 queues, 2 vCPUs), the file
# system is remounted and verified again, the guest powers off; then the image is checked from outside.
#
# Eight combinations cover every pair of values of the five options (an orthogonal array); with
# FULL=1 all thirty-two are run.
# shellcheck disable=SC2154 # variables of lib/checks.sh
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh

dd if="$LAB_GUEST/root.ext4" of="$work/pristine.ext4" bs=1M conv=sparse status=none

fio="fio --name=v --filename=/fio.dat --size=24M --rw=randrw --bsrange=512-1M --blockalign=512 \
--ioengine=libaio --iodepth=32 --numjobs=2 --offset_increment=24M --direct=1 --verify=crc32c \
--verify_fatal=1 --randseed=7 --group_reporting --output-format=terse"
guest="set -e; nproc; ls /sys/block/vda/mq | wc -l; truncate -s 48M /fio.dat; $fio --do_verify=1 >/tmp/fio.1;
sync; mount -o remount,ro /; mount -o remount,rw /; $fio --verify_only >/tmp/fio.2;
cat /sys/block/vda/stat; echo fio-verified"

run() {
	local disk="$work/disk.ext4" out="$work/out" status=0 loop=''
	cp --sparse=always "$work/pristine.ext4" "$disk"
	# The lab's file system is in memory and knows no direct I/O; a block device over it does.
	if [ -n "${2:-}" ]; then
		modprobe loop
		loop=$(losetup --find --show "$disk")
		disk=$loop
	fi
	timeout 180 "$top/lab/guest-run" -c 2 -m 512M -r "$disk" -k "queues=2,$1" "$guest" >"$out" 2>&1 || status=$?
	local fault=
	[ $status -eq 0 ] || fault="the guest's status is $status"
	grep -q fio-verified "$out" || fault="${fault:-the guest did not come to its end}"
	grep -qE 'I/O error|Buffer I/O|EXT4-fs error' "$out" && fault="${fault:-the guest saw I/O errors}"
	[ -z "$loop" ] || losetup -d "$loop"
	e2fsck -fn "$work/disk.ext4" >"$work/fsck" 2>&1 || fault="${fault:-e2fsck found damage}"
	tail -n 5 "$work/fsck" >>"$out"
	verdict "$1" "$fault" "$out"
}

irqs=(msix intx) notifies=(ioeventfd exit) signals=(irqfd ioctl)
transports=(modern legacy) aios=(io_uring sync)
rows=8
[ -z "${FULL:-}" ] || rows=32
for ((i = 0; i < rows; i++)); do
	# Rows of the array: three free bits, the other two columns are their parities.
	a=$((i & 1)) b=$((i >> 1 & 1)) c=$((i >> 2 & 1))
	if [ -n "${FULL:-}" ]; then
		d=$((i >> 3 & 1)) e=$((i >> 4 & 1))
	else
		d=$((a ^ b)) e=$((a ^ c))
	fi
	run "irq=${irqs[a]},notify=${notifies[b]},signal=${signals[c]},transport=${transports[d]},aio=${aios[e]}"
done
run "iothread=off,aio=sync"
run "iothread=off,aio=io_uring"
run "transport=transitional,direct=on" loop

finish fio_matrix
