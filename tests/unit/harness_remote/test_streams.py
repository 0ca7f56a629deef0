"""What other people's machines print: greetings, warnings, megabytes on the wrong stream."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path

import pytest

from harness.remote.agent_channel import ControlChannel
from harness.remote.connection import connect, execute
from harness.remote.fan_out import HostResult
from harness.remote.host_python import read_json
from harness.remote.ssh_failure import RemoteFailure
from harness.remote.streams import ERRORS_BYTES_MAX
from tests.unit.harness_remote.ssh_server import serving

PLAIN = 'exec sh -c "$1"'
GREETING = 'echo "Welcome to pi1!"; printf "no newline"; ' + PLAIN
NOLOGIN = "echo This account is currently not available.; exit 1"
FORCED = "echo only backups here"


def did(shell: str, line: str, timeout_s: float = 20.0) -> tuple[int, str, str]:
    """Return exit status, output and errors of a line, as the harness sees them."""
    output = io.BytesIO()
    with serving(shell) as options:
        connection = connect(options)
        try:
            code, errors = execute(
                connection, line, stdin=b"", stdout=output, timeout_s=timeout_s
            )  # fmt: skip
        finally:
            connection.close()
    return code, output.getvalue().decode(), errors


@pytest.mark.parametrize("shell", [PLAIN, GREETING])
@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("echo out; echo err >&2", (0, "out\n", "err\n")),
        ("echo out; exit 3", (3, "out\n", "")),
        ("printf ''", (0, "", "")),
        ("echo 'Welcome to pi1!'", (0, "Welcome to pi1!\n", "")),
    ],
)
def test_only_what_the_command_prints_is_its_output(
    shell: str, line: str, seen: tuple[int, str, str]
) -> None:
    assert did(shell, line) == seen


def test_eight_megabytes_on_standard_error_hold_nothing_up() -> None:
    line = "head -c 8000000 /dev/zero | tr '\\0' e >&2; echo last words >&2; echo done"
    code, output, errors = did(PLAIN, line)
    assert (code, output) == (0, "done\n")
    assert len(errors) == ERRORS_BYTES_MAX
    assert errors.endswith("last words\n")


@pytest.mark.parametrize(
    ("shell", "said"),
    [(NOLOGIN, "This account is currently not available."), (FORCED, "only backups here")],
)
def test_a_login_shell_that_runs_something_else_is_named_with_what_it_said(
    shell: str, said: str
) -> None:
    with pytest.raises(RemoteFailure) as caught:
        did(shell, "true")
    assert caught.value.reason == "shell"
    assert caught.value.detail == f"the login shell did not run the command; it said: {said}"


def test_a_shell_that_prints_without_end_is_one_finding() -> None:
    with pytest.raises(RemoteFailure, match="its login shell prints more than 1048576 bytes"):
        did("head -c 3000000 /dev/zero", "true")


def test_an_agents_answers_are_found_behind_a_greeting() -> None:
    reply = json.dumps({"id": 1, "ok": {"boot": "b"}})
    mark = 'sh -c "${1%;*}"'  # what the harness has the shell print first
    shell = f"echo hello; echo '{{}}'; {mark}; read -r request; echo '{reply}'; cat"
    with serving(shell) as options:
        connection = connect(options)
        channel = ControlChannel("pi1", connection)
        assert channel.ask({"op": "hello"}, timeout_s=10).ok == {"boot": "b"}
        connection.close()


def test_a_host_that_prints_something_else_for_json_costs_no_other_host_its_findings() -> None:
    results = {
        "pi1": HostResult(host="pi1", stdout='{"a": 1}', exit_code=0),
        "pi2": HostResult(host="pi2", stdout='Last login: never\n{"a": 2}', exit_code=0),
        "pi3": HostResult(host="pi3", stdout="[1]", exit_code=0),
        "pi4": HostResult(host="pi4", reason="timeout", detail="no answer"),
        "pi5": HostResult(host="pi5", stdout='{"a": "b"}', exit_code=0),
    }
    found, judged = read_json(results, dict[str, int])
    assert found == {"pi1": {"a": 1}}
    assert {host: result.ok for host, result in judged.items()} == {
        "pi1": True, "pi2": False, "pi3": False, "pi4": False, "pi5": False,
    }  # fmt: skip
    assert judged["pi2"].problem == (
        "output: it printed 'Last login: never' for JSON;"
        " if its login shell does, keep that to interactive ones"
    )
    assert judged["pi4"] == results["pi4"]
    assert judged["pi5"].problem == (
        "output: what it printed is not what it was asked for:"
        " Expected `int`, got `str` - at `$[...]`"
    )


@pytest.mark.parametrize("shell", [PLAIN, GREETING])
@pytest.mark.slow
def test_a_command_that_is_given_up_ends_on_its_host_with_all_it_started(
    shell: str, tmp_path: Path
) -> None:
    line = f"echo $$ > {tmp_path}/first; (sleep 3600 & echo $! > {tmp_path}/second); sleep 3600"
    with serving(shell) as options:
        connection = connect(options)
        with pytest.raises(TimeoutError):
            execute(connection, line, stdin=b"", stdout=io.BytesIO(), timeout_s=4)
        for name in ("first", "second"):
            number = int((tmp_path / name).read_text())
            until = time.monotonic() + 20
            while runs(number) and time.monotonic() < until:
                time.sleep(0.02)
            assert not runs(number), name
        connection.close()


def runs(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
