#!/bin/bash
# Tests of lab/run: every promise of its help text. Last line: "N passed, N failed".
set -u

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
cd "$top" || exit 1
work=$(mktemp -d "$top/build/test-lab.XXXXXX") || exit 1
export TMPDIR=$work/tmp
mkdir -p "$TMPDIR"
chmod 777 "$work" "$TMPDIR"
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

# check NAME COMMAND...: passes if COMMAND succeeds.
check() {
	local name=$1
	shift

	if "$@" >"$work/check.log" 2>&1; then
		passed=$((passed + 1))
		echo "ok - $name"
	else
		failed=$((failed + 1))
		echo "not ok - $name"
		sed 's/^/# /' "$work/check.log"
	fi
}

same() { [[ $1 == "$2" ]] || { echo "is '$1', should be '$2'"; return 1; }; }
empty() { [[ ! -s $1 ]] || { head -n 20 "$1"; return 1; }; }
has() { grep -q -- "$2" "$1" || { echo "no '$2' in:"; head -n 20 "$1"; return 1; }; }
gone() { ! kill -0 "$1" 2>/dev/null; }
at_most() { [[ $1 -le $2 ]] || { echo "$1 is more than $2"; return 1; }; }

# run NAME ARG...: lab/run with its output and status in files called NAME.*
run() {
	local name=$1
	shift

	lab/run "$@" >"$work/$name.out" 2>"$work/$name.err"
	echo $? >"$work/$name.status"
}
status() { cat "$work/$1.status"; }

# The process of QEMU below the lab/run with this process id.
qemu_of() {
	local p

	for p in $(pgrep -P "$1"); do
		[[ $(cat "/proc/$p/comm" 2>/dev/null) != qemu-system-x86 ]] || echo "$p"
	done
}

wait_for() {
	local i

	for ((i = 0; i < 300; i++)); do
		[[ ! -s $1 ]] || return 0
		sleep 0.1
	done
	return 1
}

# --- usage: nothing boots --------------------------------------------------------------

usage_error() {
	local name=$1 word=$2
	shift 2

	run usage "$@" </dev/null
	check "usage: $name: status 2" same "$(status usage)" 2
	check "usage: $name: says what is wrong" has "$work/usage.err" "$word"
}

run help --help
check "help: status 0" same "$(status help)" 0
check "help: on standard output" has "$work/help.out" 'usage: lab/run'
usage_error "no command" 'no command'
usage_error "CPUs not a number" "'x'" -c x true
usage_error "memory not a size" "'many'" -m many true
usage_error "time not a number" "'soon'" -t soon true
usage_error "no such image" "'/nonexistent'" -d /nonexistent true
usage_error "unknown option" "'-z'" -z true
LAB_KERNEL=linux-image-nonesuch run nokernel true
check "unknown kernel package: status 125" same "$(status nokernel)" 125
check "unknown kernel package: is named" has "$work/nokernel.err" linux-image-nonesuch

# --- the images are made again when what they are made from changes, and not otherwise ---------

# A lab of stamps alone, and an apt that only notes that it was asked: to build would need it.
copy=$work/copy
mkdir -p "$copy"/build/{lab/root,lab/kernel-default,guest} "$work/no-apt"
cp -r lab "$copy/"
for made in lab/root lab/kernel-default guest; do
	cp "build/$made/stamp" "$copy/build/$made/"
	echo precious >"$copy/build/$made/image"
done
for tool in apt-get apt-cache; do
	printf '#!/bin/sh\necho asked >>%s\nexit 1\n' "$work/no-apt/log" >"$work/no-apt/$tool"
	chmod 755 "$work/no-apt/$tool"
done
# stale PART...: which of these would be made?
stale() {
	local part
	for part; do
		rm -f "$work/no-apt/log"
		LAB_KERNEL='' PATH=$work/no-apt:$PATH "$copy/lab/build" "$part" >"$work/build.log" 2>&1
		[[ $?$(cat "$work/no-apt/log" 2>/dev/null) == 0 ]] || printf '%s ' "$part"
	done
}
# changed FILE PART...: a change of the file makes these stale; without the change all is well again
changed() {
	local file=$1
	shift
	cp "lab/$file" "$work/original"
	echo '# changed' >>"$copy/lab/$file"
	check "cache: $file changes: ${*:-nothing} is made again" same "$(stale kernel root guest)" "$*${*:+ }"
	cat "$work/original" >"$copy/lab/$file"
}
check "cache: nothing changes, nothing is made" same "$(stale kernel root lab guest)" ''
check "cache: nothing is said about that" empty "$work/build.log"
find "$copy/lab" -type f -exec touch {} +
check "cache: other times of files do no harm" same "$(stale kernel root guest)" ''
changed init kernel guest
changed guest-initrd-init kernel guest
changed guest-init kernel guest
changed packages root
changed supervisor root
changed packages.guest guest
for other in run guest-run deps packages.host packages.build packages.check rules.mk build; do
	changed $other
done
sed -i 's/^build_root() {/&\n\t: another way/' "$copy/lab/build"
check "cache: how an image is made changes: it is made again" same "$(stale kernel root guest)" 'root '
cat lab/build >"$copy/lab/build"
check "cache: an image stays until the new one is there" same "$(cat "$copy"/build/{lab/root,lab/kernel-default,guest}/image | sort -u)" precious
check "cache: what could not be made leaves nothing behind" same "$(find "$copy/build/lab" -name 'tmp.*')" ''
check "cache: all is well in the end" same "$(stale kernel root guest)" ''

# --- on a busy machine its status may come in pieces: a QEMU of our own making says it slowly ----

mkdir -p "$copy/build/lab/qemu/usr/bin"
cp build/lab/qemu/stamp "$copy/build/lab/qemu/" 2>/dev/null
cat >"$copy/build/lab/qemu/usr/bin/qemu-system-x86_64" <<'EOF'
#!/bin/sh
exec >control.out
printf 'star'; sleep 0.5; printf 'ted\nex'; sleep 0.5; printf 'it '; sleep 0.5; printf '7\n'
: >out
: >err
EOF
chmod 755 "$copy/build/lab/qemu/usr/bin/qemu-system-x86_64"
if [[ -e $copy/build/lab/qemu/stamp ]]; then
	LAB_ACCEL=tcg LAB_KERNEL='' "$copy/lab/run" true >"$work/slow.out" 2>"$work/slow.err" </dev/null
	check "a status that comes in pieces" same $? 7
	check "a status that comes in pieces: nothing else is said" empty "$work/slow.err"
fi

# --- two at once: what the machine offers, and that bytes, arguments and files survive -------

cat >"$work/environment.sh" <<'EOF'
t() { name=$1; shift; if "$@" >/dev/null 2>&1; then echo "ok $name"; else echo "bad $name"; fi; }
t "runs as root" [ "$(id -u)" = 0 ]
t "/dev/kvm" sh -c ': <>/dev/kvm'
t "two CPUs" [ "$(nproc)" = 2 ]
t "BTF of the kernel" [ -s /sys/kernel/btf/vmlinux ]
t "BTF of kvm" [ -s /sys/kernel/btf/kvm ]
for event in kvm_pio kvm_mmio kvm_fast_mmio kvm_msi_set_irq kvm_set_irq kvm_inj_virq kvm_eoi; do
	t "tracepoint $event" [ -d "/sys/kernel/tracing/events/kvm/$event" ]
done
t "tracefs also below debugfs" [ -e /sys/kernel/debug/tracing/tracing_on ]
t "bpffs" mkdir /sys/fs/bpf/x
t "build/bin comes first on PATH" [ "${PATH%%:*}" = "$PWD/build/bin" ]
t "the checkout at the same path" [ "$PWD" = "$1" -a -x lab/run ]
t "the checkout is writable" touch lab/written-in-the-lab
t "no build/lab in the machine" [ ! -e build/lab ]
t "LAB_GUEST: kernel" [ -s "$LAB_GUEST/vmlinuz" ]
t "LAB_GUEST: initramfs" [ -s "$LAB_GUEST/initrd.img" ]
t "LAB_GUEST: root filesystem" e2fsck -fn "$LAB_GUEST/root.ext4"
t "LAB_OUT without -o" touch "$LAB_OUT/x"
t "loopback" ip addr show dev lo up
t "standard output can be reopened" sh -c 'echo >/dev/stdout'
t "empty standard input" [ "$(wc -c)" = 0 ]
t "/tmp is writable" touch /tmp/x
t "/dev/shm is writable" touch /dev/shm/x
t "pseudo-terminals" script -qc true /dev/null
for m in null_blk loop brd scsi_debug dm_delay overlay squashfs erofs; do
	t "module $m" modprobe "$m"
done
for c in fio bpftrace bpftool perf trace-cmd strace tcpdump blktrace tmux python3 qemu-system-x86_64; do
	t "command $c" command -v "$c"
done
t "bpftrace attaches" bpftrace -e 'tracepoint:kvm:kvm_exit {} BEGIN { exit(); }'
t "tmux starts" tmux new-session -d true
EOF
run environment -t 60 bash "${work#"$top"/}/environment.sh" "$top" </dev/null &
first=$!

# Meanwhile, for later: one that does not end by itself.
{
	begin=$SECONDS
	# shellcheck disable=SC2016
	run limit -t 25 -o "$work/limit" bash -c 'echo partial; echo kept >$LAB_OUT/file; trap "" TERM; sleep 100'
	echo $((SECONDS - begin)) >"$work/limit.seconds"
} &
limited=$!

# And one whose machine stops dead.
{
	lab/run -t 25 sleep 100 >"$work/dead.out" 2>"$work/dead.err" &
	pid=$!
	until [[ -n $(qemu_of $pid) ]]; do sleep 0.1; done
	sleep 8
	kill -STOP "$(qemu_of $pid)"
	wait $pid
	echo $? >"$work/dead.status"
} &
dead=$!

head -c 3000000 /dev/urandom >"$work/a"
head -c 300001 /dev/urandom >"$work/b"
truncate -s 1M "$work/d1" "$work/d2"
# shellcheck disable=SC2016 # all of this is the lab's to expand
words=("" "two  words" $'new\nline' "quote's" '"$HOME"' '*' \\ $'\xff\x01')
# shellcheck disable=SC2016
run bytes -t 60 -c 1 -m 1G -o "$work/out/deep" -d "$work/d1" -d "$work/d2" -- bash -c '
	cat
	cat "$0" >&2
	printf "%s\0" "$@" >"$LAB_OUT/arguments"
	mkdir "$LAB_OUT/folder"
	nproc >"$LAB_OUT/folder/cpus"
	echo first | dd of="$LAB_DISK1" conv=notrunc status=none
	echo second | dd of="$LAB_DISK2" conv=notrunc status=none
	kill -TERM $$
' "${work#"$top"/}/b" "${words[@]}" <"$work/a"
wait "$first"

check "two at once: the first ends with 0" same "$(status environment)" 0
check "two at once: nothing on its standard error" empty "$work/environment.err"
while read -r result name; do
	check "in the lab: $name" same "$result" ok
done <"$work/environment.out"
check "in the lab: all of it was tested" has "$work/environment.out" 'tmux starts'
check "in the lab: what is written there stays there" [ ! -e lab/written-in-the-lab ]
check "signal 15 gives status 143" same "$(status bytes)" 143
check "standard input and output: 3000000 random bytes" cmp "$work/a" "$work/bytes.out"
check "standard error: 300001 random bytes" cmp "$work/b" "$work/bytes.err"
printf '%s\0' "${words[@]}" >"$work/arguments"
check "arguments arrive as they are" cmp "$work/arguments" "$work/out/deep/arguments"
check "OUTDIR: folders come back" same "$(cat "$work/out/deep/folder/cpus")" 1
check "OUTDIR: nothing else comes back" same "$(find "$work/out/deep" | wc -l)" 4
check "LAB_DISK1 is the first image" same "$(head -n1 "$work/d1" | tr -d '\0')" first
check "LAB_DISK2 is the second image" same "$(head -n1 "$work/d2" | tr -d '\0')" second
check "images keep their size" same "$(stat -c %s "$work/d1")" 1048576

# --- the ways to end --------------------------------------------------------------------

run panic -t 60 bash -c 'echo before; echo c >/proc/sysrq-trigger; sleep 30'
check "panic: status 125" same "$(status panic)" 125
check "panic: is called a panic" has "$work/panic.err" "kernel panicked"
check "panic: the console's end is shown" has "$work/panic.err" "sysrq_handle_crash"
check "panic: output until then" same "$(cat "$work/panic.out")" before
# The disk remembers that it was here before.
truncate -s 1M "$work/again.raw"
# shellcheck disable=SC2016
LAB_AGAIN=1 run again -t 60 -d "$work/again.raw" bash -c 'read -r was <$LAB_DISK1; [[ $was == here ]] && exit 7
	echo here | dd of=$LAB_DISK1 conv=fsync status=none; echo c >/proc/sysrq-trigger; sleep 30'
if [[ ${LAB_ACCEL:-} == kvm ]]; then
	check "panic, LAB_AGAIN: a real one stays one" same "$(status again)" 125
else
	check "panic, LAB_AGAIN: the next machine's status" same "$(status again)" 7
	check "panic, LAB_AGAIN: the first one's panic is said" has "$work/again.err" "kernel panicked"
	check "panic, LAB_AGAIN: and that there is another" has "$work/again.err" "once more"
fi
run early -t 1 true &
second=$!
LAB_APPEND=rdinit=/nonesuch run noboot true
check "no boot: status 125" same "$(status noboot)" 125
wait "$second"
check "time limit while booting: status 124" same "$(status early)" 124
check "time limit while booting: is said" has "$work/early.err" "while the machine was booting"

lab/run bash -c 'echo ready; sleep 100' >"$work/killed.out" 2>"$work/killed.err" &
pid=$!
lab/run bash -c 'echo ready; sleep 100' >"$work/term.out" 2>"$work/term.err" &
other=$!
wait_for "$work/killed.out"
kill -KILL "$(qemu_of "$pid")"
wait "$pid"
check "QEMU killed: status 125" same $? 125
check "QEMU killed: is said" has "$work/killed.err" "ended .*without the command's status"
wait_for "$work/term.out"
qemu=$(qemu_of "$other")
kill -TERM "$other"
wait "$other" 2>/dev/null
check "SIGTERM: status 143" same $? 143
sleep 0.2
check "SIGTERM: QEMU is gone" gone "$qemu"

wait "$limited"
check "time limit: status 124" same "$(status limit)" 124
check "time limit: is said" has "$work/limit.err" "time limit of 25 s"
check "time limit: where it stands" has "$work/limit.err" "sleep, S (sleeping), in "
check "time limit: is kept" at_most "$(cat "$work/limit.seconds")" 37
check "time limit: output until then" same "$(cat "$work/limit.out")" partial
check "time limit: OUTDIR comes back" same "$(cat "$work/limit/file")" kept

wait "$dead"
check "a machine that hangs: status 124" same "$(status dead)" 124
check "a machine that hangs: is said" has "$work/dead.err" "time limit of 25 s"

{
	lab/run -t 60 yes 2>"$work/yes.err"
	echo $? >"$work/yes.status"
} | head -n 1 >"$work/yes.out" &
second=$!

# --- without root, and a machine in the machine --------------------------------------------

user=()
[[ $(id -u) != 0 ]] || user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
"${user[@]}" env HOME=/nonexistent lab/run nonesuch >"$work/user.out" 2>"$work/user.err" </dev/null
check "without root; command not found: status 127" same $? 127
check "without root; command not found: is named" has "$work/user.err" "'nonesuch'"
wait "$second"
check "nobody reads: it ends" same "$(status yes)" 141
check "nobody reads: nothing is said" empty "$work/yes.err"

cat >"$work/nested.sh" <<'EOF'
lab/guest-run -q 'fio --version; mount | grep vda; exit 5'
[ $? -eq 5 ] || exit 1
e2fsck -fn "$LAB_GUEST/root.ext4" || exit
lab/guest-run -q -a vbt.init=ram 'ls /init; exit 6'
[ $? -eq 6 ]
EOF
run nested -t 80 bash "${work#"$top"/}/nested.sh"
check "nested guest: status 0" same "$(status nested)" 0
check "nested guest: its root filesystem is /dev/vda" has "$work/nested.out" '^/dev/vda on / type ext4 (rw'
check "nested guest: fio is there" has "$work/nested.out" '^fio-3'
check "nested guest: tells its command's status" has "$work/nested.out" '^vbt-status: 5'
check "nested guest: powers off" has "$work/nested.out" 'Power down'
check "nested guest: stays in the initramfs" has "$work/nested.out" '^/init'
check "nested guest: and tells the status there" has "$work/nested.out" '^vbt-status: 6'

# --- a terminal -------------------------------------------------------------------------

script -qec "stty rows 33 cols 101; lab/run -t 60 sh -c 'tty; stty size; exit 12'" /dev/null \
	>"$work/terminal.out" 2>&1 </dev/null
check "terminal: status" same $? 12
check "terminal: the command has one" has "$work/terminal.out" /dev/pts/0
check "terminal: its size" has "$work/terminal.out" '33 101'

check "no temporary file is left" same "$(ls "$TMPDIR")" ""

echo "$passed passed, $failed failed"
[[ $failed -eq 0 ]]
