"""Restoring the host's clock without Python, for the undo script.

It reads the first line of the marker that host_clock.move() wrote: boot id, wall time minus uptime
in hundredths of a second, tick, freq, and then wall time, raw monotonic time and the rate (in parts
per thousand million) of one moment before. Without the marker, or after a reboot, nothing is
touched.

perl (essential in Debian and Ubuntu) reads and steps the clock within one process, so a slow host
does not matter. Where there is none, `date` does it from uptime: to hundredths of a second on an
idle host, and as badly as programs are slow to start on a busy one.
"""

import os
import shlex

_ADJTIMEX_AND_GETTIME = {"x86_64": (159, 228), "aarch64": (171, 113)}

PERL = """\
my ($tick, $freq, $wall, $raw, $ppb) = @ARGV;
sub now { my $b = pack("q2", 0, 0); syscall(GETTIME, $_[0], $b) < 0 and exit 1;
  my ($s, $n) = unpack("q2", $b); return $s * 1000000000 + $n }
sub adjust { my $t = pack("Lx4qqx48qqqx112", $_[0], 0, $_[1], $_[2], $_[3], $_[4]);
  syscall(ADJTIMEX, $t) < 0 and exit 1 }
adjust(0x4002, $freq + 0, 0, 0, $tick + 0);
my ($best, $at, $is) = (1e18);
for (1 .. 20) {
  my ($first, $w, $last) = (now(4), now(0), now(4));
  ($best, $at, $is) = ($last - $first, $first + int(($last - $first) / 2), $w)
    if $last - $first < $best;
}
my $gone = $at - $raw;
my $off = $wall + $gone + int($gone * $ppb / 1000000000) - $is;
exit 0 if abs($off) <= 50000;
my $s = int($off / 1000000000);
$s-- if $off < $s * 1000000000;
adjust(0x2100, 0, $s, $off - $s * 1000000000, 0);
"""
"""Rate back (ADJ_FREQUENCY, ADJ_TICK), then a step by what is missing (ADJ_SETOFFSET, ADJ_NANO)."""

_LINE = """\
m={marker}
if [ -O "$m" ] && read -r boot offset tick freq wall raw ppb < "$m" &&
  [ "$boot" = "$(cat /proc/sys/kernel/random/boot_id)" ] &&
  [ -z "$(printf %s "$offset$tick$freq$wall$raw$ppb" | tr -d 0-9-)" ] && [ -n "$ppb" ]; then
  perl -e {perl} -- "$tick" "$freq" "$wall" "$raw" "$ppb" 2>/dev/null || for n in 1 2 3 4 5; do
    read -r up _ < /proc/uptime
    want=$(( ${{up%.*}}${{up#*.}} + offset ))
    off=$(( want - $(date +%s%2N) ))
    [ "${{off#-}}" -gt {tolerance} ] || break
    date -s "@$(( want / 100 )).$(printf %02d $(( want % 100 )))" > /dev/null
  done
fi
rm -f "$m\""""

TOLERANCE_CS = 3
"""Three hundredths of a second: uptime is that coarse, and a clock not moved is not moved."""


def perl_script() -> str:
    """Return the perl that restores rate and wall time, with this machine's system calls."""
    machine = os.uname().machine
    adjtimex, gettime = _ADJTIMEX_AND_GETTIME.get(machine, _ADJTIMEX_AND_GETTIME["aarch64"])
    return PERL.replace("ADJTIMEX,", f"{adjtimex},").replace("GETTIME,", f"{gettime},")


def restore_lines(marker: str) -> str:
    """Return shell that puts rate and wall time back, if the marker says they were moved."""
    return _LINE.format(
        marker=shlex.quote(marker), perl=shlex.quote(perl_script()), tolerance=TOLERANCE_CS
    )
