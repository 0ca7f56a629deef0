"""Which hosts a job is for: those of the operator's limit, or those that its run began with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.controller.store import RunFolder
from harness.errors import UsageError
from harness.orchestrator.job import Begun, Job
from tests.unit.harness_plan.builders import file, planned


def test_a_run_that_was_begun_keeps_its_own_hosts(tmp_path: Path) -> None:
    new = Job(file=file(), seed=1, runs=tmp_path)
    assert [new.limit(each) for each in ("", "n1,n2")] == ["", "n1,n2"]
    plan = planned()
    begun = replace(new, begun=Begun(folder=RunFolder(tmp_path), plan=plan))
    assert begun.limit("") == ",".join(host.host for host in plan.hosts)
    with pytest.raises(UsageError, match=r"^--limit: a run goes on with its own hosts; leave"):
        begun.limit("n1")
