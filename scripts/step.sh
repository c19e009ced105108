#!/usr/bin/env bash
# Runs a command under a heading and says how long it took: step.sh HEADING COMMAND…
set -uo pipefail
heading=$1
shift
printf '\n== %s\n' "$heading"
started=$SECONDS
"$@"
code=$?
[ "$code" -eq 0 ] || printf '== %s: failed with exit code %s\n' "$heading" "$code"
printf '== %s: %s s\n' "$heading" "$((SECONDS - started))"
exit "$code"
