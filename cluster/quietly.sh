#!/usr/bin/env bash
# Runs a command and shows its last lines if it succeeds, all of its output if it fails.
# Usage: quietly.sh LINES COMMAND…
set -euo pipefail

lines=$1
shift
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
"$@" >"$log" 2>&1 || status=$?
if ((status == 0)); then
    tail -n "$lines" "$log"
else
    cat "$log"
    # What failed stands at the end, where one looks first.
    grep -E 'recorded an issue|error:' "$log" | tail -n 40 || true
    echo "failed with exit status $status: $*" >&2
fi
exit "$status"
