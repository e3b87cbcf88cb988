#!/bin/bash
# native
# Kernels that tell less: one without BTF still shows what needs no types, and says what it does not; one that
# hides the addresses of its functions shows all. Neither is ever said to have done no I/O.
# shellcheck disable=SC2154 # variables of lib/checks.sh
# shellcheck disable=SC2016 # the dollars in single quotes are jq's
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh

# Hosts: COMMAND... in a name space of mounts of its own, where something is hidden
no_btf() { unshare -m sh -c 'mount -t tmpfs none /sys/kernel/btf && exec "$@"' sh "$@"; }
no_symbols() { unshare -m sh -c 'mount --bind /dev/null /proc/kallsyms && exec "$@"' sh "$@"; }

# bench HOST NAME DISK
bench() {
	local host=$1 name=$2 disk=$3
	# A host may run no BPF program while an interrupt has stopped some protected task: then completions
	# are lost, which is counted and is not what this looks for.
	for _ in 1 2 3 4 5; do
		works "$name: record" "$host" "$vbtrace" record -o "$name.vbt" -- \
			"$vmm" bench --disk "$disk" --rw randrw --depth 8 --count 400
		grep -q 'none lost' err && break
	done
	mv err "$name.err"
	"$vbtrace" show --json "$name.vbt" >"$name.jsonl" 2>err
	true_of "$name: all requests, none broken by the host" \
		'length >= 400 and all(.[]; .complete or any(.absent[]; . == "lost"))' "$name.jsonl" -s
}

if has_bpf; then
	head -c 16M /dev/urandom >disk.img
	bench no_btf no-btf disk.img,direct=on
	says "no-btf: it names the probes" no-btf.err 'not recorded: no kernel BTF for block_bio_queue'
	true_of "no-btf: and each request the reason" \
		'all(.[]; .absent.queue == "no kernel BTF for block_bio_queue" and .absent.complete == "no kernel BTF for block_rq_complete")' \
		no-btf.jsonl -s
	"$vmm" bench --disk null,aio=null,delay=1ms --depth 4 --time 60s >/dev/null 2>&1 &
	bench=$!
	works "no-btf: USDT" no_btf "$vbtrace" record --source usdt -p $bench --duration 1s -o usdt.vbt
	kill $bench
	wait $bench 2>/dev/null
	works "no-btf: USDT report" "$vbtrace" report --json usdt.vbt
	true_of "no-btf: USDT has requests" '.complete > 50' out
	for disk in direct=on direct=off direct=on,aio=sync; do
		name=no-symbols-$disk
		bench no_symbols "$name" "disk.img,$disk"
		# What the page cache has makes no I/O.
		[ $disk != direct=off ] || continue
		true_of "$name: block I/O of every read and write, linked exactly" \
			'map(select(.op == "read" or .op == "write") | select(.complete))
			| length >= 390 and all(.[]; .marks.queue and .marks.complete and .links.queue == "exact")' \
			"$name.jsonl" -s
	done
else
	skip "natively" "BPF programs cannot be loaded here"
fi

# In the lab too, where KVM's marks exist.
mkdir lab
works "lab: guests" "$top/lab/run" -m 1G -t 200 -o lab -- "$top/tests/e2e/lib/hidden_hosts"
for name in lab-no-btf lab-no-symbols; do
	"$vbtrace" show --json "lab/$name.vbt" >"$name.jsonl" 2>err
	true_of "$name: five requests, complete" 'length == 5 and all(.[]; .complete)' "$name.jsonl" -s
done
true_of "lab-no-btf: kick, message and injection need no types" \
	'all(.[]; .marks | has("kick") and has("msi") and has("inject"))' lab-no-btf.jsonl -s
true_of "lab-no-btf: what does says so" \
	'all(.[]; .absent.eoi == "no kernel BTF for kvm_eoi"
	and (.absent.queue == "no kernel BTF for block_bio_queue" or .op == "get_id"))' \
	lab-no-btf.jsonl -s
true_of "lab-no-symbols: reads and writes have all fourteen marks, exactly linked" \
	'map(select(.op == "read" or .op == "write")) | length == 3
	and all(.[]; (.marks | length == 14) and (.links | all(.[]; . == "exact")))' lab-no-symbols.jsonl -s
says "lab-four: reading the types of module kvm is named, with the command" lab/lab-four.err \
	'cannot load BPF programs: CAP_SYS_ADMIN missing; run as root, or: sudo setcap cap_.*,cap_sys_admin\+ep '
same "lab-four: the VMM's own marks are recorded" "$(cat lab/lab-four.status)" 0
same "lab-five: what was named is enough" "$(cat lab/lab-five.status) $(grep -c missing lab/lab-five.err)" "0 0"
true_of "lab-kvm: with the module nobody is told to load it" \
	'[.. | .remedy? // empty | select(test("modprobe"))] == []' lab/lab-kvm.json
true_of "lab-no-kvm: without it each of its probes says so, and how to load it" \
	'[.probes[] | select(.name | startswith("kvm_"))]
	| length > 5 and all(.[]; (.text | test("is the module kvm loaded")) and (.remedy | test("modprobe kvm")))' lab/lab-no-kvm.json

finish hidden_hosts
