#!/bin/bash
# lab: -m 1G -t 300
# Runs in the lab. The sample guests print what their .expected file says, and do to the disk what they
# claim, however their kicks and interrupts travel.
# The demo without a guest kernel, which runs one of them, records all of its requests.
# shellcheck disable=SC2154 # variables of lib/checks.sh
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh
cd "$top" || exit 1

# on_disk SECTOR TEXT: the sector begins so
on_disk() { dd if="$work/disk" bs=512 skip="$1" count=1 status=none | grep -qa "^$2"; }

# Keys that a guest needs are in its first comment: "disk: queues=2".
needs() { sed -n 's/^ \* disk: /,/p' "samples/guests/$1.c"; }

run() {
	local guest=$1 keys=$2 fault='' status=0
	truncate -s 1M "$work/disk"
	printf 'sector 0 of the test' | dd of="$work/disk" conv=notrunc status=none
	timeout 30 vmm-lite run --payload "build/samples/guests/$guest.elf" --memory 16M \
		--disk "$work/disk,serial=sample-disk$keys" </dev/null >"$work/raw" 2>"$work/err" || status=$?
	tr -d '\r' <"$work/raw" >"$work/out"
	[ $status -eq 0 ] || fault="vmm-lite ended with status $status: $(tail -n 1 "$work/err")"
	diff -u "samples/guests/$guest.expected" "$work/out" || fault=${fault:-the output differs}
	case $guest in
	first_request) on_disk 1 'written by first_request' || fault=${fault:-sector 1 was not written} ;;
	flush) on_disk 3 'stable at once' || fault=${fault:-sector 3 was not written} ;;
	esac
	[ -n "$keys" ] || keys=,defaults
	verdict "$guest ${keys#,}" "$fault"
	rm -f "$work/disk"
}

for guest in samples/guests/*.c; do
	guest=${guest##*/}
	guest=${guest%.c}
	keys=$(needs "$guest")
	run "$guest" "$keys"
	run "$guest" "$keys,notify=exit,signal=ioctl,iothread=off,aio=sync"
done
for keys in notify=exit signal=ioctl iothread=off,aio=sync transport=legacy; do
	run first_request ",$keys"
done
run errors ,transport=modern

# Instructions that KVM hands over in pieces, by each road that a kick has.
truncate -s 1M "$work/disk"
for keys in transport=transitional notify=exit iothread=off,notify=exit,signal=ioctl transport=modern; do
	timeout 30 vmm-lite run --payload build/tests/payloads/odd_accesses.elf --memory 16M \
		--disk "$work/disk,$keys" </dev/null >"$work/raw" 2>"$work/err"
	status=$?
	tr -d '\r' <"$work/raw" | diff <(printf 'ports same\nregisters same\nstatus 0\n') - >"$work/out" && fault='' ||
		fault="it found something else"
	[ $status -eq 0 ] || fault="vmm-lite ended with status $status: $(tail -n 1 "$work/err")"
	verdict "odd accesses, $keys" "$fault"
done
rm -f "$work/disk"

timeout 30 vmm-lite run --payload build/samples/guests/first_request.elf --memory 16M \
	</dev/null >"$work/out" 2>&1
status=$?
fault=''
grep -q 'no virtio-blk device' "$work/out" || fault="it does not say that there is no disk"
[ $status -eq 1 ] || fault="status $status, not 1"
verdict "first_request without a disk" "$fault"

# A recorder that starts the guest is there for its first request; no delay is needed for that.
LAB_GUEST=/nonexistent samples/demo --inside >"$work/demo" 2>&1
check "the demo without a kernel: status 0" "$work/demo" [ $? -eq 0 ]
vbtrace show --json "$LAB_OUT/demo.vbt" >"$work/requests"
same "the demo without a kernel: each request, from its kick on" \
	"$(grep -o '"op":"[a-z_]*"\|"complete":true\|"complete":false\|"marks":{"kick"' "$work/requests" | tr '\n' ' ')" \
	"$(for op in read write flush get_id read; do printf '"op":"%s" "marks":{"kick" "complete":true ' $op; done)"

finish sample_guests
