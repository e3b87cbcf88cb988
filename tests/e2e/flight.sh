#!/bin/bash
# native
# A VMM with a flight recorder: it waits for the recorder that started it, so that the recording has its
# first request; and its file is read alone, while it runs and after it was killed.
# shellcheck disable=SC2154 # variables of lib/checks.sh
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh

for aio in null io_uring; do
	disk=null,aio=null
	[ $aio = null ] || { truncate -s 16M disk.img && disk=disk.img,aio=$aio; }
	rm -f flight
	works "$aio: record a VMM that has a flight recorder" "$vbtrace" record -o "$aio.vbt" -- \
		"$vmm" bench --disk "$disk" --count 500 --flight-recorder flight,size=16M
	works "$aio: show" "$vbtrace" show --json "$aio.vbt"
	true_of "$aio: each request from the first on, complete" \
		'[.[].seq] == [range(1; length + 1)] and length >= 500 and all(.[]; .complete)' out -s
	"$vbtrace" show --json flight >alone.jsonl 2>err
	"$vbtrace" show --json "$aio.vbt" >both.jsonl 2>err
	same "$aio: the file alone has the same requests" \
		"$(jq -c '[.device, .queue, .seq, .op, .sector, .status]' alone.jsonl | sort)" \
		"$(jq -c '[.device, .queue, .seq, .op, .sector, .status]' both.jsonl | sort)"
done

rm -f flight
"$vmm" bench --disk null,aio=null,delay=1ms --depth 4 --time 60s --flight-recorder flight,size=1M >/dev/null 2>&1 &
bench=$!
some_requests() { [ "$("$vbtrace" report --json flight 2>/dev/null | jq .complete)" -gt 20 ]; }
if until_true 30 some_requests; then ok "the file of a VMM that runs"; else fail "the file of a VMM that runs"; fi
kill -KILL $bench
wait $bench 2>/dev/null
works "the file of a VMM that was killed" "$vbtrace" report --json flight
true_of "its last requests" '.complete > 20 and .lost_events.file == 0' out

finish flight
