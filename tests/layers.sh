#!/bin/sh
# The layering of docs/ARCHITECTURE.md: an include that climbs is an error.
set -eu
cd "$(dirname "$0")/.."
status=0

# check FOLDER PATTERN TEXT: no file below FOLDER may include what PATTERN matches
check() {
	[ -d "$1" ] || return 0
	if grep -rnE --include='*.[ch]' "^#[[:space:]]*include[[:space:]]+[<\"]($2)" "$1"; then
		echo "layers: $1 $3" >&2
		status=1
	fi
}

check lib '(probes|tui|cli|vmm-lite)/|bpf/|ncurses|curses' 'knows nobody but itself'
check tui '(probes|cli|vmm-lite)/|bpf/' 'knows lib/ only'
check probes '(tui|cli|vmm-lite)/' 'knows lib/ only'
check vmm-lite 'tui/|cli/|lib/[a-gi-qt-z]|lib/re[a-bd-z]' 'knows the stage points, records and histogram only'
check vmm-lite/disk 'vmm-lite/(virtio|pci|kvm|boot|platform)/|linux/virtio' 'knows no virtio'
check vmm-lite/virtio 'vmm-lite/kvm/|linux/kvm' 'does not know KVM'
check vmm-lite/pci 'vmm-lite/(kvm|virtio)/|linux/kvm' 'knows neither KVM nor virtio'
if grep -rlE --include='*.[ch]' 'KVM_[A-Z]+_?IRQ|ioctl\(.*KVM_' vmm-lite | grep -v '^vmm-lite/kvm/'; then
	echo "layers: only vmm-lite/kvm/ calls KVM" >&2
	status=1
fi
exit $status
