"""What comes home of a host's event files: a file that cannot be read takes no other with it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from harness.remote.fan_out import HostResult
from harness.testbed.collect import EACH_FILE, unread


def collected(folder: Path) -> HostResult:
    """Return what a host's shell does with EACH_FILE in a folder."""
    done = subprocess.run(["sh", "-c", EACH_FILE], cwd=folder, capture_output=True, check=False)
    return HostResult(
        host="n1", stdout=done.stdout.decode(), stderr=done.stderr.decode(),
        exit_code=done.returncode,
    )  # fmt: skip


def test_each_writer_s_lines_come_home_and_no_mark_between_them(tmp_path: Path) -> None:
    for name in ("node", "probe"):
        (tmp_path / f"{name}.jsonl").write_text(f"{name} 0\n{name} ha")
        (tmp_path / f"{name}.jsonl.next").write_text("mark\n")
    result = collected(tmp_path)
    assert unread(result) == []
    assert result.stdout == "node 0\nnode ha\nprobe 0\nprobe ha\n"


def test_a_file_that_cannot_be_read_is_named_and_the_others_come_home(tmp_path: Path) -> None:
    (tmp_path / "node.jsonl").mkdir()
    (tmp_path / "probe.jsonl").symlink_to(tmp_path / "gone")
    (tmp_path / "client.jsonl").write_text("client 0\n")
    result = collected(tmp_path)
    assert result.stdout.strip() == "client 0"
    assert unread(result) == [
        "n1: events not collected: node.jsonl: Is a directory",
        "n1: events not collected: probe.jsonl: No such file or directory",
    ]


def test_a_host_that_does_not_answer_is_one_line() -> None:
    lost = HostResult(host="n1", stderr="a\nb\n", reason="timeout", detail="not within 120 s")
    assert unread(lost) == ["n1: events not collected: timeout: not within 120 s"]
