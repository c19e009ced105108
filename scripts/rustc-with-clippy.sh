#!/usr/bin/env bash
# Stands before rustc where cargo compiles crates of ours (RUSTC_WORKSPACE_WRAPPER): clippy is the same compiler with more to
# say, so one build gives its warnings, as errors, and what the tests run.
set -euo pipefail
driver=$("$1" --print sysroot)/bin/clippy-driver
# A compiler from a distribution may come without: `make lint` tells, the tests run all the same.
[ -x "$driver" ] || exec "$@"
exec "$driver" "$@" -D warnings
