"""What a host's interpreter is asked to run, it runs; one that is not there is said in one line."""

from __future__ import annotations

import subprocess
import sys

import pytest

from harness.remote.host_python import command, missing
from tests.unit.harness_inventory.hosts import plain


def test_the_script_gets_its_arguments_as_they_are() -> None:
    words = command(plain(python=sys.executable), "a b", "'\"$x")
    script = "import sys; print(sys.argv[1:])"
    done = subprocess.run(words, input=script, capture_output=True, text=True, check=True)
    assert done.stdout == "['a b', '\\'\"$x']\n"


@pytest.mark.parametrize("path", ["/opt/none/python3", "/etc/passwd", "/usr/bin"])
def test_an_interpreter_that_cannot_run_takes_its_input_and_ends_with_127(path: str) -> None:
    words = command(plain(python=path))
    done = subprocess.run(words, input="#" * 1_000_000, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (127, "")


def test_the_remedy_is_a_package_or_the_inventory() -> None:
    assert missing(plain()) == ("no /usr/bin/python3", "apt install python3")
    remedy = "correct ansible_python_interpreter or leave it out (/usr/bin/python3)"
    assert missing(plain(python="/opt/py")) == ("no /opt/py", remedy)
