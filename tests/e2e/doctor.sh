#!/bin/bash
# native
# doctor has a row for each mark and each probe, and its answers are those of a recording; list has the
# stages and the probes; the VMM has a USDT probe for each stage point that list tells of.
# shellcheck disable=SC2154 # variables of lib/checks.sh
# shellcheck disable=SC2016 # the dollars in single quotes are jq's
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh

works "list --stages --json" "$vbtrace" list --stages --json
cp out stages.json
true_of "fourteen marks, a letter each, and no other part" \
	'(.stages | length == 14) and (.stages | map(.letter) | unique | length == 14) and (keys == ["points", "stages"])' stages.json
same "vmm-lite has each stage point as a USDT probe, and no other" \
	"$(jq -r '.points[].probe' stages.json | sort)" \
	"$(readelf -n "$vmm" | awk '/Provider:/ {p = $2} /Name:/ && p == "vmm_lite" {print $2}' | sort -u)"
true_of "each mark that the VMM sees has its point" \
	'(.stages | map(select(.source == "vmm") | .mark)) - [.points[].probe] == []' stages.json
works "list --probes --json" "$vbtrace" list --probes --json
cp out probes.json
true_of "only the probes" 'keys == ["probes"] and (.probes | length > 10)' probes.json
works "list --stages" "$vbtrace" list --stages
says "list --stages: a mark" out '^  D  issue +kernel +'
says "list --stages: a probe" out '^  vmm_lite:submit +request +head +cookie'
works "list" "$vbtrace" list
says "list: targets" out '^Targets'
says "list: stages" out '^Stages'
says "list: probes" out '^Probes'

works "doctor" "$vbtrace" doctor
works "doctor --json" "$vbtrace" doctor --json
cp out doctor.json
true_of "a row for each mark" '[.marks[].name] == [$stages[0].stages[].mark]' doctor.json --slurpfile stages stages.json
true_of "a row for each probe" '[.probes[].name] == [$probes[0].probes[].tracepoint]' doctor.json --slurpfile probes probes.json
true_of "a limit says what it is" '[.checks, .marks, .probes] | flatten | all(.[]; .ok or (.text | length > 0))' doctor.json
# A VMM here and now: where the ring takes the TSC, the clock is no limit, whatever the kernel's is called.
"$vbtrace" record -o t.vbt -- "$vmm" bench --disk null,aio=null --count 10 >out 2>err
clock=$("$vbtrace" report --json t.vbt | jq 'if .clock_error_ns > 0 then true else false end')
true_of "the clock is judged as the VMM judges it" ".checks | map(select(.name == \"clock\")) | .[0].ok == $clock" doctor.json
virtualizes=false
! grep -qE '^flags.* (vmx|svm) ' /proc/cpuinfo || [ ! -w /dev/kvm ] || virtualizes=true
true_of "/dev/kvm is usable where the processor virtualizes: $virtualizes here" \
	".checks | map(select(.name == \"kvm\")) | .[0].ok == $virtualizes and (.[0] | .ok or (.remedy | test(\"lab/run\")))" doctor.json
if has_bpf; then
	true_of "the probes are there that a recording has" '[.probes[] | select((.ok | not) and (.name | startswith("kvm_") | not))] | length == 0' doctor.json
	works "without BTF" unshare -m sh -c 'mount -t tmpfs none /sys/kernel/btf && exec "$@"' sh "$vbtrace" doctor --json
	true_of "without BTF: kicks are there, block I/O is not, and it says what to do" \
		'(.marks | map({key: .name, value: .}) | from_entries) | .kick.ok and .msi.ok
		and (.queue | (.ok | not) and .text == "no kernel BTF for block_bio_queue" and (.remedy | test("CONFIG_DEBUG_INFO_BTF")))' out
	works "hidden addresses" unshare -m sh -c 'mount --bind /dev/null /proc/kallsyms && exec "$@"' sh "$vbtrace" doctor --json
	true_of "hidden addresses: said, with the command, and no limit" \
		'.checks | map(select(.name == "addresses")) | .[0] | .ok and (.text | test("hidden")) and (.remedy | test("kptr_restrict"))' out
else
	skip "probes" "BPF programs cannot be loaded here"
fi

finish doctor
