#!/bin/bash
# A Linux guest on vmm-lite and on its peers, in the lab (guest_peers.sh): from the start of the process to user
# space, KVM exits until then, direct 4 KiB reads a second, exits a read; each VMM in turn, medians, ratios
# of neighbours.
# shellcheck source=tests/bench/common.sh
. "$(dirname "$0")/common.sh"

# The lab sees the checkout only.
peers=()
lkvm=$(command -v "${LKVM:-lkvm}")
if [ -n "$lkvm" ]; then
	mkdir -p build/bench
	cleanup+=("rm -f '$top/build/bench/lkvm'")
	install -m 755 "$lkvm" build/bench/lkvm || exit
	peers=(env "LKVM=$top/build/bench/lkvm")
elif [ -n "${LKVM:-}" ]; then
	echo "boot: no kvmtool at LKVM='$LKVM'" >&2
fi
if ! rounds "$(runs 9 1)" -t 240 -- "${peers[@]}" tests/bench/guest_peers.sh 1; then
	failed boot.time ms "$(tail -n1 "$work/err")"
	exit
fi

# of NAME COLUMN: the median. ratio NAME OTHER COLUMN: of the n-th by the n-th.
of() { awk -F'\t' -v n="$1" -v c="$2" '$1 == n { print $c }' "$work/table" | median; }
ratio() {
	awk -F'\t' -v a="$1" -v b="$2" -v c="$3" '$1 == a { x[++i] = $c } $1 == b { y[++j] = $c }
		END { for (k = 1; k <= i && k <= j; k++) if (y[k] > 0) print x[k] / y[k] }' "$work/table" | median
}

columns=('boot.time ms 2' 'boot.exits exits 3' 'boot.reads reads/s 4' 'boot.read_exits exits/read 5')
for column in "${columns[@]}"; do
	read -r name unit c <<<"$column"
	on=$(of vmm-lite "$c") off=$(of vmm-lite-inline "$c")
	if [ -z "$on" ]; then
		failed "$name" "$unit" 'vmm-lite did not boot'
		continue
	fi
	figure "$name" "$on" "$unit" - info
	figure "$name.inline" "$off" "$unit, iothread=off" - info
	for other in qemu-pc qemu-microvm kvmtool; do
		value=$(of $other "$c")
		if [ -n "$value" ]; then
			peer "$name" "$value" "$unit" $other
		else
			missing "$name" "$unit" $other
		fi
	done
done

# goals NAME ROW COLUMN PEER GOAL DIRECTION
against() {
	local value
	value=$(ratio "$2" "$4" "$3")
	if [ -n "$value" ]; then figure "$1" "$value" "of $4" "$5" "$6"; fi
}
against boot.time_to_qemu vmm-lite 2 qemu-pc 1.0 max
against boot.time_to_kvmtool vmm-lite 2 kvmtool 0.8 max
against boot.reads_to_qemu vmm-lite 4 qemu-pc 1.6,2.3 min
against boot.reads_to_qemu.inline vmm-lite-inline 4 qemu-pc 1.6,2.3 min
against boot.reads_to_kvmtool vmm-lite 4 kvmtool 1.1,1.5 min
against boot.reads_to_kvmtool.inline vmm-lite-inline 4 kvmtool 1.1,1.5 min
