"""A machine says that it is slowed as its firmware or its kernel does, or not at all."""

from __future__ import annotations

from pathlib import Path

import msgspec
import psutil
import pytest

from node.timing.machine import MachineWatch


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def slowed_of_firmware(root: Path, *words: str) -> list[object]:
    watch = MachineWatch(root)
    found: list[object] = []
    for word in words:
        write(root, "devices/platform/soc/soc:firmware/get_throttled", word)
        found.append(watch.look().slowed)
    return found


def test_firmware_counts_the_looks_that_find_the_machine_slowed(tmp_path: Path) -> None:
    words = ("0\n", "50005\n", "50000\n", "4\n", "e0008\n")
    assert slowed_of_firmware(tmp_path, *words) == [0, 1, 1, 2, 3]


@pytest.mark.parametrize("word", ["", "soon"])
def test_firmware_that_cannot_be_read_says_nothing(tmp_path: Path, word: str) -> None:
    assert slowed_of_firmware(tmp_path, word) == [msgspec.UNSET]


def test_a_kernel_counts_from_when_the_watch_began(tmp_path: Path) -> None:
    for core, count in (("cpu0", "3"), ("cpu1", "4")):
        write(tmp_path, f"devices/system/cpu/{core}/thermal_throttle/core_throttle_count", count)
    watch = MachineWatch(tmp_path)
    found = [watch.look().slowed]
    write(tmp_path, "devices/system/cpu/cpu1/thermal_throttle/core_throttle_count", "9")
    assert [*found, watch.look().slowed] == [0, 5]


def test_who_says_nothing_is_not_taken_for_cool(tmp_path: Path) -> None:
    assert MachineWatch(tmp_path).look().slowed is msgspec.UNSET


def test_time_in_use_and_memory_left_are_within_what_the_machine_has(tmp_path: Path) -> None:
    watch = MachineWatch(tmp_path)
    first = watch.look()
    sum(range(3_000_000))
    last = watch.look()
    assert last.processors == psutil.cpu_count()
    assert 0 < first.busy_ns <= last.busy_ns
    assert 0 < last.available_bytes <= psutil.virtual_memory().total
