"""A time daemon that begins after the agent, or answers late on a slow host, can still be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.agent import arming
from faults.agent.arming import Host, with_time_daemon
from faults.durable.journal import Journal
from faults.durable.ledger import Ledger
from faults.host.layout import HostConfig, Layout


@pytest.mark.parametrize(
    ("known", "asked", "after"),
    [
        ({"systemd", "clock_host"}, True, {"systemd", "clock_host", "clock_daemon"}),
        ({"systemd", "clock_host", "clock_daemon"}, False, None),
        ({"systemd"}, False, None),
    ],
    ids=["not there yet", "there", "no clock of its own"],
)
def test_it_is_looked_for_again_where_none_obeyed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: set[str], asked: bool,
    after: set[str] | None,
) -> None:  # fmt: skip
    looked: list[bool] = []

    def find(*, systemd: bool) -> dict[str, bool]:
        looked.append(systemd)
        return {"clock_host": True, "clock_daemon": True}

    monkeypatch.setattr(arming, "clock_capabilities", find)
    layout = Layout(tmp_path, tmp_path, tmp_path / "host.json", "")
    ledger, journal = Ledger(layout.ledger_dir), Journal(layout.journal_file, "n1")
    host = Host(layout, HostConfig(host="n1"), frozenset(known), ledger, journal)
    assert with_time_daemon(host).capabilities == (known if after is None else after)
    assert looked == [True] * asked
