# Shared by the scripts in this folder: they source it first. Sets $root and changes to it.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# The comment at the top of a script is its help text.
usage() { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$0"; }

# quietly LOG COMMAND...: runs it, and shows what it printed only when it fails.
quietly() {
  local log=$1
  shift
  mkdir -p "$(dirname "$log")"
  if ! "$@" >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    die "failed: $* (all of its output: $log)"
  fi
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "needs root to run: $* (or install sudo)"
  fi
}

# need_packages NAME...: installs the Debian packages that are missing, and does nothing when none is.
need_packages() {
  command -v dpkg-query >/dev/null || die "this is not Debian: install the like of these packages yourself: $*"
  local missing=() name
  for name in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null || true)" = installed ] || missing+=("$name")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "Installing ${#missing[@]} Debian package(s): ${missing[*]}"
  local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}")
  # Package lists that are there are tried first: refreshing them takes longer than most installs.
  if ! compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null || ! as_root "${install[@]}" >build/apt.log 2>&1; then
    quietly build/apt.log as_root apt-get update -qq
    quietly build/apt.log as_root "${install[@]}"
  fi
}
