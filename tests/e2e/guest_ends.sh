#!/bin/bash
# lab: -m 3G -t 600
# Runs in the lab. How a machine ends, and how it starts again: triple fault and KVM internal error are
# told with registers and a status that is not 0; a reboot is a fresh boot, or the end if so asked; a
# full host disk is an I/O error that the guest survives. Eight vCPUs start.
# shellcheck disable=SC2154 # variables of lib/checks.sh
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh
cd "$top" || exit 1

# after TEXT FILE COUNT: waits until the file has that many lines with the text
lines() { [ "$(grep -c -- "$1" "$2")" -ge "$3" ]; }
after() { until_true 60 lines "$@"; }

# --- crashes

payload() { # NAME: its output in NAME.out, what vmm-lite says in NAME.err
	timeout 60 vmm-lite run --payload "build/tests/payloads/$1.elf" --memory 16M \
		</dev/null >"$work/$1.out" 2>"$work/$1.err"
}

payload triple_fault
check "triple fault: status 1" "$work/triple_fault.err" [ $? -eq 1 ]
check "triple fault: the guest ran until then" "$work/triple_fault.out" \
	[ "$(tr -d '\r' <"$work/triple_fault.out")" = before ]
check "triple fault: is called one" "$work/triple_fault.err" grep -q 'vcpu 0: triple fault' "$work/triple_fault.err"
for register in rip rflags rax rsp r15 cr0 cr2 cr3 cr4 efer cs ss idt; do
	check "triple fault: $register is printed" "$work/triple_fault.err" \
		grep -qE "\b$register +[0-9a-f]+" "$work/triple_fault.err"
done

payload internal_error
check "internal error: status 1" "$work/internal_error.err" [ $? -eq 1 ]
check "internal error: the guest ran until then" "$work/internal_error.out" \
	[ "$(tr -d '\r' <"$work/internal_error.out")" = before ]
check "internal error: is called one, with its kind" "$work/internal_error.err" \
	grep -q 'vcpu 0: KVM internal error, suberror 1 ' "$work/internal_error.err"
check "internal error: rip is where it happened" "$work/internal_error.err" \
	grep -q 'rip 00000000d8000000 ' "$work/internal_error.err"
check "internal error: the other registers are the guest's" "$work/internal_error.err" \
	grep -q 'rbx 1234567890abcdef' "$work/internal_error.err"

# --- reboot

# reboot.elf says at each start what it finds, and obeys what comes through the serial port, here a pipe.
mkfifo "$work/input"
timeout 60 vmm-lite run --payload build/tests/payloads/reboot.elf --memory 16M \
	<"$work/input" >"$work/reboot" 2>&1 &
vmm=$!
exec 3>"$work/input"
for n in 1 2 3; do
	after '^memory' "$work/reboot" $n
	printf 'x' >&3
	after '^got 78' "$work/reboot" $n
	if [ $n -lt 3 ]; then printf 'r' >&3; else printf 'q' >&3; fi
done
exec 3>&-
wait $vmm
check "reboot: power-off after it: status 0" "$work/reboot" [ $? -eq 0 ]
check "reboot: each start finds a new machine" "$work/reboot" \
	[ "$(tr -d '\r' <"$work/reboot" | grep -c '^memory new, data new, serial new$')" -eq 3 ]
check "reboot: input comes through a pipe each time" "$work/reboot" [ "$(grep -c '^got 78' "$work/reboot")" -eq 3 ]

printf 'r' | timeout 60 vmm-lite run --payload build/tests/payloads/reboot.elf --memory 16M --exit-on-reboot \
	>"$work/exit" 2>&1
check "--exit-on-reboot: status 0" "$work/exit" [ $? -eq 0 ]
check "--exit-on-reboot: one start only" "$work/exit" [ "$(grep -c '^memory' "$work/exit")" -eq 1 ]

# guest ARGUMENT...: boots from the initramfs alone; arguments as for lab/guest-run.
guest() { timeout 150 lab/guest-run -a vbt.init=ram "$@"; }

truncate -s 16M "$work/disk"
cp "$work/disk" "$work/disk2"
# A kernel's reboot, told from the first boot by what it wrote to the disk.
# shellcheck disable=SC2016 # the guest expands it
turns='mark=$(head -c 5 /dev/vdb | tr -d "\000"); if [ "$mark" = again ]; then echo second boot; exit 0; fi
echo first boot; echo again | dd of=/dev/vdb conv=fsync 2>/dev/null; reboot -f; sleep 100'
guest "$turns" --disk "$work/disk" >"$work/linux" 2>&1
check "Linux reboots: status 0" "$work/linux" [ $? -eq 0 ]
check "Linux reboots: it boots again, with its disks" "$work/linux" \
	[ "$(grep -cE '^(first|second) boot' "$work/linux")" -eq 2 ]
guest "$turns" --disk "$work/disk2" --exit-on-reboot >"$work/linux" 2>&1
check "Linux reboots, --exit-on-reboot: one boot only" "$work/linux" \
	[ "$(grep -c ' boot' "$work/linux")" -eq 1 ]

# --- a host disk that is full

mkdir "$work/small"
mount -t tmpfs -o size=4M none "$work/small"
truncate -s 16M "$work/small/disk"
# shellcheck disable=SC2016 # the guest expands it
guest 'dd if=/dev/urandom of=/dev/vdb bs=64k count=256 oflag=direct 2>/dev/null; echo wrote $?
dd if=/dev/vdb of=/dev/null bs=64k count=16 iflag=direct 2>/dev/null; echo read $?
dd if=/dev/zero of=/dev/vdb bs=64k count=16 oflag=direct 2>/dev/null; echo rewrote $?' \
	--disk "$work/small/disk" >"$work/full" 2>&1
check "full host disk: the guest lives on, status 0" "$work/full" [ $? -eq 0 ]
check "full host disk: is an I/O error" "$work/full" grep -q '^wrote [1-9]' "$work/full"
check "full host disk: what is there can be read" "$work/full" grep -q '^read 0' "$work/full"
check "full host disk: and written again" "$work/full" grep -q '^rewrote 0' "$work/full"
check "full host disk: the image keeps its size" "$work/full" [ "$(stat -c %s "$work/small/disk")" -eq 16777216 ]
umount "$work/small"

# --- eight vCPUs

# shellcheck disable=SC2016 # the guest expands it
guest -c 8 'echo cpus $(nproc); grep -c ^processor /proc/cpuinfo; for i in 0 1 2 3 4 5 6 7; do taskset $((1 << i)) true || echo cpu $i; done' \
	>"$work/eight" 2>&1
status=$?
check "eight vCPUs: status 0" "$work/eight" [ $status -eq 0 ]
check "eight vCPUs: all are there" "$work/eight" grep -q '^cpus 8' "$work/eight"

finish guest_ends
