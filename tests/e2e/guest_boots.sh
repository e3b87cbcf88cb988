#!/bin/bash
# lab: -m 6G -t 420
# Runs in the lab: the guest boots with 1, 2 and 4 vCPUs and with 128 MiB, 1 GiB and 4 GiB and sees
# them; a write that was flushed survives kill -9 of vmm-lite; a read-only disk refuses writes; a
# second vmm-lite on the same image is refused.
# shellcheck disable=SC2154 # variables of lib/checks.sh
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh

# guest ARGUMENT...: boots from the initramfs alone; arguments as for lab/guest-run. The disk is /dev/vdb.
guest() { timeout 120 "$top/lab/guest-run" -k readonly=on -a vbt.init=ram "$@"; }

truncate -s 16M "$work/disk"
# shellcheck disable=SC2016 # the guest expands it
look='echo cpus $(nproc); echo memory $(sed -n "s/MemTotal: *\([0-9]*\) kB/\1/p" /proc/meminfo); cat /proc/partitions'
boots() { # CPUS MEMORY KIB
	local log="$work/boot" kib
	guest -c "$1" -m "$2" "$look" --disk "$work/disk" >"$log" 2>&1
	check "$1 vCPUs, $2: powers off with status 0" "$log" [ $? -eq 0 ]
	check "$1 vCPUs, $2: all vCPUs are there" "$log" grep -q "^cpus $1" "$log"
	kib=$(tr -d '\r' <"$log" | sed -n 's/^memory //p')
	check "$1 vCPUs, $2: the memory is there" "$log" [ "${kib:-0}" -gt "$(($3 * 2 / 3))" ]
	check "$1 vCPUs, $2: the disk is there" "$log" grep -q vdb "$log"
}
boots 1 128M 131072
boots 2 1G 1048576
boots 4 4G 4194304

# Flushed, then killed while the guest still runs: what it read back as durable is in the image.
guest 'dd if=/dev/zero bs=4096 count=16 2>/dev/null | tr "\000" "D" | dd of=/dev/vdb bs=4096 conv=fsync 2>/dev/null; echo flushed; sleep 100' \
	--disk "$work/disk" >"$work/kill" 2>&1 &
until_true 60 grep -q '^flushed' "$work/kill"
check "kill: the guest flushed" "$work/kill" grep -q '^flushed' "$work/kill"

vmm-lite run --kernel "$LAB_GUEST/vmlinuz" --disk "$work/disk" >"$work/second" 2>&1 </dev/null
check "a second writer: status 1" "$work/second" [ $? -eq 1 ]
check "a second writer: one line" "$work/second" [ "$(wc -l <"$work/second")" -eq 1 ]
check "a second writer: names the disk" "$work/second" grep -q "$work/disk" "$work/second"

pkill -9 -x vmm-lite
wait
head -c 65536 /dev/zero | tr '\000' D >"$work/want"
head -c 65536 "$work/disk" >"$work/got"
check "kill: the flushed data is in the image" "$work/kill" cmp -s "$work/want" "$work/got"
check "kill: the image kept its size" "$work/kill" [ "$(stat -c %s "$work/disk")" -eq 16777216 ]

sum=$(sha256sum <"$work/disk")
guest 'cat /sys/block/vdb/ro; dd if=/dev/zero of=/dev/vdb bs=4096 count=1 conv=fsync 2>&1; echo written $?' \
	--disk "$work/disk,readonly=on" >"$work/ro" 2>&1
check "read-only: the guest's write fails" "$work/ro" grep -q '^written [1-9]' "$work/ro"
check "read-only: the image is unchanged" "$work/ro" [ "$(sha256sum <"$work/disk")" = "$sum" ]

finish guest_boots
