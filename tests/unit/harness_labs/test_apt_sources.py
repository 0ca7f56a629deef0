"""Which of a machine's apt sources the lab image is built from."""

import platform
from pathlib import Path

import pytest

from harness.errors import LabError
from harness.labs.image.apt_sources import write_sources

DEB822 = """\
# the distribution
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates bookworm-backports
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: https://vendor.example/apt
Suites: bookworm
Components: main
Signed-By: /usr/share/keyrings/vendor-archive-keyring.gpg

Enabled: no
Types: deb
URIs: http://disabled.example/debian
Suites: bookworm
Components: main
"""

ONE_LINE = """\
# deb http://commented.example/debian bookworm main
deb [arch=amd64,arm64 trusted=yes] http://old.example/debian bookworm-security main # why
deb-src http://source.example/debian bookworm main
deb http://other.example/debian trixie main
"""


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an apt folder of a machine that runs Debian bookworm."""
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"ID": "debian"})
    (tmp_path / "sources.list.d").mkdir()
    return tmp_path


def test_only_the_distributions_own_entries_for_the_suite_are_taken(apt: Path) -> None:
    (apt / "sources.list").write_text(ONE_LINE)
    (apt / "sources.list.d" / "debian.sources").write_text(DEB822)
    (apt / "sources.list.d" / "debian.sources.disabled").write_text(DEB822)
    written = write_sources("bookworm", apt / "lab.sources", apt).read_text()
    assert written == (
        "Types: deb\nURIs: http://old.example/debian\nSuites: bookworm-security\n"
        "Components: main\nTrusted: yes\n\n"
        "Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\n"
        "Components: main contrib\n"
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    )


def test_a_machine_without_a_source_for_its_suite_is_told_so(apt: Path) -> None:
    (apt / "sources.list").write_text(ONE_LINE)
    with pytest.raises(LabError, match="no apt source for sid"):
        write_sources("sid", apt / "lab.sources", apt)
