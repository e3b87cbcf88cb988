#!/bin/bash
# native
# The command lines of the documents run, and print what the documents say that they print. Those that need a
# guest or root are for documents_lab.sh; tests/e2e/lib/documents_elsewhere has those that neither runs.
set -u
cd "$(dirname "$0")/../.." || exit 1
python3 tests/e2e/lib/run_documents.py README.md CONTRIBUTING.md samples/README.md docs/*.md
