#!/bin/bash
# Bytes in the file for a request with all 14 marks, none of them shared with another request: 16 events (the 14,
# and two that link them). The lab's benchmark says the same of a real recording. Peers by bytes an event.
# shellcheck source=tests/bench/common.sh
. "$(dirname "$0")/common.sh"

events=$(runs 10000000 1000000)
make_trace "$events" 1 "$work/trace.vbt" || exit 1
bytes=$(stat -c %s "$work/trace.vbt")
figure size.request "$(calc "$bytes / ($events / 16)")" 'bytes, 16 events' 90,56 max
figure size.event "$(calc "$bytes / $events")" 'bytes an event' - info

perf_events=0 trace_cmd_events=0 # set by these
. "$here/peer_traces.sh"
perf_trace size.event 'bytes an event' && peer size.event \
	"$(calc "$(stat -c %s "$work/perf.data") / $perf_events")" 'bytes an event' 'perf record'
trace_cmd_trace size.event 'bytes an event' && peer size.event \
	"$(calc "$(stat -c %s "$work/trace.dat") / $trace_cmd_events")" 'bytes an event' 'trace-cmd record'
peer size.event 48 'bytes an event' 'blktrace (its record)'
