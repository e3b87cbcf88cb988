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
for format in csv json blkparse perfetto otlp; do
	figure "export.$format" "$(rate "export.$format" "$requests" --to $format)" '1000 requests/s' - info
done
figure export.csv.events "$(rate export.csv.events "$events" --to csv --rows events)" '1000 events/s' - info
figure export.pcap "$(rate export.pcap "$events" --to pcap)" '1000 frames/s' 200 min

# Of ten million events, and of a tenth of them.
long=$(runs 10000000 2000000)
for format in csv json blkparse pcap perfetto otlp; do
	for count in $((long / 10)) "$long"; do
		make_trace "$count" 16 "$work/long.vbt" || exit 1
		cost vbtrace export --to $format "$work/long.vbt" || exit 1
		if [ "$count" = "$long" ]; then
			figure "export.memory.$format" "$(calc "$peak / 1024")" "MiB, $((long / 1000000)) M events" 64 max
			figure "export.growth.$format" "$(calc "($peak - $before) * 100 / $before")" "% from a tenth of that" 10 max
		fi
		before=$peak
	done
done
if command -v tshark >/dev/null; then
	vbtrace export --to pcap -o "$work/trace.pcap" "$work/trace.vbt"
	cost -c 1 capinfos -c "$work/trace.pcap" && peer export.pcap "$(calc "$events / 1e3 / ($user + $sys)")" '1000 frames/s' 'capinfos (reads only)'
else
	missing export.pcap '1000 frames/s' capinfos
fi
