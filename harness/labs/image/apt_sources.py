"""The machine's own apt sources, reduced to its distribution, for building the lab image.

Third-party repositories are left out: a lab host needs none, and one that is unreachable or
unsigned would spoil the build.
"""

import platform
import re
import subprocess
from pathlib import Path

from harness.errors import LabError

APT = Path("/etc/apt")


def write_sources(suite: str, target: Path, apt: Path = APT) -> Path:
    """Return target, written in deb822 form with the distribution's own entries for suite.

    Raises:
        LabError: the machine has no such entry.
    """
    files = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]
    stanzas: list[dict[str, str]] = []
    for path in files:
        if path.suffix == ".sources" and path.is_file():
            stanzas += _deb822(path.read_text())
        elif path.suffix == ".list" and path.is_file():
            stanzas += _one_line(path.read_text())
    texts = [text for stanza in stanzas if (text := _reduced(stanza, suite))]
    if not texts:
        raise LabError(f"{apt}: no apt source for {suite}: add the distribution's own and retry")
    target.write_text("\n\n".join(texts) + "\n")
    return target


def apt_options() -> list[str]:
    """Return the machine's apt settings that decide whether a download works: proxies, dates."""
    result = subprocess.run(
        ["apt-config", "dump", "--format", "%f %v%n", "Acquire"],
        capture_output=True,
        text=True,
        check=False,
    )
    options = ['Acquire::Languages "none"', 'APT::Install-Recommends "false"']
    wanted = r"Acquire::(https?::.+|Check-Valid-Until|Check-Date|Retries)"
    for line in result.stdout.splitlines():
        name, _, value = line.partition(" ")
        if value and re.fullmatch(wanted, name) and '"' not in value:
            options.append(f'{name} "{value}"')
    return options


def _deb822(text: str) -> list[dict[str, str]]:
    """Return the stanzas of a .sources file, names in lower case, folded lines kept folded."""
    stanzas: list[dict[str, str]] = []
    for block in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        name = ""
        for line in block.splitlines():
            if line.startswith("#") or not line.strip():
                continue
            if line[0] in " \t":
                fields[name] = f"{fields.get(name, '')}\n{line}"
                continue
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
        if fields:
            stanzas.append(fields)
    return stanzas


def _one_line(text: str) -> list[dict[str, str]]:
    """Return the entries of a .list file as deb822 stanzas."""
    stanzas = []
    for line in text.splitlines():
        found = re.match(r"\s*(deb)\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)([^#]*)", line)
        if not found:
            continue
        types, options, uri, suites, components = found.groups()
        stanza = {"types": types, "uris": uri, "suites": suites, "components": components.strip()}
        for option in (options or "").split():
            name, _, value = option.partition("=")
            stanza[name.lower()] = value.replace(",", " ")
        stanzas.append(stanza)
    return stanzas


def _reduced(stanza: dict[str, str], suite: str) -> str:
    """Return the stanza's text with only suite's pockets, or "" if it is not the distribution's."""
    pockets = {suite, f"{suite}-updates", f"{suite}-security"}
    suites = [word for word in stanza.get("suites", "").split() if word in pockets]
    distribution = platform.freedesktop_os_release().get("ID", "debian")
    signed_by = stanza.get("signed-by", "")
    if (
        "deb" not in stanza.get("types", "").split()
        or stanza.get("enabled", "yes").lower() in ("no", "false", "0")
        or "main" not in stanza.get("components", "").split()
        or not suites
        or (signed_by and f"{distribution}-archive-keyring" not in signed_by)
    ):
        return ""
    lines = ["Types: deb", f"URIs: {stanza['uris']}", f"Suites: {' '.join(suites)}"]
    lines.append(f"Components: {stanza['components']}")
    for name in ("signed-by", "trusted", "check-valid-until"):
        if name in stanza:
            lines.append(f"{name.title()}: {stanza[name]}")
    return "\n".join(lines)
