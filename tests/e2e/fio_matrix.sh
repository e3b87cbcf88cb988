#!/bin/bash
# lab: -m 3G -t 900
# Runs in the lab. Debian's kernel with its root file system on a vmm-lite disk, once per combination of
# options: fio writes and verifies (512 B to 1 MiB, depth 32, 2 jobs, 2 queues, 2 vCPUs), the file
# system is remounted and verified again, the guest powers off; then the image is checked from outside.
#
# Eight combinations cover every pair of values of the five options (an orthogonal array); with
# FULL=1 all thirty-two are run.
set -u

passed=0 failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

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
	timeout 180 vmm-lite run --kernel "$LAB_GUEST/vmlinuz" --initrd "$LAB_GUEST/initrd.img" \
		--append "console=ttyS0 quiet vbt.cmd=$(printf '%s' "$guest" | base64 -w0)" \
		--cpus 2 --memory 512M --disk "$disk,queues=2,$1" >"$out" 2>&1 </dev/null || status=$?
	local fault=
	[ $status -eq 0 ] || fault="vmm-lite ended with status $status"
	grep -q 'vbt-status: 0' "$out" && grep -q fio-verified "$out" || fault="${fault:-the guest failed}"
	grep -qE 'I/O error|Buffer I/O|EXT4-fs error' "$out" && fault="${fault:-the guest saw I/O errors}"
	[ -z "$loop" ] || losetup -d "$loop"
	disk=$work/disk.ext4
	e2fsck -fn "$disk" >"$work/fsck" 2>&1 || fault="${fault:-e2fsck found damage}"
	if [ -z "$fault" ]; then
		passed=$((passed + 1))
		echo "ok   $1"
	else
		failed=$((failed + 1))
		echo "FAIL $1: $fault"
		tail -n 20 "$out"
		tail -n 5 "$work/fsck"
	fi
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

echo "fio_matrix: $passed passed, $failed failed"
[ $failed -eq 0 ]
