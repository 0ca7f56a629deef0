"""The host's time daemon around a clock fault: held, started again, or (chrony) steered wrong.

The commands are shell because the undo must not need Python. What was held stands in a file, and
no other unit than those of clock_setters.HOLDABLE is ever taken from it.
"""

from pathlib import Path

from faults.host.clock.clock_setters import CHRONY, HOLDABLE
from faults.model.fault import SECOND_NS, Command

TIMEOUT_S = 30.0
"""Starting a daemon takes seconds on a loaded small host."""

_ACTIVE = (
    "systemctl list-units --plain --no-legend --state=active,activating,reloading "
    + " ".join(f"'{unit}'" for unit in HOLDABLE)
)

_HOLD = (
    f'for u in $({_ACTIVE} | cut -d" " -f1); do'
    ' echo "$u" >> "$1" && systemctl stop "$u" || exit 1; done'
)

_RESUME = (
    '[ -O "$1" ] || exit 0; { flock -w 20 9; [ -O "$1" ] || exit 0; failed=0;'
    ' while read -r u; do case "$u" in '
    + "|".join(HOLDABLE)
    + ') systemctl start "$u" < /dev/null || failed=1;; esac; done < "$1";'
    ' [ $failed = 0 ] && rm -f "$1"; } 9< "$1" || [ ! -e "$1" ] || exit 1;'
    ' chronyc -a "burst 4/4" > /dev/null 2>&1 < /dev/null || true'
)
"""Under a lock: agent and dead man's timer may both come, and a daemon is started once."""

_RESTART = 'systemctl stop "$2" 2> /dev/null; ' + _RESUME.replace(
    "systemctl start", "systemctl restart"
)

_SOURCES = "chronyc -c -n sources"

_STEP_WHEN_SELECTED = (
    ' systemd-run --quiet --collect --no-block "--unit=$2" /bin/sh -c'
    ' \'n=0; until chronyc -c sources | grep -q "^^,[*]"; do'
    " sleep 0.5; n=$((n+1)); [ $n -lt 60 ] || exit 1; done; chronyc makestep'"
)
"""In the background and for 30 s at most: step instead of drifting, once chrony has a source."""

_STEER = (
    f'names=$({_SOURCES} | grep "^^," | cut -d, -f3); [ -n "$names" ] || exit 1;'
    f" for u in {' '.join(CHRONY)}; do"
    ' systemctl is-active -q $u && echo $u > "$1" && break; done;'
    ' for name in $names; do chronyc -m "delete $name"'
    ' "add server $name iburst minpoll 4 maxpoll 5 offset $3" > /dev/null || exit 1; done;'
    + _STEP_WHEN_SELECTED
)

_FORGET = (
    'chronyc -m "reset sources" "burst 4/4" > /dev/null 2>&1 < /dev/null || exit 0;'
    + _STEP_WHEN_SELECTED
    + " || true"
)


def hold(held: Path) -> Command:
    """Return the command that stops the active time daemons, having written their names down."""
    return _shell(_HOLD, str(held))


def resume(held: Path) -> Command:
    """Return the command that starts what was held, and has chrony measure at once."""
    return _shell(_RESUME, str(held))


def steer(held: Path, by_ns: int, token: str) -> Command:
    """Return the command that makes chrony believe its sources by by_ns wrong, and step there.

    The sources are deleted and added again with an offset: chrony 4.3 has no command to change it.
    Starting chrony again brings its own sources back from its configuration.
    """
    return _shell(_STEER, str(held), f"slotlab-clock-{token}", f"{by_ns / SECOND_NS:.9f}")


def restart(held: Path, token: str) -> Command:
    """Return the command that starts the chrony that was steered anew, with its own sources."""
    return _shell(_RESTART, str(held), f"slotlab-clock-{token}")


def forget(token: str) -> Command:
    """Return the command that has chrony, where it runs, drop what it measured, and start over.

    Then, in the background and bounded, it steps to the true time instead of drifting there.
    """
    return _shell(_FORGET, "", f"slotlab-forget-{token}")


def _shell(script: str, *words: str) -> Command:
    return Command(("/bin/sh", "-c", script, "daemon", *words), timeout_s=TIMEOUT_S)
