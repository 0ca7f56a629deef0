"""After `sudo`, the run folder is its user's."""

import os
from pathlib import Path

import pytest

from harness.orchestrator.reporting import hand_over

pytestmark = pytest.mark.root
USER = (4242, 4343)


def owners(top: Path) -> dict[str, tuple[int, int]]:
    """Return user and group of top and of all below it, by relative name."""
    paths = [top, *sorted(top.rglob("*"))]
    found = [(str(path.relative_to(top)), path.lstat()) for path in paths]
    return {name: (stat.st_uid, stat.st_gid) for name, stat in found}


def make_run(clone: Path) -> Path:
    """Return a run folder with a trial's file and a link out of it."""
    run = clone / "runs" / "demo" / "one"
    (run / "trials" / "1").mkdir(parents=True)
    (run / "trials" / "1" / "trial.json").write_text("{}")
    (run / "outside").symlink_to(clone.parent / "secret")
    return run


def test_what_root_made_in_a_users_clone_is_the_users_and_links_are_not_followed(
    tmp_path: Path,
) -> None:
    clone, secret = tmp_path / "clone", tmp_path / "secret"
    run = make_run(clone)
    secret.write_text("root's")
    os.chown(clone, *USER)
    hand_over(run)
    assert set(owners(clone).values()) == {USER}
    assert owners(secret) == {".": (0, 0)}


def test_in_a_clone_of_roots_nothing_changes_hands(tmp_path: Path) -> None:
    run = make_run(tmp_path / "clone")
    hand_over(run)
    assert set(owners(tmp_path).values()) == {(0, 0)}


def test_a_neighbour_keeps_its_owner(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    run = make_run(clone)
    (clone / "runs" / "demo" / "older").mkdir()
    os.chown(clone, *USER)
    hand_over(run)
    assert owners(clone / "runs" / "demo" / "older") == {".": (0, 0)}


def test_who_is_not_root_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(tmp_path / "clone")
    os.chown(tmp_path / "clone", *USER)
    before = owners(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: USER[0])
    hand_over(run)
    assert owners(tmp_path) == before
