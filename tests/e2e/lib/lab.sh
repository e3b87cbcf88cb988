# shellcheck shell=bash disable=SC2034
# What end-to-end tests do inside the lab: disks, and guests that wait for a word. To be sourced.
# What is written to $LAB_OUT can be looked at outside, where the lab's copy of the tools is the same.

# A block device for the guest's disk: loop_device SIZE; its name is in `disk`.
loop_device() {
	modprobe loop
	truncate -s "$1" /var/tmp/disk.raw
	# The guest is to read what is there, not holes: those cost the host no I/O.
	dd if=/dev/urandom of=/var/tmp/disk.raw bs=1M count="${1%M}" status=none
	disk=$(losetup --find --show /var/tmp/disk.raw)
}

# guest COMMAND DISK[,key=value...] [VMM-LITE OPTION...]: the words that run a guest on vmm-lite, in the
# array `guest`. The disk is /dev/vdb there: /dev/vda is the root, so that vdb's counters are COMMAND's.
guest() {
	local command=$1 data=$2
	shift 2
	guest=(timeout 150 vmm-lite run --kernel "$LAB_GUEST/vmlinuz" --initrd "$LAB_GUEST/initrd.img"
		--append "console=ttyS0 quiet panic=-1 vbt.cmd=$(printf '%s' "$command" | base64 -w0)"
		--cpus 2 --memory 256M --disk "$LAB_GUEST/root.ext4,readonly=on" --disk "$data" "$@")
}

# until_true SECONDS COMMAND...
until_true() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

fio='fio --filename=/dev/vdb --bs=4k --ioengine=libaio --direct=1 --randrepeat=1 --output-format=terse'
