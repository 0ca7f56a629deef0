"""A host that hangs, or is busy with one request, holds up nothing but that."""

from __future__ import annotations

import shlex
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from harness.inventory.inventory import Inventory
from harness.inventory.ssh_options import SshOptions
from harness.remote.fan_out import Remote, refuse_failed
from tests.unit.harness_inventory.hosts import plain
from tests.unit.harness_remote.ssh_server import serving
from tests.waiting import wait_until

AGENT = """
import json, os, pathlib, sys, time
print('{"id":0,"ok":"relay"}', flush=True)
for line in sys.stdin:
    request = json.loads(line)
    if request["op"] == "wait":
        pathlib.Path(request["for"] + ".begun").touch()
    tests = os.getppid()
    while request["op"] == "wait" and not pathlib.Path(request["for"]).exists():
        time.sleep(0.01)
        if os.getppid() != tests:
            sys.exit()
    print(json.dumps({"id": request["id"], "ok": request["op"]}), flush=True)
"""
SHELL = f"""
case "$1" in
  *"-m faults ctl"*) sh -c "${{1%;*}}"; exec {sys.executable} -c {shlex.quote(AGENT)} ;;
  *) exec sh -c "$1" ;;
esac
"""


@contextmanager
def lab(**ways: SshOptions) -> Iterator[Remote]:
    """Yield connections to hosts that are reached in these ways."""
    hosts = tuple(plain(name, ssh=ssh) for name, ssh in ways.items())
    inventory = Inventory(path=Path("rack.yml"), lab="hardware", netns=None, hosts=hosts)
    with Remote(inventory) as remote:
        yield remote


def wait_for(file: Path) -> dict[str, str]:
    """Return a request that the agent answers once file is there."""
    return {"op": "wait", "for": str(file)}


def until_begun(file: Path) -> None:
    """Wait until the agent has such a request."""
    wait_until(file.with_name(f"{file.name}.begun").exists)


def test_a_renewal_is_answered_beside_a_request_that_is_not_yet(tmp_path: Path) -> None:
    file = tmp_path / "done"
    with serving(SHELL) as ssh, lab(n1=ssh) as remote:
        replies = {}

        def start() -> None:
            replies.update(remote.ctl({"n1": wait_for(file)}, timeout_s=30))

        thread = threading.Thread(target=start)
        thread.start()
        until_begun(file)
        renewed = remote.ctl_all("renew", lane="renewals", timeout_s=30)
        assert renewed["n1"].ok == "renew"
        assert replies == {}
        file.touch()
        thread.join()
    assert replies["n1"].ok == "wait"


def test_a_request_behind_one_that_hangs_ends_at_its_own_deadline(tmp_path: Path) -> None:
    file = tmp_path / "done"
    with serving(SHELL) as ssh, lab(n1=ssh) as remote:
        asked = {"n1": wait_for(file)}
        thread = threading.Thread(target=remote.ctl, args=(asked,), kwargs={"timeout_s": 60})
        thread.start()
        until_begun(file)
        late = remote.ctl_all("hello", timeout_s=0.2)["n1"]
        assert (late.ok, late.reason) == (None, "timeout")
        file.touch()
        thread.join()
        assert remote.ctl_all("hello")["n1"].ok == "hello"


@pytest.mark.slow
def test_a_host_that_hangs_costs_no_other_host_its_answer(tmp_path: Path) -> None:
    late = tmp_path / "late"
    with serving(SHELL) as one, serving(SHELL) as other, lab(n1=one, n2=other) as remote:
        remote.ctl_all("hello", timeout_s=60)  # their relays have started
        asked = {"n1": {"op": "hello"}, "n2": wait_for(late)}
        replies = remote.ctl(asked, timeout_s=3)
        assert (replies["n1"].ok, replies["n2"].reason) == ("hello", "timeout")
        assert {name: r.ok for name, r in remote.ctl_all("hello", timeout_s=60).items()} == {
            "n1": "hello", "n2": "hello",
        }  # fmt: skip
    late.touch()


@pytest.mark.slow
def test_a_host_that_takes_connections_and_says_nothing_is_given_up_at_the_deadline() -> None:
    with serving(SHELL) as one, socket.create_server(("127.0.0.1", 0)) as mute:
        words = ("-o", f"Port={mute.getsockname()[1]}", *one.own_words)
        silent = replace(one, own_words=words, connect_timeout_s=8)
        with lab(n1=one, n2=silent) as remote:
            refuse_failed("log in", remote.run(["n1"], "true"))
            replies = remote.ctl_all("renew", timeout_s=4.0, lane="renewals")
    assert (replies["n1"].ok, replies["n2"].reason) == ("renew", "timeout")


def test_a_request_that_is_not_answered_in_time_ends_no_fetch_on_the_same_host(
    tmp_path: Path,
) -> None:
    begun, go, late = tmp_path / "begun", tmp_path / "go", tmp_path / "late"
    line = f"touch {begun}.begun; while [ ! -e {go} ]; do sleep 0.05; done; echo all of it"
    fetched = []
    with serving(SHELL) as ssh, lab(n1=ssh) as remote:

        def fetch() -> None:
            results = remote.run_each({"n1": line}, into=lambda _: tmp_path / "file")
            fetched.append(results["n1"].problem)

        thread = threading.Thread(target=fetch)
        thread.start()
        until_begun(begun)
        assert remote.ctl_all("hello", timeout_s=60)["n1"].ok == "hello"  # its relay has started
        reply = remote.ctl({"n1": wait_for(late)}, timeout_s=0.3)["n1"]
        assert reply.reason == "timeout"
        assert remote.run(None, "sleep 30", timeout_s=0.3)["n1"].reason == "timeout"
        assert remote.ctl_all("hello", timeout_s=60)["n1"].ok == "hello"
        go.touch()
        thread.join()
    late.touch()
    assert fetched == [""]
    assert (tmp_path / "file").read_text() == "all of it\n"


def test_a_relay_that_starts_slowly_is_waited_for_over_several_requests(tmp_path: Path) -> None:
    begun, go = tmp_path / "begun", tmp_path / "go"
    slow = f"echo >> {begun}; while [ ! -e {go} ]; do sleep 0.05; done;"
    with serving(SHELL.replace("sh -c", f"{slow} sh -c", 1)) as ssh, lab(n1=ssh) as remote:
        for _ in range(3):
            assert remote.ctl_all("hello", timeout_s=0.3)["n1"].reason == "timeout"
        go.touch()
        assert remote.ctl_all("status", timeout_s=30)["n1"].ok == "status"
    assert begun.read_text() == "\n", "one relay was started, and none of them ended"
