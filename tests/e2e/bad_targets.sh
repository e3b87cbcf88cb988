#!/bin/bash
# native
# Targets that are none, or of another version, or that die, stop or are shared: one line and the right status,
# or a recording; nothing hangs.
# shellcheck disable=SC2154 # variables of lib/checks.sh
# shellcheck disable=SC2016 # the dollars in single quotes are jq's
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh

start() { # a bench that runs until it is stopped; its PID in `bench`
	"$vmm" bench --disk null,aio=null,delay=1ms --depth 4 --time 300s >/dev/null 2>&1 &
	bench=$!
	until_true 20 has_ring "$bench"
}
has_ring() { "$vbtrace" list --json | jq -e "any(.targets[]; .pid == $1)"; }
stop() {
	kill "$@"
	wait "$@"
} 2>/dev/null

sleep 300 &
other=$!
refused "no VMM" 1 "$vbtrace" record -p $other -o t.vbt
says "no VMM: said" err "^vbtrace: process $other offers no stage points: it is not a VMM that vbtrace knows$"
refused "no VMM, USDT" 1 "$vbtrace" record --source usdt -p $other -o t.vbt
refused "no VMM, as a command" 1 "$vbtrace" record -o t.vbt -- true
stop $other
refused "no process" 1 "$vbtrace" record -p $other -o t.vbt
says "no process: said" err "there is no process $other$"

# Of another version: the number is in the ring's header.
start
python3 - $bench <<'PYTHON'
import glob, os, sys
for path in glob.glob(f"/proc/{sys.argv[1]}/fd/*"):
    if "memfd:vbtrace-ring" in os.readlink(path):
        fd = os.open(path, os.O_RDWR)
        os.pwrite(fd, (99).to_bytes(4, "little"), 8)
PYTHON
refused "another version" 1 "$vbtrace" record -p $bench -o t.vbt
says "another version: said" err "process $bench has stage records of version 99, this vbtrace reads version [0-9]+; use the vbtrace that came with that VMM$"
if [ ! -e t.vbt ]; then ok "and no file is left"; else fail "and no file is left"; fi
stop $bench

# One that stands still does not switch its points on.
start
kill -STOP $bench
refused "a stopped one" 1 "$vbtrace" record -p $bench -o t.vbt
says "a stopped one: said" err "process $bench does not switch its stage points on: it does not run; is it stopped\?$"
kill -CONT $bench
works "going on" "$vbtrace" record -p $bench --duration 300ms -o t.vbt

# The same as a command: it is waited for once. A ring that is that VMM's but for the process, which stops.
cat >stands <<'PYTHON'
import fcntl, glob, os, signal, sys
path = next(p for p in glob.glob(f"/proc/{sys.argv[1]}/fd/*") if "memfd:vbtrace-ring" in os.readlink(p))
ring = bytearray(os.pread(os.open(path, os.O_RDONLY), 1 << 20, 0))
ring[24:28] = os.getpid().to_bytes(4, "little")
ring[72:80] = bytes(8)  # nobody wants it, it is not on
fd = os.memfd_create("vbtrace-ring", os.MFD_ALLOW_SEALING)
os.write(fd, ring)
fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
os.kill(os.getpid(), signal.SIGSTOP)
PYTHON
refused "a stopped command" 1 "$vbtrace" record -o t.vbt -- python3 stands $bench
says "a stopped command: said" err "process [0-9]+ does not switch its stage points on: it does not run; is it stopped\?$"
stop $bench

# One that dies while attaching, at many moments: the recording ends by itself, or says one line.
faults=''
for try in $(seq 1 12); do
	start
	(sleep "0.$((try * 8 / 10))$((try * 8 % 10))" && kill -KILL $bench) &
	killer=$!
	rm -f dying.vbt
	timeout -k 5 30 "$vbtrace" record -p $bench -o dying.vbt >out 2>err
	status=$?
	wait $killer $bench 2>/dev/null
	case $status in
	0) "$vbtrace" report --json dying.vbt >out 2>err2 || faults+=" $try: unreadable: $(cat err2)" ;;
	1) [ "$(grep -vc 'not recorded: ' err)" -eq 1 ] || faults+=" $try: $(cat err)" ;;
	*) faults+=" $try: status $status: $(cat err)" ;;
	esac
done 2>/dev/null
same "it dies while attaching, 12 times" "$faults" ''

# Two recorders of one VMM, and a third when one of them has gone: each has what it was there for.
start
"$vbtrace" record -p $bench -o one.vbt 2>one.err &
one=$!
has_requests() { [ "$("$vbtrace" report --json "$1" | jq .complete)" -gt 0 ]; }
until_true 60 has_requests one.vbt
"$vbtrace" record -p $bench --duration 500ms -o two.vbt 2>two.err
works "a third recorder" "$vbtrace" record -p $bench --duration 300ms -o three.vbt
stop $bench
wait $one
for name in one two three; do
	"$vbtrace" report --json $name.vbt >$name.json 2>err
	true_of "recorder $name: requests, and none lost" \
		'.complete > 100 and ([.lost_events[]] | add) == 0' $name.json
done
"$vbtrace" show --json one.vbt >one.jsonl 2>err
"$vbtrace" show --json two.vbt | jq -c 'select(.complete)' >two.jsonl 2>err
true_of "both recorders saw the same requests" \
	'map({key: (.seq | tostring), value: [.op, .sector, .bytes, .kick_seq, .irq_seq]}) | from_entries as $one
	| [$two[] | $one[.seq | tostring] == [.op, .sector, .bytes, .kick_seq, .irq_seq]] | all and length > 100' \
	one.jsonl -s --slurpfile two two.jsonl

# What the tests themselves say of a recording that takes too long, and do with it.
start
in_time 1 "$vbtrace" record -p $bench -o long.vbt >out 2>err </dev/null
same "too long: status" $? 124
say_standstill >stood
says "too long: where the recorder was" stood '^  thread [0-9]+ vbtrace: .* system call '
says "too long: and the VMM" stood '^  thread [0-9]+ stage-control: S .* in futex'
stop $bench

finish bad_targets
