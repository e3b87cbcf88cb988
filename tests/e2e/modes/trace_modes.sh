#!/bin/bash
# lab: -m 3G -t 500
# Not in `make check` yet: some modes fail still. By hand: tests/run-e2e tests/e2e/modes/trace_modes.sh
# Runs in the lab. For every way to kick, to interrupt and to do the host's I/O, records a guest with two
# vCPUs and two queues while fio runs at depth 1 and 32, and holds the trace against what the guest
# counted itself: each request once, every one complete, layers that sum to the total.
set -u

passed=0 failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The disk is the guest's second one, so that its counters stand still after fio.
fio='fio --filename=/dev/vdb --rw=randrw --bs=4k --ioengine=libaio --direct=1 --size=8M --numjobs=2 --output-format=terse'
guest="$fio --name=a --iodepth=1 --number_ios=100 >/dev/null; \
$fio --name=b --iodepth=32 --number_ios=300 >/dev/null; cat /sys/block/vdb/stat; echo fio-done"

fault() { [ -n "$why" ] || why=$1; }

run() {
	local why='' counted traced broken sums
	rm -f "$work"/*.vbt
	vbtrace record -o "$work/t.vbt" -- timeout 120 vmm-lite run --kernel "$LAB_GUEST/vmlinuz" \
		--initrd "$LAB_GUEST/initrd.img" --cpus 2 --memory 256M \
		--append "console=ttyS0 quiet panic=-1 vbt.cmd=$(printf '%s' "$guest" | base64 -w0)" \
		--disk "$LAB_GUEST/root.ext4,readonly=on" --disk "$disk,queues=2,$1" \
		</dev/null >"$work/out" 2>"$work/err" || fault "record failed: $(tail -n1 "$work/err")"
	grep -q fio-done "$work/out" || fault "the guest failed"
	# reads and writes completed: the 1st and the 5th number of stat
	counted=$(tr -d '\r' <"$work/out" | awk 'NF >= 11 && $1 ~ /^[0-9]+$/ {l = $1 + $5} END {print l}')
	vbtrace show "$work/t.vbt" --json >"$work/show" 2>>"$work/err" || fault "show failed"
	traced=$(grep '"device":"disk1"' "$work/show" | grep -cE '"op":"(read|write)"')
	[ "$traced" = "${counted:-none}" ] || fault "guest counts $counted, trace has $traced"
	broken=$(grep -c '"complete":false' "$work/show")
	[ "$broken" -le $((traced / 1000)) ] || fault "$broken of $traced are incomplete"
	sums=$(vbtrace report "$work/t.vbt" --json | tr -d ' \n' | grep -o '"lost_events":{[^}]*}')
	case $sums in *[1-9]*) fault "events were lost: $sums" ;; esac
	if [ -z "$why" ]; then
		passed=$((passed + 1))
		echo "ok   $1: $traced requests"
	else
		failed=$((failed + 1))
		echo "FAIL $1: $why"
		tail -n 3 "$work/err"
	fi
}

truncate -s 64M "$work/disk.raw"
modprobe loop
disk=$(losetup --find --show "$work/disk.raw") || exit 1
for notify in ioeventfd exit; do
	for signal in irqfd ioctl; do
		for irq in msix intx; do
			for aio in io_uring sync; do
				run "notify=$notify,signal=$signal,irq=$irq,aio=$aio,direct=on"
			done
		done
	done
done
losetup -d "$disk"

echo "trace_modes: $passed passed, $failed failed"
[ $failed -eq 0 ]
