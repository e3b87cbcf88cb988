#!/bin/bash
# Runs in the lab: boots the same kernel on vmm-lite and on the peers that are there (QEMU; kvmtool if
# `lkvm` is on PATH or in $LKVM), in turn, RUNS times each, and prints a line per run:
#
#	NAME <tab> boot ms <tab> exits until user space <tab> reads/s <tab> exits a read
#
# Boot is from the start of the process to the guest's first user-space output. The reads are direct,
# 4 KiB, one at a time, from the guest's /dev/vda, which is a file in the lab's page cache.
set -u

runs=${1:-9}
only=${2:-}
reads=2000
memory=256

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
truncate -s 64M "$work/disk.raw"
dd if=/dev/urandom of="$work/disk.raw" bs=1M count=64 conv=notrunc status=none

# shellcheck source=tests/bench/ram_guest.sh
. "$(dirname "$0")/ram_guest.sh"
# The guest says what it does; this script notes when, and how many exits there were by then.
script="echo vbt-mark user; until [ -b /dev/vda ]; do sleep 0.05; done; sleep 0.3; echo vbt-mark start;
dd if=/dev/vda of=/dev/null bs=4k count=$reads iflag=direct 2>/dev/null; echo vbt-mark end; sleep 1"
append=$(ram_guest "$script")

exits() {
	local total=0 n
	for f in /sys/kernel/debug/kvm/*/exits; do
		read -r n 2>/dev/null <"$f" && total=$((total + n))
	done
	echo "$total"
}

vmm_lite() {
	exec vmm-lite run --kernel "$kernel" --initrd "$initrd" --append "$append" --cpus 1 \
		--memory ${memory}M --disk "$work/disk.raw$1"
}

qemu() {
	exec qemu-system-x86_64 -nodefaults -no-user-config -display none -serial stdio -accel kvm \
		-cpu host -m $memory -kernel "$kernel" -initrd "$initrd" -append "$append" "$@"
}

run() {
	case $1 in
	vmm-lite) vmm_lite "" ;;
	vmm-lite-inline) vmm_lite ,iothread=off,aio=sync ;;
	kvmtool)
		exec "${LKVM:-lkvm}" run -k "$kernel" -i "$initrd" -p "$append" -c 1 -m $memory \
			-d "$work/disk.raw" -n mode=none --console serial
		;;
	qemu-pc)
		qemu -M pc -drive "file=$work/disk.raw,format=raw,if=none,id=d" \
			-device virtio-blk-pci,drive=d
		;;
	qemu-microvm)
		qemu -M microvm,rtc=off,pic=off,pit=off,pcie=on -drive "file=$work/disk.raw,format=raw,if=none,id=d" \
			-device virtio-blk-pci,drive=d
		;;
	esac
}

measure() {
	local name=$1 begin at line user='' user_exits='' start='' start_exits='' result=''
	begin=${EPOCHREALTIME/./}
	coproc vmm { run "$name" 2>"$work/err" </dev/null; }
	# shellcheck disable=SC2154 # coproc sets vmm_PID
	local pid=$vmm_PID
	while IFS= read -r -t 60 line <&"${vmm[0]}"; do
		at=${EPOCHREALTIME/./}
		case $line in
		*'vbt-mark user'*) user=$at user_exits=$(exits) ;;
		*'vbt-mark start'*) start=$at start_exits=$(exits) ;;
		*'vbt-mark end'*)
			result=$(awk -v b="$begin" -v u="$user" -v ue="$user_exits" -v s="$start" \
				-v se="$start_exits" -v e="$at" -v ee="$(exits)" -v n=$reads 'BEGIN {
				printf "%.0f\t%d\t%.0f\t%.2f", (u - b) / 1000, ue, n * 1e6 / (e - s), (ee - se) / n }')
			break
			;;
		esac
	done
	kill -9 "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	if [ -n "$result" ]; then
		printf '%s\t%s\n' "$name" "$result"
	else
		echo "guest_peers: $name gave no result: $(tail -n 2 "$work/err" | tr '\n' ' ')" >&2
	fi
}

names='vmm-lite vmm-lite-inline qemu-pc qemu-microvm'
command -v "${LKVM:-lkvm}" >/dev/null && names="$names kvmtool"
[ -n "$only" ] && names=$only
for ((r = 0; r < runs; r++)); do
	for name in $names; do
		measure "$name"
	done
done
