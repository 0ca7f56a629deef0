"""How a trial finds a T0 by which a slow lab is armed: longer leads, measured; never armed late."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness import trial
from harness.errors import RunError
from harness.trial import longer
from harness.units import SECOND_NS

MS = 1_000_000


class Lab:
    """A lab of which only its slowness matters: arming takes arm_s, one attempt after the other."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, arm_s: list[float], ready: str = ""
    ) -> None:
        self.said: list[str] = []
        self.disarmed = 0
        self.leads_ms: list[float] = []
        self._arm_s = iter(arm_s)
        replaced: dict[str, Callable[..., Any]] = {
            "first_round_ns": self._t0,
            "trial_files": lambda *_, **__: None,
            "access": lambda _: {},
            "_prepare": lambda *_: None,
            "_wait_ready": lambda *_, **__: ready,
            "_arm": lambda *_: time.sleep(next(self._arm_s)),
            "_disarm": self._disarm,
        }
        monkeypatch.setattr(trial, "LEAD_NS", 40 * MS)
        for name, function in replaced.items():
            monkeypatch.setattr(trial, name, function)

    def start(self) -> None:
        asked = threading.Event()
        context = SimpleNamespace(
            plan=SimpleNamespace(hosts=[1, 2]),
            fleet=SimpleNamespace(ask=lambda *_, **__: None),
            show=SimpleNamespace(step=self.said.append),
            stop=SimpleNamespace(asked=asked),
            deployed={}, keys=None, owner="me",
        )  # fmt: skip
        trial._start(cast(Any, context), cast(Any, None), cast(Any, SimpleNamespace()))

    def _t0(self, _: object, *, not_before_ns: int) -> int:
        self.leads_ms.append((not_before_ns - time.time_ns()) / MS)
        return not_before_ns

    def _disarm(self, *_: object) -> None:
        self.disarmed += 1


def test_a_lab_armed_after_t0_is_disarmed_and_armed_anew_with_a_lead_that_fits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lab = Lab(monkeypatch, arm_s=[0.3, 0.0])
    lab.start()
    assert lab.disarmed == 1
    first, second = lab.leads_ms
    assert first == pytest.approx(40, abs=5)
    assert second >= 1.5 * 300 - 5
    assert lab.said[0].startswith("not ready for T0 (armed 0.")
    assert lab.said[1].startswith("armed on 2 hosts; T0 in 0.")


def test_a_lab_that_is_never_ready_fails_after_four_attempts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lab = Lab(monkeypatch, arm_s=[], ready="n2: the node does not answer")
    with pytest.raises(RunError, match=r"^not ready for T0: n2: the node does not answer$"):
        lab.start()
    assert [round(lead / 40, 1) for lead in lab.leads_ms] == pytest.approx(
        [1, 2.5, 6.2, 15.6], rel=0.1
    )
    assert len(lab.said) == 3


def test_the_next_lead_is_half_as_much_again_as_what_went_by() -> None:
    assert longer(6 * SECOND_NS, took_ns=7 * SECOND_NS) == 15 * SECOND_NS
    assert longer(6 * SECOND_NS, took_ns=40 * SECOND_NS) == 60 * SECOND_NS
