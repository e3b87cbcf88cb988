# The lab: a throwaway VM with a real /dev/kvm (lab/run), and the guest that runs inside it.
# lab/build decides by itself what is stale.

lab: ## the lab's kernel and root image (lab/run makes them too when needed)
	$(Q)lab/build lab qemu

guest-image: ## build/guest: kernel, initramfs and root filesystem of a nested guest
	$(Q)lab/build guest

check-lab: lab guest-image ## tests of the lab itself
	$(Q)tests/lab/test_lab.sh
