#!/usr/bin/env bash
# Installs what one purpose needs, and nothing that is already there.
#
#   setup.sh rust               compiler, cargo, rustfmt, clippy, C linker
#   setup.sh nextest            cargo-nextest; without it the Makefile falls back to `cargo test`
#   setup.sh venv lab|test|bench
#                               the virtual environment with the front ends, with the tests' packages too, or with the
#                               benchmark's as well
#   setup.sh git                git, with which the tests make the repositories that playbooks are updated from
#   setup.sh nfdump             nfdump, against which the reader of its files is tested and measured
#   setup.sh postgresql         PostgreSQL, which the tests load with flows and ask for them
#   setup.sh clickhouse         an old ClickHouse, which the tests ask too
#   setup.sh chdb FOLDER        the engine of a new ClickHouse, in an environment of Python of its own
#   setup.sh chromium           the browser that the browser tests and the benchmark drive
#   setup.sh font               a font, without which plots have no PNG
#   setup.sh softflowd          the exporter of flows whose packets the tests collect
#   setup.sh evcxr FOLDER       evcxr_jupyter, the peer that the benchmark measures
#
# Not in here: building and installing Flowdeck itself, which is the Makefile's part.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PYTHON=${PYTHON:-python3}
VENV=${VENV:-.venv}
# Older releases do not compile with the Rust that we need.
EVCXR_VERSION=0.22.0
# 180 MB to fetch, 10 s to install; without what it would bring along it is half as large.
CHDB_VERSION=26.9.0

say() { printf '== %s\n' "$*"; }

# A fact, then what to do about it.
stop() {
  printf '\nerror: %s\nhint: %s\n\n' "$1" "$2" >&2
  exit 1
}

# Debian packages, as root or through sudo; elsewhere the person is told what to install.
install_debian() {
  local reason=$1 as_root=()
  shift
  command -v apt-get >/dev/null ||
    stop "$reason is missing" "Install what Debian calls \`$*\` with your system's package manager, then run make again"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
      stop "$reason is missing, and without root or sudo it cannot be installed" \
        "Ask an administrator for \`apt-get install $*\`, then run make again"
    as_root=(sudo)
    [ -t 0 ] || as_root=(sudo -n)
  fi
  say "installing Debian's $*"
  local install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@")
  # The package lists of a new machine are empty or old: fetch them only if that turns out to be so.
  "${install[@]}" </dev/null >/dev/null 2>&1 && return
  { "${as_root[@]}" apt-get update </dev/null >/dev/null && "${install[@]}" </dev/null >/dev/null; } ||
    stop "$reason is missing, and apt-get could not install $*" "Run \`apt-get install $*\` yourself, then run make again"
}

setup_rust() {
  # C for SQLite and zstd, C++ for libFuzzer.
  { command -v cc && command -v c++; } >/dev/null || install_debian 'a C and C++ compiler and linker' build-essential
  command -v cargo >/dev/null ||
    stop 'cargo is missing' 'Install Rust with rustup (see the Rust project'"'"'s install page), then run make again'
  local wanted found
  wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
  # A rustup without a default toolchain answers with an error here.
  found=$(cargo --version 2>/dev/null | cut -d' ' -f2 | cut -d- -f1) || found=''
  if [ -z "$found" ] && command -v rustup >/dev/null; then
    say 'installing the stable Rust toolchain'
    rustup toolchain install stable --profile default && rustup default stable || true
    found=$(cargo --version 2>/dev/null | cut -d' ' -f2 | cut -d- -f1) || found=''
  fi
  [ -n "$found" ] || stop 'cargo does not run' 'Run `cargo --version` to see why; `rustup default stable` may be what is missing'
  [ "$(printf '%s\n%s\n' "$wanted" "$found" | sort -V | head -1)" = "$wanted" ] ||
    stop "Rust $wanted or newer is needed, and this is $found" 'Run `rustup update stable`, then run make again'
  need_component rustfmt 'cargo fmt'
  need_component clippy 'cargo clippy'
  # rust-analyzer, which gives Rust cells their types, reads the standard library's sources.
  need_component rust-src rust_sources
}

rust_sources() { [ -d "$(rustc --print sysroot)/lib/rustlib/src/rust/library" ]; }

need_component() {
  $2 --version >/dev/null 2>&1 && return
  command -v rustup >/dev/null && rustup component add "$1" && return
  stop "$1 is missing" "Install it with \`rustup component add $1\`, then run make again"
}

setup_nextest() {
  cargo nextest --version >/dev/null 2>&1 && return
  say 'building cargo-nextest, once'
  cargo install cargo-nextest --locked ||
    say 'cargo-nextest could not be installed: the tests run with `cargo test` instead'
}

setup_venv() {
  local requirements
  case $1 in
    lab) requirements=tests/requirements-lab.txt ;;
    test) requirements=tests/requirements.txt ;;
    bench) requirements=tests/bench/requirements.txt ;;
    *) stop "no requirements named $1" 'Use `lab`, `test` or `bench`' ;;
  esac
  need_python
  # An environment whose Python went away (an upgrade, a moved folder) is made anew.
  if ! "$VENV/bin/python" -m pip --version >/dev/null 2>&1; then
    say "making $VENV"
    rm -rf "$VENV"
    "$PYTHON" -m venv "$VENV"
  fi
  local wanted stamp=$VENV/.installed-$1
  wanted=$(cat tests/requirements*.txt tests/bench/requirements.txt scripts/lab-overrides.json | cksum)
  [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || return 0
  say "installing the Python packages for $1 into $VENV"
  "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements" ||
    stop "pip could not install the packages of $requirements" "Look at pip's lines above; behind a proxy set HTTPS_PROXY or pip's index-url"
  # No question about news and no look for updates: on many analysts' networks that only ends in an alert.
  install -D -m 644 scripts/lab-overrides.json "$VENV/share/jupyter/lab/settings/overrides.json"
  printf '%s' "$wanted" >"$stamp"
}

need_python() {
  command -v "$PYTHON" >/dev/null || install_debian 'Python 3' python3 python3-venv
  "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    stop "Python 3.11 or newer is needed, and $PYTHON is $("$PYTHON" --version 2>&1)" 'Set PYTHON=python3.X to a newer one'
  "$PYTHON" -c 'import venv, ensurepip' 2>/dev/null || install_debian "Python's venv module" python3-venv
}

setup_chromium() {
  local name
  for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null; then return; fi
  done
  install_debian 'Chromium, which the browser tests and the benchmark drive,' chromium
}

setup_font() {
  local font
  font=$(find /usr/share/fonts /usr/local/share/fonts "$HOME/.fonts" \( -name '*.ttf' -o -name '*.otf' \) -print -quit 2>/dev/null) || true
  [ -z "$font" ] || return 0
  install_debian 'a font, which pictures of plots are written with,' fonts-dejavu-core
}

setup_softflowd() {
  local name
  for name in softflowd /usr/sbin/softflowd; do
    if command -v "$name" >/dev/null; then return; fi
  done
  install_debian 'softflowd, whose exports the tests collect,' softflowd
}

setup_git() {
  command -v git >/dev/null || install_debian 'git, with which the tests make repositories,' git
}

setup_nfdump() {
  command -v nfdump >/dev/null && return
  # Elsewhere nfdump is packaged under other names or not at all; the tests that need it say so and pass.
  if ! command -v apt-get >/dev/null; then
    say 'nfdump is missing, and this system has no apt-get: nothing is compared with it'
    return
  fi
  install_debian 'nfdump, which the reader of nfcapd files is compared with,' nfdump
}

setup_postgresql() {
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && return
  if ! command -v apt-get >/dev/null; then
    say 'PostgreSQL is not where Debian has it, and this system has no apt-get: it is not asked for flows'
    return
  fi
  install_debian 'PostgreSQL, which the tests ask for flows,' postgresql
}

setup_clickhouse() {
  local program
  for program in /usr/sbin/clickhouse-server /usr/bin/clickhouse-server; do
    if [ -x "$program" ]; then return; fi
  done
  # Debian 12 has it; others do not.
  if ! grep -qs '^VERSION_ID="12"' /etc/os-release || ! grep -qs '^ID=debian' /etc/os-release; then
    say 'this is not Debian 12, which has clickhouse-server: an old ClickHouse is not asked for flows'
    return
  fi
  install_debian 'ClickHouse, which the tests ask for flows,' clickhouse-server
}

setup_chdb() {
  local folder=$1
  if "$folder/bin/python" -c 'import chdb' 2>/dev/null; then return; fi
  need_python
  say "installing chdb $CHDB_VERSION into $folder, once"
  rm -rf "$folder"
  { "$PYTHON" -m venv "$folder" &&
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps "chdb-core==$CHDB_VERSION"; } ||
    say 'chdb could not be installed: the types of a new ClickHouse are not tested'
}

setup_evcxr() {
  local folder=$1
  [ -x "$folder/bin/evcxr_jupyter" ] && return
  say "building evcxr_jupyter $EVCXR_VERSION, once"
  cargo install evcxr_jupyter --version "$EVCXR_VERSION" --locked --root "$folder" ||
    say 'evcxr_jupyter could not be built: the benchmark goes on without it and says so'
}

purpose=${1:-}
case $purpose in
  rust | nextest | venv | git | nfdump | postgresql | clickhouse | chdb | chromium | font | softflowd | evcxr) shift && "setup_$purpose" "$@" ;;
  *) stop "no purpose named \`$purpose\`" "The purposes are listed at the top of $0" ;;
esac
