#!/bin/bash
# native
# The command lines of the documents run, and print what the documents say that they print.
set -u
cd "$(dirname "$0")/../.." || exit 1
documents=(docs/LIFE_OF_A_REQUEST.md docs/SLOW_LAYER.md docs/OVERHEAD.md)
python3 tests/e2e/lib/run_documents.py "${documents[@]}"
