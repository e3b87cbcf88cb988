#!/bin/bash
# native
# The command lines of the documents run, and print what the documents say that they print.
set -u
cd "$(dirname "$0")/../.." || exit 1
python3 tests/e2e/lib/run_documents.py README.md samples/README.md docs/*.md
