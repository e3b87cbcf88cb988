#!/bin/bash
# native
# A loss is never silent. A kernel buffer of one page, and VMM rings of 512 records, are too small on purpose,
# and a file that has no ring for some threads: what was lost is counted, lost, incomplete and complete add
# up, and no figure includes a broken request.
# shellcheck disable=SC2154 # variables of lib/checks.sh
# shellcheck disable=SC2016 # the dollars in single quotes are jq's
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh

# adds_up NAME SOURCE-OF-THE-LOSS: NAME.vbt, and NAME.bench, what the bench says that it did
adds_up() {
	local name=$1 source=$2
	works "$name: report" "$vbtrace" report --json "$name.vbt"
	mv out "$name.json"
	"$vbtrace" show --json "$name.vbt" >"$name.jsonl" 2>err
	works "$name: no figure includes a broken request" \
		python3 "$top/tests/e2e/lib/recount.py" "$name.json" "$name.jsonl"
	true_of "$name: events were lost, at $source, and counted" ".lost_events[\"$source\"] > 0" "$name.json"
	true_of "$name: requests broke by it, and not all" '.incomplete > 0 and .complete > 0' "$name.json"
	true_of "$name: complete and incomplete are all" '.complete + .incomplete == .requests' "$name.json"
	# The bench flushes in the end what it wrote.
	true_of "$name: each is there once, or known never to have been seen" \
		'([.[].seq] | unique | length) == length
		and (length + $report[0].unseen - $bench[0].requests | . == 0 or . == 1)' \
		"$name.jsonl" -s --slurpfile report "$name.json" --slurpfile bench "$name.bench"
	true_of "$name: an incomplete one lost a mark, and says so" \
		'all(.[]; .complete == (any(.absent[]; . == "lost" or . == "before the recording began"
		or . == "the recording ended first" or . == "did not come in time") | not))' "$name.jsonl" -s
	works "$name: report for people" "$vbtrace" report "$name.vbt"
	says "$name: report for people says it in red words" out "^lost +.*$source [0-9]+"
}

if has_bpf; then
	head -c 16M /dev/urandom >disk.img
	for _ in 1 2 3; do
		"$vbtrace" record --buffer 4K -o kernel.vbt -- "$vmm" bench --disk disk.img,direct=on --rw randrw \
			--depth 64 --count 3000 --json >kernel.bench 2>err
		! grep -q 'none lost' err || continue
		break
	done
	says "kernel: record says so in its last line" err '[0-9]+ LOST: kernel [0-9]+$'
	adds_up kernel kernel
	# A read is one bio, which is queued, issued and completed: each of these is there, or counted as lost.
	"$vbtrace" record --buffer 4K -o bios.vbt -- "$vmm" bench --disk disk.img,direct=on --rw randread \
		--depth 64 --count 3000 --json >/dev/null 2>err
	lost=$("$vbtrace" report --json bios.vbt | jq .lost_events.kernel)
	seen=$("$vbtrace" export --to csv --rows events bios.vbt -o - | cut -d, -f2 | grep -cE '^(queue|issue|complete)$')
	if [ $((seen + lost)) -ge 9000 ] && [ "$lost" -gt 0 ]; then
		ok "bios: each event is there or counted as lost"
	else
		fail "bios: each event is there or counted as lost" "$seen of 9000, $lost lost"
	fi
else
	skip kernel "BPF programs cannot be loaded here"
fi

"$vbtrace" record -o ring.vbt -- "$vmm" bench --disk null,aio=null --rw randrw --depth 64 --count 20000 \
	--flight-recorder flight,size=256K --json >ring.bench 2>err
says "ring: record says so in its last line" err '[0-9]+ LOST: .*disk0-q0 [0-9]+$'
adds_up ring disk0-q0

# 64 queues in a file with room for the rings of a few: the others' requests are not there, and that is no secret.
"$vbtrace" record -o slots.vbt -- "$vmm" bench --disk null,aio=null,queues=64 --depth 4 --count 200 \
	--flight-recorder slots.flight,size=256K --json >slots.bench 2>err
says "slots: record says so in its last line" err '[0-9]+ LOST: .*no ring [0-9]+'
for file in slots.vbt slots.flight; do
	"$vbtrace" report --json $file >slots.json
	true_of "$file: what found no ring is counted" '.requests < 200 and .lost_events["no ring"] >= 5 * (200 - .requests)' \
		slots.json
	true_of "$file: complete and incomplete are all" '.complete + .incomplete == .requests' slots.json
done

# A ring whose header makes no sense: what it lost nobody knows, but that it did.
"$vmm" bench --disk null,aio=null --count 200 --flight-recorder good.flight >/dev/null
python3 - good.flight bad.flight <<'END'
import struct, sys
data = bytearray(open(sys.argv[1], 'rb').read())
# struct vbt_shm_header (lib/record.h): its size, and at its end 96 rings of 64 bytes
size, = struct.unpack_from('<I', data, 12)
for ring in range(size - 96 * 64, size, 64):
    if data[ring + 32:ring + 48].startswith(b'disk0-q0\0'):
        struct.pack_into('<Q', data, ring + 16, 3)
        break
else:
    sys.exit('no ring of disk0-q0')
open(sys.argv[2], 'wb').write(data)
END
"$vbtrace" report --json good.flight >good.json
true_of "unreadable: before, nothing was lost" '.lost_events | add == 0' good.json
"$vbtrace" report --json bad.flight >bad.json
true_of "unreadable: counted once, under its name" '.lost_events["disk0-q0 unreadable"] == 1' bad.json
works "unreadable: report for people" "$vbtrace" report bad.flight
says "unreadable: report for people says it" out '^lost +.*disk0-q0 unreadable 1$'

finish losses
