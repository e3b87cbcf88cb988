#!/bin/bash
# native
# What is said to somebody who lacks a capability, and that it is enough to be granted what was named.
# shellcheck disable=SC2154 # variables of lib/checks.sh
# shellcheck disable=SC2016 # the dollars in single quotes are jq's
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh

if ! has_bpf; then
	skip privileges "BPF programs cannot be loaded here, so there is nothing to take away"
	finish privileges
	exit
fi

granted='cap_bpf,cap_perfmon,cap_sys_ptrace,cap_dac_read_search'
without() { tr , '\n' <<<$granted | grep -vx "$1" | paste -sd,; }

# The tools where everybody can read them.
chmod 755 .
mkdir -m 777 theirs
cp "$vbtrace" "$vmm" theirs
vbtrace=$work/theirs/vbtrace vmm=$work/theirs/vmm-lite
cd theirs || exit 1
# As somebody else, with some capabilities at most: ./with CAPABILITIES COMMAND...
cat >with <<'SH'
#!/bin/sh
some=-all${1:+,$(echo "$1" | sed 's/cap_/+/g')}
shift
exec setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps "$some" --ambient-caps "$some" \
	--bounding-set "$some" "$@"
SH
chmod 755 with
head -c 16M /dev/urandom >disk.img
chmod 666 disk.img
setcap_line="run as root, or: sudo setcap $granted\\+ep $vbtrace"

start() { # COMMAND... : a bench that is slow enough to be looked at; its PID in `bench`
	"$@" "$vmm" bench --disk disk.img,direct=on,delay=1ms --depth 4 --time 300s >/dev/null 2>&1 &
	until_true 10 pgrep -f "$vmm bench"
	bench=$(pgrep -f "^$vmm bench" | head -n 1)
}
stop() { kill "$bench" && wait 2>/dev/null; }

start ./with ''
works "nobody, own VMM: record goes on" ./with '' "$vbtrace" record --duration 300ms -p "$bench" -o own.vbt
says "nobody, own VMM: record says why there are no kernel marks, and what to do" err \
	"^vbtrace: the kernel's marks are missing: cannot load BPF programs: CAP_BPF, CAP_PERFMON missing; $setcap_line$"
works "nobody, own VMM: show" "$vbtrace" show --json own.vbt
true_of "nobody, own VMM: and each request says so" \
	'length > 50 and all(.[]; .absent.queue == "cannot load BPF programs: CAP_BPF, CAP_PERFMON missing")' out -s
refused "nobody: --source usdt needs them" 1 ./with '' "$vbtrace" record --source usdt -p "$bench" -o usdt.vbt
says "nobody: --source usdt names them" err "CAP_BPF, CAP_PERFMON missing; $setcap_line$"
stop

start
refused "nobody, root's VMM" 1 ./with '' "$vbtrace" record -p "$bench" -o no.vbt
says "nobody, root's VMM: it names both" err \
	"not permitted to look into process $bench, which is not yours: CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH missing; $setcap_line$"
refused "nobody, any VMM" 1 ./with '' "$vbtrace" record -o no.vbt
says "nobody, any VMM: it names both" err "CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH missing; $setcap_line$"
works "nobody: list" ./with '' "$vbtrace" list
says "nobody: list names both" out "could not be looked into: CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH missing; $setcap_line$"
works "nobody: doctor" ./with '' "$vbtrace" doctor --json
true_of "nobody: doctor names each, and the command" '[.checks[] | select(.name == "capabilities" or .name == "processes")]
	| (.[0].text | test("CAP_BPF, CAP_PERFMON")) and (.[1].text | test("CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH"))
	and all(.[]; (.ok | not) and (.remedy | test("sudo setcap cap_")))' out

for missing in cap_sys_ptrace cap_dac_read_search; do
	refused "without $missing" 1 ./with "$(without $missing)" "$vbtrace" record -p "$bench" -o no.vbt
	says "without $missing: named, alone" err "not yours: ${missing^^} missing; "
done
for missing in cap_bpf cap_perfmon; do
	works "without $missing" ./with "$(without $missing)" "$vbtrace" record --duration 300ms -p "$bench" -o no.vbt
	says "without $missing: named, alone" err "cannot load BPF programs: ${missing^^} missing; "
done
stop

# By what setcap gives to the file, as it was told.
if setcap "$granted+ep" "$vbtrace" 2>err; then
	start setpriv --reuid 65533 --regid 65533 --clear-groups
	works "with exactly those: record of another user's VMM" \
		setpriv --reuid 65534 --regid 65534 --clear-groups "$vbtrace" record --duration 300ms -p "$bench" -o all.vbt
	if grep -q missing err; then fail "with exactly those: nothing is missing" "$(cat err)"; else ok "with exactly those: nothing is missing"; fi
	stop
	works "with exactly those: record a command" setpriv --reuid 65534 --regid 65534 --clear-groups \
		"$vbtrace" record -o command.vbt -- "$vmm" bench --disk disk.img,direct=on --count 300
	works "with exactly those: show" "$vbtrace" show --json command.vbt
	true_of "with exactly those: block I/O is seen" \
		'map(select(.complete)) | length >= 290 and all(.[]; .marks.queue and .marks.issue and .marks.complete)' out -s
else
	skip "with exactly those" "$(cat err)"
fi

cd "$work" || exit 1
finish privileges
