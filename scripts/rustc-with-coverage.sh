#!/usr/bin/env bash
# Stands before rustc where cargo compiles crates of ours (RUSTC_WORKSPACE_WRAPPER), for `make fuzz`: libFuzzer sees which
# of their branches an input reaches. Dependencies are compiled as ever, so their build is used as it is.
set -euo pipefail
# What cargo-fuzz sets, without a sanitizer: those need a nightly compiler.
exec "$@" --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
  -Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions
