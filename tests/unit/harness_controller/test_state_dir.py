"""Where keys, pins, locks, labs and images are kept, whoever runs the command."""

import errno
import os
from pathlib import Path

import pytest

from harness.controller import state_dir
from harness.errors import OperatorError


@pytest.mark.parametrize(
    ("environment", "state", "cache"),
    [
        ({"HOME": "/home/x"}, "/home/x/.local/state/slotlab", "/home/x/.cache/slotlab"),
        (
            {"HOME": "/home/x", "XDG_STATE_HOME": "/s", "XDG_CACHE_HOME": "c"},
            "/s/slotlab",
            f"{os.getcwd()}/c/slotlab",
        ),
        (
            {"HOME": "/home/x", "XDG_STATE_HOME": "", "XDG_CACHE_HOME": "/c d"},
            "/home/x/.local/state/slotlab",
            "/c d/slotlab",
        ),
    ],
)
def test_the_environment_says_where(
    environment: dict[str, str], state: str, cache: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert (state_dir.state_home(), state_dir.cache_home()) == (Path(state), Path(cache))


def test_a_user_without_any_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nowhere)
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    who = os.geteuid()
    for where, variable in (
        (state_dir.state_home, "XDG_STATE_HOME"),
        (state_dir.cache_home, "XDG_CACHE_HOME"),
    ):
        with pytest.raises(OperatorError) as raised:
            where()
        assert str(raised.value) == (
            f"HOME: not set, and user {who} has no home: set HOME or {variable}"
        )


def test_a_home_that_cannot_be_written_is_told_what_to_set_instead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", "/ro")
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    said = {
        path: state_dir.remedy(OSError(errno.EROFS, "Read-only file system", path))
        for path in ("/ro/.local", "/ro/.local/state/slotlab/locks", "/ro/.cache", "/srv/runs")
    }
    assert said == {
        "/ro/.local": "; set XDG_STATE_HOME to a folder that can be written",
        "/ro/.local/state/slotlab/locks": "; set XDG_STATE_HOME to a folder that can be written",
        "/ro/.cache": "; set XDG_CACHE_HOME to a folder that can be written",
        "/srv/runs": "",
    }
    gone = FileNotFoundError(errno.ENOENT, "No such file", "/ro/.local/state/slotlab/labs/x")
    assert state_dir.remedy(gone) == ""
