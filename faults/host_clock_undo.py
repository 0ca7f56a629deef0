"""Restoring the host's clock by shell alone, for the undo script: exact to 10 ms, needs no Python.

It reads the first line of the marker that host_clock.move() wrote: boot id, wall time minus uptime
in hundredths of a second, tick and freq. Without it, or after a reboot, nothing is touched. perl
(essential in Debian and Ubuntu) makes the one system call that no standard command offers.
"""

from __future__ import annotations

import os
import shlex

_ADJTIMEX = {"x86_64": 159, "aarch64": 171}
_ADJ_FREQUENCY_AND_TICK = 0x4002

_LINE = """\
m={marker}
if [ -O "$m" ] && read -r boot offset tick freq < "$m" &&
  [ "$boot" = "$(cat /proc/sys/kernel/random/boot_id)" ] &&
  [ -z "$(printf %s "$offset$tick$freq" | tr -d 0-9-)" ] && [ -n "$freq" ]; then
  {set_rate} "$tick" "$freq" ||
    adjtimex --tick "$tick" --frequency "$freq" 2>/dev/null || true
  read -r up _ < /proc/uptime
  want=$(( ${{up%.*}}${{up#*.}} + offset ))
  off=$(( want - $(date +%s%2N) ))
  if [ "${{off#-}}" -gt {tolerance} ]; then
    date -s "@$(( want / 100 )).$(printf %02d $(( want % 100 )))" > /dev/null
  fi
fi
rm -f "$m\""""

TOLERANCE_CS = 3
"""Three hundredths of a second: uptime is that coarse, and a clock not moved is not moved."""


def restore_lines(marker: str) -> str:
    """Return shell that puts rate and wall time back, if the marker says they were moved."""
    number = _ADJTIMEX.get(os.uname().machine, _ADJTIMEX["aarch64"])
    perl = (
        f'my $t = pack("Lx4qqx64qx112", {_ADJ_FREQUENCY_AND_TICK}, 0, $ARGV[1], $ARGV[0]);'
        f" exit(syscall({number}, $t) < 0)"
    )
    return _LINE.format(
        marker=shlex.quote(marker),
        set_rate=f"perl -e {shlex.quote(perl)}",
        tolerance=TOLERANCE_CS,
    )
