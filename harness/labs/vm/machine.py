"""One VM: its disks, the QEMU that runs it, and a word with that over QMP (JSON lines)."""

import hashlib
import json
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

from harness.errors import LabError
from harness.labs import network, process
from harness.labs.process import ProcessId, run
from harness.labs.state import HostState, LabState
from harness.labs.vm import image, seed

SSH_DEADLINE_S = 600.0
"""Seconds; four emulated VMs on a free machine take forty, beside other work minutes."""
LINK_MARK = "link_down"
"""A file in the VM's folder while its data card has no carrier; QEMU cannot be asked."""

_LAUNCH = """\
read -r go || exit 1
exec </dev/null
cd "$1" || exit 1
shift
rm -f qmp.sock link_down
exec "$@"
"""


def lay_out(folder: Path, state: LabState, host: HostState) -> None:
    """Put the VM's layer over the image, its seed and its disks into its folder."""
    base = folder / "hosts" / host.name
    base.mkdir(parents=True)
    below = ["-f", "qcow2", "-F", "qcow2", "-b", str(Path(state.vm_image) / image.DISK)]
    run(["qemu-img", "create", "-q", *below, str(base / "root.qcow2")])
    seed.write(base, state, host)
    assert host.spec is not None
    for index, disk in enumerate(host.spec.disks):
        path = base / f"disk{index}.img"
        with path.open("wb") as file:
            os.truncate(file.fileno(), disk.size_mb * 1024 * 1024)
        run(["mkfs.ext4", "-q", "-F", "-m", "0", str(path)])


def boot(
    folder: Path, state: LabState, host: HostState, record: Callable[[ProcessId], None]
) -> None:
    """Start the VM; record is called before it may do anything."""
    base = folder / "hosts" / host.name
    launcher = base / "launch.sh"
    launcher.write_text(_LAUNCH)
    words = ["nsenter", f"--net={network.NAMESPACES / state.bridge_namespace}"]
    words += ["sh", str(launcher), str(base), *qemu_words(state, host)]
    process.start_recorded(words, log=base / "console.log", record=record)


def qemu_words(state: LabState, host: HostState) -> list[str]:
    """Return the command that runs the VM in its own folder."""
    spec = host.spec
    assert spec is not None
    files = Path(state.vm_image)
    emulated = ["-accel", "tcg,thread=multi,tb-size=128", "-cpu", "Nehalem"]
    words = ["qemu-system-x86_64", "-name", f"{state.prefix}-{host.name}"]
    words += ["-machine", "q35,vmport=off,smbus=off,sata=off"]
    words += ["-accel", "kvm", "-cpu", "host"] if state.acceleration == "kvm" else emulated
    words += ["-smp", "1", "-m", str(spec.memory_mb), "-rtc", "base=utc,clock=host"]
    words += ["-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio"]
    words += ["-qmp", f"unix:{SOCKET},server=on,wait=off"]
    words += ["-kernel", str(files / image.KERNEL), "-initrd", str(files / image.INITRD)]
    words += ["-append", kernel_words(state, host)]
    words += _drive("root.qcow2", "qcow2", "cache=writeback,discard=unmap")
    words += _drive(seed.IMAGE, "raw", "readonly=on")
    for index, disk in enumerate(spec.disks):
        limit = f",throttling.iops-total={disk.iops}" if disk.iops else ""
        words += _drive(f"disk{index}.img", "raw", f"cache=writeback{limit}")
    for index, port in enumerate(network.ports(state, host)):
        words += ["-netdev", f"tap,id=net{index},ifname={port.name},script=no,downscript=no"]
        mac = _mac(state.prefix, host.name, index)
        card = f"virtio-net-pci,id=nic{index},netdev=net{index},mac={mac},romfile="
        words += ["-device", card]
    return [*words, "-device", "virtio-rng-pci"]


def kernel_words(state: LabState, host: HostState) -> str:
    """Return the kernel's command line."""
    machine_id = hashlib.sha256(f"{state.prefix}-{host.name}".encode()).hexdigest()[:32]
    words = ["root=/dev/vda", "rw", "console=ttyS0", "loglevel=4", "net.ifnames=0", "panic=5"]
    words += [f"systemd.machine_id={machine_id}", f"systemd.hostname={host.name}"]
    return " ".join([*words, "mitigations=off", "audit=0"])


def _drive(name: str, form: str, more: str) -> list[str]:
    return ["-drive", f"file={name},format={form},if=virtio,{more}"]


def _mac(prefix: str, name: str, index: int) -> str:
    number = hashlib.sha256(f"{prefix}-{name}-{index}".encode()).digest()
    return "52:54:00:" + ":".join(f"{byte:02x}" for byte in number[:3])


def end(state: LabState, host: HostState) -> None:
    """End the VM's QEMU, as by a power cut."""
    if host.process is not None:
        process.kill([host.process])


def first_process(host: HostState) -> ProcessId | None:
    """Return the VM's QEMU, or None while the VM is off."""
    return host.process if process.is_alive(host.process) else None


def freeze(folder: Path, host: HostState) -> None:
    """Stop the VM's processor."""
    ask_qemu(folder / "hosts" / host.name, "stop")


def thaw(folder: Path, host: HostState) -> None:
    """Let the VM's processor run on."""
    ask_qemu(folder / "hosts" / host.name, "cont")


def is_frozen(folder: Path, host: HostState) -> bool:
    """Return whether the VM's processor stands still."""
    answer = ask_qemu(folder / "hosts" / host.name, "query-status")
    return isinstance(answer, dict) and answer.get("status") == "paused"


def set_link(folder: Path, state: LabState, host: HostState, *, up: bool) -> None:
    """Give the VM's data card a carrier, or take it."""
    base = folder / "hosts" / host.name
    if not up:
        (base / LINK_MARK).touch()
    ask_qemu(base, "set_link", {"name": f"nic{host.data_nic}", "up": up})
    if up:
        (base / LINK_MARK).unlink(missing_ok=True)


def link_is_up(folder: Path, state: LabState, host: HostState) -> bool:
    """Return whether the VM's data card was left with a carrier."""
    return not (folder / "hosts" / host.name / LINK_MARK).exists()


SOCKET = "qmp.sock"
ANSWER_S = 10.0


def ask_qemu(folder: Path, command: str, arguments: Mapping[str, object] | None = None) -> object:
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
