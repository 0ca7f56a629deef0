#!/bin/sh
# Everything a fresh machine needs, each step skipped when it is already there:
#   1. the Debian packages named below, each for the reason beside it;
#   2. a virtual environment in .venv with the locked versions, checked by hash.
# Nothing outside the clone and these packages is touched. No clock daemon is installed or changed.
# It may be killed at any moment and run again.
set -eu
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 3; }

# What a package starts in passing must not hold our lock.
apt_get() {
    harness/as_root.sh env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -o DPkg::Lock::Timeout=300 "$@" >/dev/null 9<&-
}

# Debian package, a program of it, why.
packages() {
    cat <<'TABLE'
python3-venv      python3        the virtual environment
systemd-container systemd-nspawn the lab's hosts are containers with their own systemd
mmdebstrap        mmdebstrap     builds the hosts' root file system once
iproute2          ip             network namespaces and links between the hosts
nftables          nft            partitions; the tests look at the rules themselves
iptables          iptables       delays on kernels without netem
openssh-client    ssh            the harness reaches every host by SSH
TABLE
}

is_there() {
    case $1 in
        python3-venv) "${python:-python3}" -c 'import ensurepip, venv' 2>/dev/null ;;
        *) PATH="$PATH:/usr/sbin:/sbin" command -v "$2" >/dev/null ;;
    esac
}

# The first Python of the right version, empty if there is none at all.
find_python() {
    for name in python3 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
            2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    found="$(python3 --version 2>/dev/null || true)"
    [ -z "$found" ] || die "needs Python 3.11, 3.12 or 3.13 and found only $found:" \
        "Debian 12/13 and Ubuntu 24.04 have one"
}

install_packages() {
    missing=""
    while read -r name program reason; do
        is_there "$name" "$program" || {
            say "needs $name: $reason"
            missing="$missing $name"
        }
    done <<TABLE
$(packages)
TABLE
    [ -n "$missing" ] || return 0
    if ! command -v apt-get >/dev/null; then
        say "no apt-get here: going on without$missing"
    elif [ "$(harness/as_root.sh id -u)" -ne 0 ]; then
        say "not root and no sudo: going on without$missing"
    else
        say "installing them with apt-get"
        apt_get update || say "apt-get update failed: trying with the lists that are here"
        # shellcheck disable=SC2086
        apt_get install -y --no-install-recommends $missing ||
            die "apt-get cannot install$missing: it says why above"
        return 0
    fi
    say "(plans, simulations, reports and unit tests work; the container lab does not)"
}

# What .venv is made from: it is no use to a copy of the clone, nor to another minor version.
wanted_stamp() {
    { "$1" -c 'import sys; print(sys.version_info[:2])'; readlink -f .venv; cat requirements.lock; } |
        sha256sum
}

# Each line of pip's becomes a count; its errors go past us.
counted() {
    count=0
    while read -r word _; do
        case $word in
            Collecting | Processing | Ignoring) count=$((count + 1)) ;;
            Installing) say "  unpacking them" ;;
            failed) return 1 ;;
        esac
        case $word$count in Collecting*0 | Processing*0) say "  $count of $1 packages" ;; esac
    done
}

fill_environment() {
    "$python" -m venv .venv || return 1
    { .venv/bin/pip install --disable-pip-version-check --only-binary :all: --require-hashes \
        -r requirements.lock || echo failed; } | counted "$(grep -c '^[a-z]' requirements.lock)" ||
        return 1
    .venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
        --editable .
}

build_environment() {
    if [ -x .venv/bin/python ] && [ -f .venv/stamp ] &&
        [ "$(cat .venv/stamp)" = "$(wanted_stamp .venv/bin/python)" ]; then
        return 0
    fi
    say "building .venv ($("$python" --version), versions and hashes from requirements.lock)"
    rm -rf .venv 2>/dev/null || die "cannot replace .venv: is it root's? sudo rm -rf .venv"
    fill_environment || {
        rm -rf .venv
        die "cannot build .venv: it says why above (no package index in reach, or a full disk?)"
    }
    wanted_stamp .venv/bin/python >.venv/stamp
    say ".venv is ready"
}

exec 9<harness/setup.sh
flock -n 9 || {
    say "another make is at it: waiting"
    flock 9
}
python="$(find_python)"
install_packages
python="${python:-$(find_python)}"
[ -n "$python" ] || die "needs Python 3.11, 3.12 or 3.13, and there is none: install python3-venv"
build_environment
