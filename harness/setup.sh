#!/bin/sh
# Everything a fresh machine needs, each step skipped when it is already there:
#   1. the Debian packages named below, each for the reason beside it;
#   2. a virtual environment in .venv with the locked versions, checked by hash.
# Nothing outside the clone and these packages is touched. No clock daemon is installed or changed.
set -eu
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 3; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Debian package, the file that shows it is there, why.
packages() {
    cat <<'TABLE'
systemd-container /usr/bin/systemd-nspawn the lab's hosts are containers with their own systemd
mmdebstrap        /usr/bin/mmdebstrap     builds the hosts' root file system once
iproute2          /usr/sbin/ip            network namespaces and links between the hosts
nftables          /usr/sbin/nft           partitions; the tests look at the rules themselves
iptables          /usr/sbin/iptables      delays on kernels without netem
openssh-client    /usr/bin/ssh            the harness reaches every host by SSH
TABLE
}

find_python() {
    for name in python3 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
            2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    die "needs Python 3.11, 3.12 or 3.13 (Debian 12/13 and Ubuntu 24.04 have one: install python3)"
}

install_packages() {
    missing=""
    while read -r name file reason; do
        [ -e "$file" ] || [ -e "/bin/$(basename "$file")" ] || {
            say "needs $name: $reason"
            missing="$missing $name"
        }
    done <<TABLE
$(packages)
TABLE
    "$python" -c 'import ensurepip, venv' 2>/dev/null || {
        say "needs python3-venv: the virtual environment"
        missing="$missing python3-venv"
    }
    [ -n "$missing" ] || return 0
    if ! command -v apt-get >/dev/null; then
        say "no apt-get here: the container lab needs$missing"
        return 0
    fi
    if [ "$(id -u)" -ne 0 ] && ! sudo -n true 2>/dev/null; then
        say "not root and no sudo without a password: going on without$missing"
        say "(plans, reports and unit tests work; the container lab does not)"
        return 0
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

build_environment() {
    stamp="$("$python" -c 'import sys; print(sys.version)' | cat - requirements.lock | sha256sum)"
    if [ -f .venv/stamp ] && [ "$(cat .venv/stamp)" = "$stamp" ]; then
        return 0
    fi
    say "building .venv ($("$python" --version), versions and hashes from requirements.lock)"
    rm -rf .venv
    "$python" -m venv .venv || die "cannot make .venv: is the disk full, or python3-venv missing?"
    .venv/bin/pip install --quiet --disable-pip-version-check --require-hashes \
        -r requirements.lock || die "cannot install requirements.lock: is a package index reachable?"
    .venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
        --editable . || die "cannot install slotlab itself into .venv"
    printf '%s' "$stamp" >.venv/stamp
}

python="$(find_python)"
install_packages
build_environment
