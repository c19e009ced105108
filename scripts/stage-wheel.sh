#!/usr/bin/env bash
# Puts beside python-shim/pyproject.toml what the wheel has beyond the program that maturin builds.
#
#   stage-wheel.sh FOLDER       FOLDER is target/release or target/debug, with flowdeck-cell-host in it
#
# scripts/            the cell host, which the program looks for beside itself
# data/share/jupyter  the kernelspec; it names the program from its own place, wherever the environment is or moves to
# data/share/flowdeck the sources that Rust cells are linked with, and the playbooks
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

built=$1
staged=python-shim/flowdeck.data
share=$staged/data/share
rm -rf "$staged"
mkdir -p "$staged/scripts" "$share/jupyter/kernels/flowdeck" "$share/flowdeck/prelude/kernel"

cp "$built/flowdeck-cell-host" "$staged/scripts/"
strip "$staged/scripts/flowdeck-cell-host" 2>/dev/null || true

cp kernelspec/logo-* "$share/jupyter/kernels/flowdeck/"
# Jupyter fills in {resource_dir}, the kernelspec's folder.
sed 's|{flowdeck}|{resource_dir}/../../../../bin/flowdeck|' kernelspec/kernel.json >"$share/jupyter/kernels/flowdeck/kernel.json"

# The committed files only: no outputs, no checkpoints, nothing that was built.
git ls-files -z notebooks widgets-comm kernel/cell kernel/cell-derive | tar --null -T - -cf - | tar -xf - -C "$share/flowdeck/prelude"
mv "$share/flowdeck/prelude/notebooks" "$share/flowdeck/notebooks"
# A workspace of these crates, at the versions of ours.
sed '/^members = \[/,/^\]/c members = ["kernel/cell", "kernel/cell-derive", "widgets-comm"]' Cargo.toml >"$share/flowdeck/prelude/Cargo.toml"
cp Cargo.lock "$share/flowdeck/prelude/"
host=$(rustc -vV | sed -n 's/^host: //p')
cargo metadata --format-version 1 --filter-platform "$host" --manifest-path "$share/flowdeck/prelude/Cargo.toml" >/dev/null
