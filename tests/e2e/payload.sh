#!/bin/bash
# native
# The guest's data: in a capture if it was asked for when recording and when exporting, and then what is on the disk; else
# nowhere, neither in the trace nor in what is made of it.
# shellcheck disable=SC2154 # variables of lib/checks.sh
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh
check=$top/tests/e2e/lib/payload_check.py
dissector=$top/cli/wireshark/vbtrace.lua

# Each sector says which it is, so that nothing is like anything else by chance.
python3 - <<'PYTHON'
import random
random.seed(1)
with open("disk.img", "wb") as disk:
    for sector in range(32768):
        disk.write(b"TOP-SECRET %08d " % sector + random.randbytes(492))
PYTHON
cp disk.img before.img
rows='-e vblk.kind -e vblk.mark -e vblk.request_id -e vblk.op -e vblk.sector -e vblk.length -e frame.cap_len -e frame.len -e vblk.data_length -e vblk.data'

# captured NAME TRACE IMAGE N WANTED [option...]: the frames of an export have N bytes at most of each request, as in the image
captured() {
	local name=$1 trace=$2 image=$3 bytes=$4 wanted=$5
	shift 5
	works "$name: export" "$vbtrace" export --to pcap --payload "$bytes" "$@" -o out.pcap "$trace"
	same "$name: says nothing" "$(cat err)" ""
	# shellcheck disable=SC2086 # a list of words is meant
	tshark -X "lua_script:$dissector" -r out.pcap -T fields -E separator=/t $rows >frames.txt 2>/dev/null
	if "$check" "$image" frames.txt "$bytes" "$wanted" >out; then ok "$name: $(cat out)"; else fail "$name" "$(cat out)"; fi
}

# --- reads: what the guest gets is what is in the image
for bytes in 1 512 700 4096; do
	works "reads, $bytes bytes" "$vbtrace" record -o read-$bytes.vbt --payload $bytes -- \
		"$vmm" bench --disk disk.img,aio=io_uring,queues=2 --rw randread --count 200
	says "reads, $bytes bytes: none lost" err "none lost"
	captured "reads, $bytes bytes" read-$bytes.vbt disk.img $bytes 200
	captured "reads, $bytes bytes, frames of requests" read-$bytes.vbt disk.img $bytes 200 --frames request
done
same "a trace with data is its owner's" "$(stat -c %a read-512.vbt)" 600
same "a capture with data as well" "$(stat -c %a out.pcap)" 600
"$vbtrace" export --to pcap -o plain.pcap read-512.vbt
same "one without is as others" "$(stat -c %a plain.pcap)" "$(printf %o $((0666 & ~$(umask))))"
cp read-1.vbt older.vbt && chmod 644 older.vbt
works "an older file" "$vbtrace" record -o older.vbt --payload 1 -- "$vmm" bench --disk disk.img --count 1
same "an older file becomes its owner's" "$(stat -c %a older.vbt)" 600
captured "fewer than were recorded" read-4096.vbt disk.img 33 200
captured "more than were recorded" read-1.vbt disk.img 1 200
works "more than were recorded: export" "$vbtrace" export --to pcap --payload 4096 -o out.pcap read-1.vbt
# A request of several pieces, bigger than what can be had of it.
works "reads of 64K" "$vbtrace" record -o big.vbt --payload 4096 -- \
	"$vmm" bench --disk disk.img,aio=sync,ring=packed --rw randread --block-size 64K --count 50
captured "reads of 64K" big.vbt disk.img 4096 50

# --- writes: what the guest gave is what is in the image afterwards; each sector is written once
works "writes" "$vbtrace" record -o write.vbt --payload 512 -- \
	"$vmm" bench --disk disk.img,aio=io_uring,queues=1 --rw write --count 500
if cmp -s disk.img before.img; then fail "writes: the image is another"; else ok "writes: the image is another"; fi
captured "writes" write.vbt disk.img 512 500
captured "writes, frames of requests" write.vbt disk.img 512 500 --frames request
# With merged ones each has its own.
works "merged writes" "$vbtrace" record -o merged.vbt --payload 512 -- \
	"$vmm" bench --disk disk.img,aio=io_uring,merge=on --rw write --count 500 --verify
captured "merged writes, and read again" merged.vbt disk.img 512 1000

# --- with snapshots of the rings as well: neither takes anything from the other
works "data and rings" "$vbtrace" record -o both.vbt --payload 512 --snapshot rings -- \
	"$vmm" bench --disk disk.img,aio=io_uring --rw randread --count 200
captured "data and rings" both.vbt disk.img 512 200
"$vbtrace" export --to csv --rows events both.vbt >both.csv
same "data and rings: a snapshot at each pop and push" \
	"$(awk -F, '$2 == "ring" { seen[$2]++ } $2 == "pop" || $2 == "push" { marks++ } END { print (seen["ring"] >= marks && marks == 400) }' both.csv)" 1

# --- a second reader of the format sees the same bytes
python3 "$top/tests/format/vbt.py" read-512.vbt --data >second.txt
works "export" "$vbtrace" export --to pcap --payload 512 -o out.pcap read-512.vbt
tshark -X "lua_script:$dissector" -r out.pcap -Y vblk.data -T fields -e vblk.queue -e vblk.event.seq -e vblk.data 2>/dev/null | sort >frames.txt
awk '{ print $2 "\t" $3 "\t" $5 }' second.txt | sort >wanted.txt
if [ -s wanted.txt ] && cmp -s frames.txt wanted.txt; then ok "a second reader of the format sees the same data"; else fail "a second reader of the format sees the same data" "$(diff frames.txt wanted.txt | head -4)"; fi
works "and the same events" "$vbtrace" export --to csv --rows events read-512.vbt -o events.csv
works "and the same events: compared" python3 "$top/tests/format/vbt.py" read-512.vbt events.csv

# --- nobody else sees it: the same requests, reports and rows
"$vbtrace" show --json read-512.vbt >shown.jsonl
same "show: requests" "$(wc -l <shown.jsonl)" 200
works "report" "$vbtrace" report --json read-512.vbt
true_of "report: all complete, nothing lost" '.requests == 200 and .complete == 200 and ([.lost_events[]] | add) == 0' out
for format in csv json blkparse perfetto otlp pcap; do
	"$vbtrace" export --to $format read-4096.vbt >plain.out 2>err
	same "$format without --payload: no data of the guest" "$(grep -c 'TOP-SECRET' -a plain.out) $(cat err)" "0 "
done
for rows_of in "csv --rows events" "json --rows events" "pcap --frames request"; do
	# shellcheck disable=SC2086 # a list of words is meant
	"$vbtrace" export --to $rows_of read-4096.vbt >plain.out
	same "$rows_of without --payload: no data" "$(grep -acE 'TOP-SECRET|(^|,|")data("|,)' plain.out)" 0
done
works "--payload 0" "$vbtrace" export --to pcap --payload 0 -o none.pcap read-4096.vbt
"$vbtrace" export --to pcap -o unset.pcap read-4096.vbt
if cmp -s none.pcap unset.pcap; then ok "--payload 0 is as if unset"; else fail "--payload 0 is as if unset"; fi

# --- never recorded unless asked: no byte of it in any event of the trace, packed or not
works "record without" "$vbtrace" record -o plain.vbt --snapshot rings -- "$vmm" bench --disk before.img,aio=io_uring --rw randread --count 200
for trace in plain.vbt read-512.vbt; do "$check" --search $trace "$top/tests/format/vbt.py" >>searched; done
same "no data in a trace recorded without" "$(sed -n 1p searched)" "0 events of data, 0 with what is on the disk"
says "it would be found" searched '^[1-9][0-9]* events of data, [1-9]'
same "its format is the one that has none" "$(od -An -tu2 -j8 -N2 plain.vbt | tr -d ' ')" 3
same "with data it is another" "$(od -An -tu2 -j8 -N2 read-512.vbt | tr -d ' ')" 4
works "export of what was not recorded" "$vbtrace" export --to pcap --payload 512 -o out.pcap plain.vbt
says "export of what was not recorded: says so" err "no data of these requests in this trace: 'vbtrace record --payload N' records it"

# --- two at once, one of which asked: the other one has none; and one has as much as it asked for
"$vmm" bench --disk before.img,aio=io_uring,delay=50ms --rw randread --depth 2 --time 300s >/dev/null 2>&1 &
bench=$!
trap 'kill $bench 2>/dev/null; rm -rf "$work"' EXIT
listed() { "$vbtrace" list --json | jq -e --argjson pid $bench '[.targets[].pid] | index($pid)'; }
until_true 20 listed
"$vbtrace" record -p $bench --payload 4096 --duration 1500ms -o all.vbt 2>all.err &
first=$!
"$vbtrace" record -p $bench --payload 20 --duration 1200ms -o some.vbt 2>some.err &
second=$!
"$vbtrace" record -p $bench --duration 1s -o none.vbt 2>none.err
wait $first $second
for which in all:4096 some:20; do
	python3 "$top/tests/format/vbt.py" ${which%:*}.vbt --data | awk '{ print length($5) / 2 }' | sort -n | uniq -c | sort -rn >lengths
	same "two at once: bytes of a request, ${which%:*}" "$(awk 'NR == 1 { print $2 }' lengths)" "${which#*:}"
done
"$check" --search none.vbt "$top/tests/format/vbt.py" >searched
same "two at once: none for who did not ask" "$(cat searched)" "0 events of data, 0 with what is on the disk"
works "two at once: nothing is lost by that" "$vbtrace" report --json none.vbt
true_of "two at once: nothing is lost by that" '([.lost_events[]] | add) == 0 and .requests > 10' out
# Who comes later gets none of it either: it is off again.
works "afterwards" "$vbtrace" record -p $bench --duration 500ms -o later.vbt
"$check" --search later.vbt "$top/tests/format/vbt.py" >searched
same "afterwards: none" "$(cat searched)" "0 events of data, 0 with what is on the disk"
kill $bench

refused "data by USDT" 2 "$vbtrace" record --source usdt --payload 16 -o x.vbt -- true
says "data by USDT: why" err "comes by the VMM's ring"
"$vmm" bench --flight-recorder flight.rec --disk null,aio=null --time 30s >/dev/null 2>&1 &
bench=$!
until_true 20 listed
refused "data of a flight recorder" 1 "$vbtrace" record --payload 16 -p $bench -o x.vbt
says "data of a flight recorder: why" err "flight recorder, which takes no data of requests"
kill $bench
refused "too many bytes" 2 "$vbtrace" record --payload 4097 -o x.vbt -- true
refused "too many bytes to export" 2 "$vbtrace" export --to pcap --payload 4097 read-512.vbt
refused "data in rows" 2 "$vbtrace" export --to csv --payload 16 read-512.vbt

finish payload
