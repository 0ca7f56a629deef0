"""A word with a running QEMU over its QMP socket (JSON lines)."""

import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from harness.errors import LabError

SOCKET = "qmp.sock"
ANSWER_S = 10.0


def ask(folder: Path, command: str, arguments: Mapping[str, object] | None = None) -> object:
    """Return QEMU's answer to one command; folder is the VM's own.

    Raises:
        LabError: nobody answers, or QEMU refuses.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(ANSWER_S)
            # A socket's path may have 107 characters at most; this one is always short.
            link.connect(f"/proc/self/fd/{handle}/{SOCKET}")
            with link.makefile("rw") as lines:
                lines.readline()
                _exchange(lines, {"execute": "qmp_capabilities"})
                return _exchange(lines, {"execute": command, "arguments": dict(arguments or {})})
    except (OSError, ValueError) as error:
        raise LabError(f"{folder.name}: QEMU does not answer to {command}: {error}") from error
    finally:
        os.close(handle)


def _exchange(lines: TextIO, request: Mapping[str, object]) -> object:
    lines.write(json.dumps(request) + "\n")
    lines.flush()
    while line := lines.readline():
        answer = json.loads(line)
        if "return" in answer:
            return answer["return"]
        if "error" in answer:
            raise ValueError(answer["error"].get("desc", "refused"))
    raise ValueError("it hung up")
