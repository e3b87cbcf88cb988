#!/bin/bash
# lab: -m 1G -t 300
# Runs in the lab. The command lines of the documents that need a guest, a VMM that runs beside them, or root.
set -u
cd "$(dirname "$0")/../.." || exit 1
# Direct I/O, which some of them ask for, needs more than the lab's own file systems.
modprobe loop
truncate -s 200M /var/tmp/documents && mkfs.ext4 -q /var/tmp/documents && mkdir /mnt/documents &&
	mount -o loop /var/tmp/documents /mnt/documents || exit 1
export TMPDIR=/mnt/documents
python3 tests/e2e/lib/run_documents.py --lab README.md CONTRIBUTING.md samples/README.md docs/*.md
