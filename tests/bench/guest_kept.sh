#!/bin/bash
# Runs in the lab: one guest reads its disk again and again (direct, 4 KiB), in turn untraced and traced with
# everything on, and by the peers that are there. Untraced is the mean of the runs before and behind. Before each
# run some reads are not counted: a tracer patches the kernel's code when it comes and when it goes, and what has
# been patched the emulation translates anew when it is first run, which would be a third of what is measured.
# A line per pair:
#
#	TRACER <tab> reads/s untraced <tab> reads/s traced <tab> events in the trace <tab> bytes <tab> requests
#
# Two of the tracers are parts of the whole: `stage points` is vbtrace without the right to load programs, and
# `counted` the kernel's tracepoints of vbtrace with nothing behind them but a counter (perf stat).
set -u

rounds=${1:-5}
reads=${2:-2000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

truncate -s 64M "$work/disk.raw"
dd if=/dev/urandom of="$work/disk.raw" bs=1M count=64 conv=notrunc status=none
# A block device, so that every mark has its event.
modprobe loop
disk=$(losetup --find --show --direct-io=on "$work/disk.raw" 2>/dev/null || losetup --find --show "$work/disk.raw")

# shellcheck source=tests/bench/ram_guest.sh
. "$(dirname "$0")/ram_guest.sh"
# A line tells the guest how often to read, and it says how long it took in hundredths of a second: busybox's
# dd does not, and its date knows nothing smaller than a second.
# shellcheck disable=SC2016 # the guest expands it
script='now() { read -r up rest </proc/uptime; echo ${up%.*}${up#*.}; }
until [ -b /dev/vda ]; do sleep 0.05; done; echo vbt-ready; while read -r line; do begin=$(now)
dd if=/dev/vda of=/dev/null bs=4k count=$line iflag=direct 2>/dev/null; echo vbt-took $(($(now) - begin)); done'
coproc vmm {
	exec vmm-lite run --kernel "$kernel" --initrd "$initrd" --cpus 1 \
		--memory 256M --disk "$disk,direct=on" 2>"$work/err" \
		--append "$(ram_guest "$script")"
}
# shellcheck disable=SC2154 # coproc sets vmm_PID
pid=$vmm_PID
exec 8<&"${vmm[0]}" 9>&"${vmm[1]}" # a subshell has the coproc's own no more

wait_for() {
	local line
	while IFS= read -r -t 90 line <&8; do
		case $line in *"$1"*) echo "$line" && return ;; esac
	done
	return 1
}

# Reads a second, by the guest's own clock.
rate() {
	echo $((reads / 5)) >&9
	wait_for vbt-took >/dev/null
	echo "$reads" >&9
	wait_for vbt-took | tr -d '\r' | awk -v n="$reads" '$2 > 0 { print n * 100 / $2 }'
}

if ! wait_for vbt-ready >/dev/null; then
	echo "guest_kept: the guest did not start: $(tail -n1 "$work/err")" >&2
	exit 1
fi
if [ -z "$(rate)" ]; then
	echo "guest_kept: the guest does not read: $(tail -n1 "$work/err")" >&2
	exit 1
fi

# pair NAME COMMAND...: COMMAND traces until it is interrupted.
pair() {
	local name=$1 off on tracer
	shift
	command -v "$1" >/dev/null || return
	off=${last:-$(rate)}
	"$@" >"$work/out" 2>&1 &
	tracer=$!
	sleep 4
	if ! kill -0 $tracer 2>/dev/null; then
		echo "guest_kept: $name ended: $(tail -n1 "$work/out")" >&2
		return
	fi
	on=$(rate)
	kill -INT $tracer
	wait $tracer
	last=$(rate)
	off=$(awk -v a="$off" -v b="$last" 'BEGIN { if (a > 0 && b > 0) printf "%.6g", (a + b) / 2 }')
	local events=0 bytes=0 requests=0
	if [ "$name" = vbtrace ]; then
		read -r events requests < <(grep -oE '[0-9]+ events of [0-9]+' "$work/out" | awk '{ print $1, $4 }')
		bytes=$(stat -c %s "$work/trace.vbt")
		grep -q 'none lost' "$work/out" || echo "guest_kept: $(tail -n1 "$work/out")" >&2
	fi
	printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$name" "$off" "$on" "$events" "$bytes" "$requests"
}

kernel=(-e 'kvm:*' -e block:block_bio_queue -e block:block_rq_issue -e block:block_rq_complete)
same=(-e kvm:kvm_pio -e kvm:kvm_mmio -e kvm:kvm_fast_mmio -e kvm:kvm_msi_set_irq -e kvm:kvm_set_irq
	-e kvm:kvm_apic_accept_irq -e kvm:kvm_apicv_accept_irq -e kvm:kvm_inj_virq -e kvm:kvm_eoi -e kvm:kvm_pv_eoi
	-e block:block_bio_queue -e block:block_split -e block:block_rq_issue -e block:block_rq_complete
	-e block:block_bio_complete)
drop=-bpf,-perfmon,-sys_admin
for ((round = 0; round < rounds; round++)); do
	pair vbtrace vbtrace record -p "$pid" -o "$work/trace.vbt"
	[ $((round % 3)) = 0 ] || continue
	pair 'stage points' setpriv --bounding-set $drop --inh-caps $drop \
		vbtrace record -p "$pid" -o "$work/stages.vbt"
	pair counted perf stat -a "${same[@]}"
	pair 'perf record' perf record -q -a -m 4M "${kernel[@]}" -o "$work/perf.data"
	pair 'trace-cmd record' trace-cmd record -q "${kernel[@]}" -o "$work/trace.dat"
done
{ kill -9 "$pid" && wait "$pid"; } 2>/dev/null
losetup -d "$disk"
