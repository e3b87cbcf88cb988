#!/bin/bash
# lab: -m 1G -t 180
# Runs in the lab. A script steps the sample guest: all fourteen marks in their order, for each request; the
# guest finishes as if nobody had looked; the time that it was stopped is in no latency.
# shellcheck disable=SC2154 # variables of lib/checks.sh
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh
export LC_ALL=C.UTF-8
modprobe loop
dd if=/dev/zero of=disk bs=1M count=1 status=none # no holes: reading those is no I/O
printf 'sector 0 of the test' | dd of=disk conv=notrunc status=none
disk=$(losetup --find --show "$PWD/disk")

# step NAME SECONDS VMM-LITE-OPTION...: the first request's fifteen pages stay for so long each, the others go by
step() {
	local name=$1 each=$2
	shift 2
	timeout 100 "$vmm" run --step socket "$@" </dev/null >console 2>err &
	until_true 20 test -S socket || fail "$name: the VMM waits for a learner" "$(cat err)"
	{
		for _ in $(seq 15); do sleep "$each" && echo; done
		yes ''
	} 2>/dev/null | timeout 100 "$vbtrace" teach --live socket --plain >pages 2>teach-err
	status=${PIPESTATUS[1]}
	wait $!
	same "$name: the guest's status, and the learner's" "$? $status" "0 0"
	tr -d '\r' <console >text
}

step first_request 0.4 --payload "$top/build/samples/guests/first_request.elf" --memory 16M \
	--disk "$disk,direct=on,serial=sample-disk"
if diff -u "$top/samples/guests/first_request.expected" text >differences; then
	ok "first_request: prints what it always prints"
else
	fail "first_request: prints what it always prints" "$(cat differences)"
fi
same "first_request: five requests" "$(grep -c '^A request begins' pages)" 5
marks=$(sed -nE 's/^Mark [0-9]+ of 14: (.),.*/\1/p' pages | tr -d '\n')
same "first_request: all marks in order, five times" "$marks" \
	KWPRSQDCEUNMJOKWPRSQDCEUNMJOKWPRSQDCEUNMJOKWPRSQDCEUNMJOKWPRSQDCEUNMJO
# The read has them all; so has the write; the flush and get ID lack the disk's, the rings are always there.
awk '/^A request begins/ {n++} n == 1' pages >first
if grep 'absent:' first >out; then fail "first_request: the read lacks no mark" "$(cat out)"; else ok "first_request: the read lacks no mark"; fi
same "first_request: the rings are on each page" "$(grep -c 'There is no picture' pages)" 0
# Of its fifteen pages eight at least were looked at with the VMM stopped: 3.2 s that are not in its latency.
total=$(sed -nE 's/.*; ([0-9]+) ns since K$/\1/p' first | tail -n 1)
if [ -n "$total" ] && [ "$total" -lt 3200000000 ]; then
	ok "first_request: the stops are no latency"
else
	fail "first_request: the stops are no latency" "'$total' ns since K"
fi

step packed 0 --payload "$top/build/samples/guests/packed.elf" --memory 16M --disk "$disk,direct=on,ring=packed"
same "packed: three requests" "$(grep -c '^A request begins' pages)" 3
same "packed: prints what it always prints" "$(cat text)" "$(cat "$top/samples/guests/packed.expected")"

# A learner that goes away lets the guest go.
timeout 60 "$vmm" run --step socket --payload "$top/build/samples/guests/first_request.elf" --memory 16M \
	--disk "$disk,serial=sample-disk" </dev/null >console 2>err &
until_true 20 test -S socket
guest=$!
sleep 60 | "$vbtrace" teach --live socket --plain >pages 2>&1 &
until_true 20 grep -q '^Page 1 of 15' pages || fail "a learner that hangs up: there is a page" "$(cat pages)"
kill $!
wait $guest
same "a learner that hangs up: the guest finishes" "$?" 0
losetup -d "$disk"
finish teach_live
