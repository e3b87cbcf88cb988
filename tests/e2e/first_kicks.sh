#!/bin/bash
# lab: -m 1G -t 300
# Runs in the lab. A guest that rings a doorbell as soon as it has it is counted from its first kick on, though the
# recorder gets the processor only when nobody else wants it: the VMM waits for it. RUNS: recordings of each guest.
# shellcheck disable=SC2154 # variables of lib/checks.sh
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh
runs=${RUNS:-3}

# kicked NAME REQUESTS GUEST KEYS KICKS: all requests are complete, and their kicks are such
kicked() {
	local run whole lost=''
	for ((run = 1; run <= runs; run++)); do
		truncate -s 1M disk
		rm -f t.vbt
		timeout -k 5 60 chrt -i 0 vbtrace record -o t.vbt -- \
			chrt -o 0 vmm-lite run --payload "$top/build/$3.elf" --memory 16M --disk "disk,$4" </dev/null >out 2>err ||
			{
				lost="run $run: $(tail -n 1 err)"
				break
			}
		vbtrace show t.vbt --json >shown 2>>err
		whole=$(grep '"complete":true' shown | grep -cE "\"kick\":\"($5)\"")
		[ "$whole" = "$2" ] || lost="$lost run $run: $whole of $2 are whole;"
	done
	verdict "$1, $runs recordings" "$lost"
}

# A device that has become a bus master looks at its queues by itself, and a thread that starts late does so when the
# first request is there: then its kick, which is counted, is for nothing.
for keys in notify=ioeventfd notify=exit iothread=off,notify=exit; do
	kicked "the first kick, $keys" 5 samples/guests/first_request "$keys" 'exact|suppressed'
	kicked "kicks of a doorbell that moves, $keys" 25 tests/payloads/moving_bars "$keys" 'exact|suppressed'
done

finish first_kicks
