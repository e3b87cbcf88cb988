#!/bin/bash
# native
# Files that are no traces, other traces, or cut ones, for every command that reads; disks that are full and pipes
# that close, for every command that writes. One line, the right status, and what was recorded stays readable.
# shellcheck disable=SC2154 # variables of lib/checks.sh
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh

good=$top/samples/traces/linux-writes.vbt
: >empty
head -c 50000 /dev/urandom >foreign
head -c 20 "$good" >header-only-in-part
python3 - "$good" newer 5 older 2 <<'PYTHON'
import ctypes, sys
xxh = ctypes.CDLL("libxxhash.so.0").XXH3_64bits
xxh.restype, xxh.argtypes = ctypes.c_uint64, [ctypes.c_char_p, ctypes.c_size_t]
data = open(sys.argv[1], "rb").read()
for name, version in zip(sys.argv[2::2], sys.argv[3::2]):
    head = data[:8] + int(version).to_bytes(2, "little") + data[10:28]
    open(name, "wb").write(head + (xxh(head, 28) & 0xffffffff).to_bytes(4, "little") + data[32:])
PYTHON
readers=(report show "export --to csv" "diff $good")
for command in "${readers[@]}"; do
	name=${command%% *}
	# shellcheck disable=SC2086 # words are meant
	while read -r file what; do
		refused "$name: $file" 1 "$vbtrace" $command $file
		says "$name: $file, said" err "$what"
	done <<-'LIST'
	missing cannot open 'missing': No such file or directory$
	empty cannot read 'empty': not a trace: the file is empty$
	foreign cannot read 'foreign': not a vbtrace file: it does not begin like one$
	header-only-in-part cut off within its header$
	newer format version 5, this vbtrace reads 3 and 4: use a newer vbtrace$
	older format version 2, this vbtrace reads 3 and 4: use the vbtrace that wrote it$
	LIST
done

# A cut trace is read as far as it goes, wherever the cut is, and said to be cut.
size=$(stat -c %s "$good")
for part in 3 30 60 99; do
	head -c $((size * part / 100)) "$good" >cut.vbt
	works "cut at $part %: report" "$vbtrace" report --json cut.vbt
	true_of "cut at $part %: said" '.damage | test("cut off|damaged")' out
done

# Output: what is there and is no trace stays; a full disk and a closed pipe are failures in one line.
echo precious >notes
refused "record over a file that is no trace" 1 "$vbtrace" record -o notes -- "$vmm" bench --disk null,aio=null --count 10
same "record over a file that is no trace: it is still there" "$(cat notes)" precious
refused "record into a directory that is not there" 1 "$vbtrace" record -o no/t.vbt -- "$vmm" bench --disk null,aio=null --count 10
works "record over a trace" "$vbtrace" record -o t.vbt -- "$vmm" bench --disk null,aio=null --count 10
works "record over a trace, again" "$vbtrace" record -o t.vbt -- "$vmm" bench --disk null,aio=null --count 20
works "record over a trace: the new one" "$vbtrace" report --json t.vbt
true_of "record over a trace: has the new requests" '.requests == 20' out
for command in report show "export --to csv" "diff $good"; do
	# shellcheck disable=SC2086 # words are meant
	timeout 20 "$vbtrace" $command "$good" >/dev/full 2>err
	same "${command%% *} to a full disk: status" $? 1
	same "${command%% *} to a full disk: one line" "$(wc -l <err)" 1
	# shellcheck disable=SC2086 # words are meant
	timeout 20 "$vbtrace" $command "$good" 2>err | head -c 10 >/dev/null
	if [ "${PIPESTATUS[0]}" -ne 124 ] && [ "$(wc -l <err)" -le 1 ]; then
		ok "${command%% *} to a pipe that closes: ends"
	else
		fail "${command%% *} to a pipe that closes: ends" "$(cat err)"
	fi
done

# What is printed for people and filters has been read when its reader goes away; also if the parent ignores SIGPIPE.
# closes NAME COMMAND...: into a pipe whose other end is closed from the start
closes() {
	local name=$1 how
	shift
	for how in DFL IGN; do
		same "$name, SIGPIPE $how: status 0, and not a word" \
			"$(timeout -k 5 30 python3 -c 'import os, signal, subprocess, sys
signal.signal(signal.SIGPIPE, getattr(signal, "SIG_" + sys.argv[1]))
end, out = os.pipe()
os.close(end)
print(subprocess.run(sys.argv[2:], stdin=subprocess.DEVNULL, stdout=out,
	restore_signals=False).returncode)' $how "$@" 2>&1)" 0
	done
}
"$vmm" bench --disk null,aio=null,delay=1ms --depth 4 --time 60s >/dev/null 2>&1 &
bench=$!
closes "top -b, live" "$vbtrace" top -b -p $bench 100ms
closes "top -b, live, long before its first interval" "$vbtrace" top -b -p $bench 1000
closes "top --json, live" "$vbtrace" top --json -p $bench 100ms
kill $bench
wait $bench 2>/dev/null
for command in "top -b -i" "top --json -i" report "report --json" show "show --json" "diff $good" "diff --json $good"; do
	# shellcheck disable=SC2086 # words are meant
	closes "${command% /*}" "$vbtrace" $command "$good"
done
for command in "teach --plain" list "list --stages" doctor "doctor --json" "top --keys" help "top --help" --version; do
	# shellcheck disable=SC2086 # words are meant
	closes "$command" "$vbtrace" $command
done

# A disk that fills up while recording: what was written until then can be read.
if mkdir small && mount -t tmpfs -o size=256k none small 2>/dev/null; then
	timeout -k 5 60 "$vbtrace" record -o small/t.vbt -- "$vmm" bench --disk null,aio=null --count 200000 >out 2>err
	same "a disk that fills up: status" $? 1
	says "a disk that fills up: said" err "cannot write .*No space left on device.*(kept|readable)"
	works "a disk that fills up: what was recorded" "$vbtrace" report --json small/t.vbt
	true_of "a disk that fills up: requests are there" '.complete > 1000' out
	umount small
else
	skip "a disk that fills up" "nothing can be mounted here"
fi
timeout -k 5 60 "$vbtrace" record -o - -- "$vmm" bench --disk null,aio=null --count 200000 2>err | head -c 3000 >/dev/null
same "record into a pipe that closes: status" "${PIPESTATUS[0]}" 1
says "record into a pipe that closes: said" err "cannot write 'standard output': .*Broken pipe"

finish bad_files
