# shellcheck shell=bash disable=SC2034
# The guest of the benchmarks that run in the lab, to be sourced: a kernel whose root is in its memory.
kernel=$LAB_GUEST/vmlinuz
initrd=$LAB_GUEST/initrd.img
# ram_guest SCRIPT: prints its kernel's parameters; it runs the script and then ends
ram_guest() { echo "console=ttyS0 quiet vbt.init=ram vbt.cmd=$(printf '%s' "$1" | base64 -w0)"; }
