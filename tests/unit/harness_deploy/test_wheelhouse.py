"""The environment archive: named by its content, the same bytes each time, nothing for harness."""

from __future__ import annotations

import os
import re
import tarfile
import tomllib
from pathlib import Path

import pytest

from harness.deploy import wheelhouse
from harness.deploy.wheelhouse import LOCK, Target, WheelhouseError, build, unsupported

ROOT = Path(__file__).parents[3]
TARGET = Target("aarch64", (3, 12))
PINS = "coincurve==21.0.0 \\\n    --hash=sha256:00\n"


def project(folder: Path) -> Path:
    for name in ("node", "faults", "harness"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(f'"""{name}."""\n')
    (folder / LOCK).parent.mkdir()
    (folder / LOCK).write_text(PINS)
    return folder


def with_wheels(cache: Path) -> Path:
    """Return a cache that already holds the unpacked wheels, so that no registry is asked."""
    cache.mkdir()
    key = wheelhouse.wheels_key(TARGET, PINS)
    (cache / f"wheels-{key}" / "coincurve").mkdir(parents=True)
    (cache / f"wheels-{key}" / "coincurve" / "lib.so").write_bytes(b"\x7fELF")
    (cache / f"wheels-{key}.digest").write_text("d")
    return cache


def test_only_the_nodes_dependencies_travel_in_the_versions_that_the_controller_has() -> None:
    pins = blocks(ROOT / LOCK)
    names = [pin.split("==")[0] for pin in pins]
    assert names == ["coincurve", "msgspec", "ntplib", "psutil", "pyzmq"]
    assert set(pins) <= set(blocks(ROOT / "requirements.lock")), "run make lock"
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert {text.split(">=")[0] for text in wanted} <= set(names), "run make lock"


def blocks(file: Path) -> list[str]:
    """Return each pin of a lock file together with its hash lines."""
    return [pin for pin in re.split(r"\n(?=\S)", file.read_text().strip()) if "--hash" in pin]


def test_the_same_content_gives_the_same_stamp_and_bytes_whatever_its_dates(tmp_path: Path) -> None:
    first = project(tmp_path / "one")
    second = project(tmp_path / "two")
    os.utime(second / "node" / "__init__.py", (1, 1))
    made = [
        build(TARGET, root=root, cache=with_wheels(tmp_path / f"cache-{root.name}"))
        for root in (first, second)
    ]
    assert made[0].stamp == made[1].stamp
    assert made[0].archive.read_bytes() == made[1].archive.read_bytes()


def test_the_archive_holds_node_faults_and_wheels_and_no_harness(tmp_path: Path) -> None:
    root = project(tmp_path / "root")
    made = build(TARGET, root=root, cache=with_wheels(tmp_path / "cache"))
    with tarfile.open(made.archive) as tar:
        names = tar.getnames()
        assert all((entry.mtime, entry.uid) == (0, 0) for entry in tar)
    base = f"slotlab/{made.stamp}"
    assert names == [
        f"{base}/faults/__init__.py",
        f"{base}/node/__init__.py",
        f"{base}/site-packages/coincurve/lib.so",
    ]


def test_a_second_build_is_taken_from_the_cache_and_a_changed_file_is_not(tmp_path: Path) -> None:
    root = project(tmp_path / "root")
    cache = with_wheels(tmp_path / "cache")
    first = build(TARGET, root=root, cache=cache)
    assert (first.built, build(TARGET, root=root, cache=cache).built) == (True, False)
    (root / "node" / "__init__.py").write_text('"""changed."""\n')
    assert build(TARGET, root=root, cache=cache).stamp != first.stamp


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (Target("x86_64", (3, 11)), ""),
        (Target("aarch64", (3, 13)), ""),
        (Target("armv7l", (3, 11)), "install a 64-bit system"),
        (Target("riscv64", (3, 11)), "no wheels for riscv64"),
        (Target("x86_64", (3, 10)), "Python 3.10 is not 3.11 to 3.13"),
        (Target("x86_64", (3, 14)), "Python 3.14 is not 3.11 to 3.13"),
    ],
)
def test_a_machine_without_wheels_is_refused_in_words(target: Target, words: str) -> None:
    problem = unsupported(target)
    assert words in problem
    assert bool(problem) == bool(words)


@pytest.mark.slow
@pytest.mark.parametrize("minor", [11, 12, 13])
@pytest.mark.parametrize(("arch", "machine"), [("aarch64", 183), ("x86_64", 62)])
def test_an_archive_holds_libraries_of_its_own_machine_only(
    arch: str, machine: int, minor: int
) -> None:
    try:
        made = build(Target(arch, (3, minor)))
    except WheelhouseError as error:
        pytest.skip(f"no wheels at hand: {error}")
    with tarfile.open(made.archive) as tar:
        names = [name for name in tar.getnames() if ".so" in name.rpartition("/")[2]]
        heads = {name: _head(tar, name) for name in names}
    assert len(heads) >= 5
    # e_machine of the ELF header: 183 is AArch64, 62 is x86-64.
    wrong = {name for name, head in heads.items() if head[18:20] != machine.to_bytes(2, "little")}
    assert wrong == set()
    built_for = {name.split(".")[-2] for name in names if ".cpython-" in name}
    assert built_for <= {f"cpython-3{minor}-{arch}-linux-gnu"}


def _head(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    assert file is not None
    return file.read(20)
