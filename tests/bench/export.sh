#!/bin/bash
# Exporting on one core: thousands of requests a second of processor time for each format, from a generated trace
# with 16 requests in flight in each of two queues; for a capture the frames as well, of which each event is one. And
# the peak of memory, and by how much it grows when the trace is ten times as long.
# shellcheck source=tests/bench/common.sh
. "$(dirname "$0")/common.sh"

events=$(runs 2000000 400000)
make_trace "$events" 16 "$work/trace.vbt" || exit 1
requests=$(vbtrace report --json "$work/trace.vbt" | jq .requests)

# rate NAME UNITS OPTION...: median of UNITS a second of processor time
rate() {
	local name=$1 count=$2
	shift 2
	rm -f "$work/rates"
	for ((i = 0; i < $(runs 3 1); i++)); do
		cost -c 1 vbtrace export "$@" "$work/trace.vbt" || {
			failed "$name" '1000/s' "$(tail -n1 "$work/err")"
			return
		}
		calc "$count / 1e3 / ($user + $sys)" >>"$work/rates"
		echo >>"$work/rates"
	done
	median <"$work/rates"
}
# Each format in each of its units: the name of the figure, and the options.
declare -A options=([csv]='--to csv' [csv.events]='--to csv --rows events' [json]='--to json' [json.events]='--to json --rows events'
	[blkparse]='--to blkparse' [pcap]='--to pcap' [pcap.requests]='--to pcap --frames request' [perfetto]='--to perfetto' [otlp]='--to otlp')
names=(csv json blkparse perfetto otlp csv.events json.events pcap.requests pcap)
# shellcheck disable=SC2086 # options are words
for name in "${names[@]}"; do
	case $name in
	pcap) figure export.pcap "$(rate export.pcap "$events" ${options[$name]})" '1000 frames/s' 200 min ;;
	*.events) figure "export.$name" "$(rate "export.$name" "$events" ${options[$name]})" '1000 events/s' - info ;;
	*) figure "export.$name" "$(rate "export.$name" "$requests" ${options[$name]})" '1000 requests/s' - info ;;
	esac
done

# Of ten million events, which are more than a million requests, and of a tenth of them.
long=$(runs 10000000 2000000)
make_trace $((long / 10)) 16 "$work/tenth.vbt" && make_trace "$long" 16 "$work/long.vbt" || exit 1
# memory NAME COMMAND...: the peak, and its growth
memory() {
	local name=$1 before
	shift
	rm -f "$work/peaks"
	for ((i = 0; i < 3; i++)); do
		cost "$@" "$work/tenth.vbt" || exit 1
		echo "$peak" >>"$work/peaks"
	done
	before=$(median <"$work/peaks")
	cost "$@" "$work/long.vbt" || exit 1
	figure "export.memory.$name" "$(calc "$peak / 1024")" "MiB, $((long / 1000000)) M events" 64 max
	figure "export.growth.$name" "$(calc "($peak - $before) * 100 / $before")" "% from a tenth of that" 10 max
}
# shellcheck disable=SC2086
for name in "${names[@]}"; do
	memory "$name" vbtrace export ${options[$name]}
done
memory html vbtrace report --html "$work/page.html"
figure export.html.size "$(calc "$(stat -c %s "$work/page.html") / 1048576")" "MiB, $(vbtrace report --json "$work/long.vbt" | jq '.requests / 1e6') M requests" 2 max

if command -v tshark >/dev/null; then
	vbtrace export --to pcap -o "$work/trace.pcap" "$work/trace.vbt"
	cost -c 1 capinfos -c "$work/trace.pcap" && peer export.pcap "$(calc "$events / 1e3 / ($user + $sys)")" '1000 frames/s' 'capinfos (reads only)'
else
	missing export.pcap '1000 frames/s' capinfos
fi
