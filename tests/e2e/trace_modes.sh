#!/bin/bash
# lab: -m 4G -t 840
# Runs in the lab. For every way to kick, to interrupt and to do the host's I/O, records a guest with two
# vCPUs, and on it two disks of two queues each (a block device, and a file in ext4) while fio runs at
# depth 1 and 32. Holds the trace against what the guest counted itself: each request once, all but one
# in a thousand complete, none lost. Traces of failed modes go to $LAB_OUT.
#
# Eight of the sixteen modes cover every pair of ways (an orthogonal array); with VBT_FULL=1, or with
# arguments, all are run. Arguments: words that a mode must have to be run, such as `notify=exit`.
# shellcheck disable=SC2154 # variables of lib/checks.sh
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh
trap 'umount "$work/mnt" 2>/dev/null; rm -rf "$work"' EXIT

fio='fio --rw=randrw --bs=4k --ioengine=libaio --direct=1 --size=8M --numjobs=2 --output-format=terse'
# shellcheck disable=SC2016 # the guest expands it
guest='for d in vdb vdc; do
'"$fio"' --filename=/dev/$d --name=a --iodepth=1 --number_ios=50 >/dev/null
'"$fio"' --filename=/dev/$d --name=b --iodepth=32 --number_ios=150 >/dev/null
echo stat $d $(cat /sys/block/$d/stat)
done; echo fio-done'

fault() { [ -n "$why" ] || why=$1; }

# held DISK GUEST-NAME: the requests of one disk against the guest's own counters
held() {
	local counted traced broken
	# reads and writes completed: the 1st and the 5th number of stat
	counted=$(tr -d '\r' <"$work/out" | awk -v d="$2" '$1 == "stat" && $2 == d {print $3 + $7}')
	traced=$(grep "\"device\":\"$1\"" "$work/show" | grep -cE '"op":"(read|write)"')
	[ "$traced" = "${counted:-none}" ] || fault "$2: the guest counts ${counted:-nothing}, the trace has $traced"
	broken=$(grep "\"device\":\"$1\"" "$work/show" | grep -c '"complete":false')
	[ "$broken" -le $((traced / 1000)) ] || fault "$2: $broken of $traced are incomplete"
	total=$((total + traced)) incomplete=$((incomplete + broken))
}

run() {
	local why='' total=0 incomplete=0 lost start=$SECONDS
	rm -f "$work"/*.vbt
	mapfile -d '' -t vmm < <("$top/lab/guest-run" -w -c 2 -k readonly=on "$guest" \
		--disk "$block,queues=2,$1" --disk "$file,queues=2,$1")
	in_time 200 vbtrace record -o "$work/t.vbt" -- timeout -k 20 100 "${vmm[@]}" </dev/null >"$work/out" 2>"$work/err" ||
		fault "record failed with status $?: $(tail -n1 "$work/err")"
	grep -q fio-done "$work/out" || fault "the guest failed"
	vbtrace show "$work/t.vbt" --json >"$work/show" 2>>"$work/err" || fault "show failed"
	held disk1 vdb
	held disk2 vdc
	lost=$(vbtrace report "$work/t.vbt" --json | tr -d ' \n' | grep -o '"lost_events":{[^}]*}')
	case $lost in *:[1-9]*) fault "events were lost: $lost" ;; esac
	verdict "$1: $total requests, $incomplete incomplete, $((SECONDS - start)) s" "$why" "$work/err"
	[ -z "$why" ] || {
		mkdir -p "$LAB_OUT/$1"
		cp "$work"/t.vbt "$work/out" "$work/err" "$LAB_OUT/$1"
	}
}

wanted() { # MODE WORD...
	local mode=$1 word
	shift
	for word; do
		case ,$mode, in *,"$word",*) ;; *) return 1 ;; esac
	done
}

modprobe loop
truncate -s 64M "$work/block.raw"
truncate -s 128M "$work/ext4.raw"
mkfs.ext4 -q "$work/ext4.raw"
mkdir "$work/mnt"
mount -o loop "$work/ext4.raw" "$work/mnt" || exit 1
file=$work/mnt/disk.raw
dd if=/dev/zero of="$file" bs=1M count=64 status=none
block=$(losetup --find --show "$work/block.raw") || exit 1
notifies=(ioeventfd exit) signals=(irqfd ioctl) irqs=(msix intx) aios=(io_uring sync)
for ((i = 0; i < 16; i++)); do
	# The first three bits are free; the fourth column is their parity in the modes of the array.
	n=$((i & 1)) s=$((i >> 1 & 1)) q=$((i >> 2 & 1)) a=$((i >> 3))
	[ -n "${VBT_FULL:-}" ] || [ $# -gt 0 ] || [ $a -eq $((n ^ s ^ q)) ] || continue
	mode=notify=${notifies[n]},signal=${signals[s]},irq=${irqs[q]},aio=${aios[a]},direct=on
	if wanted "$mode" "$@"; then run "$mode"; fi
done
losetup -d "$block"

finish trace_modes
