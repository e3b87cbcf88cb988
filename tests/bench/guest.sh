#!/bin/bash
# A recorded guest in the lab (guest_kept.sh): reads a second kept with the ring source and all probes of the
# kernel on, and the bytes of a request with all its marks in that trace.
# shellcheck source=tests/bench/common.sh
. "$(dirname "$0")/common.sh"

if ! rounds "$(runs 3 1)" -t 300 -- tests/bench/guest_kept.sh "$(runs 5 1)" "$(runs 3000 1000)"; then
	failed guest.kept 'of reads/s' "$(tail -n1 "$work/err")"
	exit
fi

kept() { awk -F'\t' -v n="$1" '$1 == n && $2 > 0 && $3 > 0 { print $3 / $2 }' "$work/table" | median; }

figure guest.kept "$(kept vbtrace)" 'of reads/s' 0.90,0.95 min
figure guest.kept_stages "$(kept 'stage points')" 'of reads/s' - info
figure guest.kept_counted "$(kept counted)" 'of reads/s' - info
for other in 'perf record' 'trace-cmd record'; do
	value=$(kept "$other")
	if [ -n "$value" ]; then
		peer guest.kept "$value" 'of reads/s' "$other"
	else
		missing guest.kept 'of reads/s' "$other"
	fi
done
figure guest.bytes "$(awk -F'\t' '$6 > 0 { print $5 / $6 }' "$work/table" | median)" 'bytes a request' 90,56 max
figure guest.events "$(awk -F'\t' '$6 > 0 { print $4 / $6 }' "$work/table" | median)" 'events a request' - info
