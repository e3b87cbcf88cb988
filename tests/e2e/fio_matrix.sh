#!/bin/bash
# lab: -m 3G -t 900
# Runs in the lab. Debian's kernel with its root file system on a vmm-lite disk, once per combination of
# options: fio writes and verifies (512 B to 1 MiB, depth 32, 2 jobs, 2 queues, 2 vCPUs), the file
# system is remounted and verified again, the guest powers off; then the image is checked from outside.
#
# Eight combinations cover every pair of values of the first five options (an orthogonal array), and with the
# three that follow also every pair with the ring; FULL=1 in the lab's environment runs all forty-eight,
# FULL=2/4 the second quarter of them.
# shellcheck disable=SC2154 # variables of lib/checks.sh
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh

dd if="$LAB_GUEST/root.ext4" of="$work/pristine.ext4" bs=1M conv=sparse status=none

fio="fio --name=v --filename=/fio.dat --size=24M --rw=randrw --bsrange=512-1M --blockalign=512 \
--ioengine=libaio --iodepth=32 --numjobs=2 --offset_increment=24M --direct=1 --verify=crc32c \
--verify_fatal=1 --randseed=7 --group_reporting --output-format=terse"
guest="set -e; nproc; ls /sys/block/vda/mq | wc -l; echo packed-\$(cut -c35 /sys/block/vda/device/features);
truncate -s 48M /fio.dat; $fio --do_verify=1 >/tmp/fio.1;
sync; mount -o remount,ro /; mount -o remount,rw /; $fio --verify_only >/tmp/fio.2;
cat /sys/block/vda/stat; echo fio-verified"

run() {
	local disk="$work/disk.ext4" out="$work/out" status=0 loop='' packed=0
	[[ $1 != *ring=packed* ]] || packed=1
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
	grep -q "^packed-$packed" "$out" || fault="${fault:-the guest has another ring}"
	grep -qE 'I/O error|Buffer I/O|EXT4-fs error' "$out" && fault="${fault:-the guest saw I/O errors}"
	[ -z "$loop" ] || losetup -d "$loop"
	e2fsck -fn "$work/disk.ext4" >"$work/fsck" 2>&1 || fault="${fault:-e2fsck found damage}"
	tail -n 5 "$work/fsck" >>"$out"
	verdict "$1" "$fault" "$out"
}

irqs=(msix intx) notifies=(ioeventfd exit) signals=(irqfd ioctl)
transports=(modern legacy) aios=(io_uring sync) rings=(split packed)
options() {
	echo "irq=${irqs[$1]},notify=${notifies[$2]},signal=${signals[$3]},transport=${transports[$4]},aio=${aios[$5]},ring=${rings[$6]}"
}
rows=()
if [ -n "${FULL:-}" ]; then
	for ((i = 0; i < 64; i++)); do
		a=$((i & 1)) b=$((i >> 1 & 1)) c=$((i >> 2 & 1)) d=$((i >> 3 & 1)) e=$((i >> 4 & 1)) f=$((i >> 5))
		# The legacy interface has no packed ring.
		[ $d$f = 11 ] || rows+=("$(options $a $b $c $d $e $f)")
	done
else
	for ((i = 0; i < 8; i++)); do
		# Rows of the array: three free bits, two columns are parities of them. Packed are those two of the
		# modern ones in which all other options but aio differ; packed with sync comes below.
		a=$((i & 1)) b=$((i >> 1 & 1)) c=$((i >> 2 & 1))
		rows+=("$(options $a $b $c $((a ^ b)) $((a ^ c)) $((i == 0 || i == 7)))")
	done
fi
part=${FULL:-1}
[ "$part" != 1 ] || part=1/1
for ((i = ${part%/*} - 1; i < ${#rows[@]}; i += ${part#*/})); do
	run "${rows[i]}"
done
if [ "${part%/*}" = 1 ]; then
	run "iothread=off,aio=sync,ring=packed"
	run "iothread=off,aio=io_uring"
	run "transport=transitional,direct=on" loop
fi

finish fio_matrix
