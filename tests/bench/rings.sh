#!/bin/bash
# Packed and split rings under `vmm-lite bench` on the null disk: requests a second in turn, and instructions a
# request, which are the same whatever else the machine does. Neither may cost more than a tenth over the
# other: the ratio is of the dearer to the cheaper.
# shellcheck source=tests/bench/common.sh
. "$(dirname "$0")/common.sh"

rounds=$(runs 15 3)

rate() {
	vmm-lite bench --disk "null,aio=null,ring=$1" --depth 32 --time 0.4s --json | jq -r .iops
}

cost_of() {
	local long short
	long=$(instructions vmm-lite bench --disk "null,aio=null,iothread=off,ring=$1" --depth 32 --count 30000)
	short=$(instructions vmm-lite bench --disk "null,aio=null,iothread=off,ring=$1" --depth 32 --count 10000)
	[ -n "$long" ] && [ -n "$short" ] && calc "($long - $short) / 20000"
}

dearer() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", (a > b) ? a / b : b / a }'; }

for ((i = 0; i < rounds; i++)); do
	split=$(rate split) packed=$(rate packed)
	echo "$split" >>"$work/split"
	echo "$packed" >>"$work/packed"
	calc "$packed / $split" >>"$work/ratio"
	echo >>"$work/ratio"
done
figure ring.split "$(median <"$work/split")" 'requests/s' - info
figure ring.packed "$(median <"$work/packed")" 'requests/s' - info
figure ring.rate "$(dearer "$(grep . "$work/ratio" | median)" 1)" 'slower to faster' 1.1 max
split=$(cost_of split) packed=$(cost_of packed)
if [ -n "$split" ] && [ -n "$packed" ]; then
	figure ring.split_instructions "$split" 'a request, guest driver included' - info
	figure ring.packed_instructions "$packed" 'a request, guest driver included' - info
	figure ring.instructions "$(dearer "$split" "$packed")" 'dearer to cheaper' 1.1 max
else
	failed ring.instructions 'dearer to cheaper' 'neither perf nor valgrind counts instructions here'
fi
