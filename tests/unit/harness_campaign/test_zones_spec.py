"""A file of round trips or losses between zones says each once, or is refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.campaign import campaign_file, zones_spec
from harness.controller.state_dir import CAMPAIGNS
from harness.errors import CampaignError

HEAD = "schema: slotlab.campaign/v1\ntitle: a test\n"
MS = 1_000_000


def refusal(zones: str, folder: Path, **files: str) -> str:
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    with pytest.raises(CampaignError) as caught:
        campaign_file.parse(f"{HEAD}zones: {zones}\n", folder / "c.yml")
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix("c.yml: ")


def test_a_round_trip_is_written_once_or_alike_at_both_places() -> None:
    text = "# From here.\n# And there.\nrtt_ms,a,b,c\na,0.5,10,\nb,10,,2.25\n\nc,7,,0\n"
    assert zones_spec.parse("m.csv", text) == zones_spec.Matrix(
        name="m.csv",
        text=text,
        source="From here. And there.",
        figure=zones_spec.RTT,
        between={
            "a": {"a": 500_000, "b": 10 * MS, "c": 7 * MS},
            "b": {"a": 10 * MS, "c": 2_250_000},
            "c": {"a": 7 * MS, "b": 2_250_000, "c": 0},
        },
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the first cell is empty; write what cells are: rtt_ms or loss_percent"),
        ("ms,a\na,1\n", "the first cell is ms; write what cells are: rtt_ms or loss_percent"),
        ("rtt_ms\n", "its rows are not its columns; write each zone as both, in one order"),
        ("rtt_ms,a,b\na,,1\n", "its rows are not its columns; write each zone as both"),
        ("rtt_ms,a,b\nb,1,\na,,1\n", "its rows are not its columns; write each zone as both"),
        ("rtt_ms,a,a\na,,1\na,1,\n", "column 3: a is there twice; remove one"),
        ("rtt_ms,a,b c\na,,1\nb c,1,\n", "column 3: 'b c' is no zone; write one plain word"),
        ("rtt_ms,a,b\na,,1\nb,1\n", "row b: 1 cells for 2 zones; write one for each, if need be"),
        ("rtt_ms,a,b\na,,1,2\nb,1,\n", "row a: 3 cells for 2 zones; write one for each"),
        ("rtt_ms,a,b\na,,\nb,,\n", "a and b: no round trip; write it"),
        ("rtt_ms,a,b\na,,83\nb,85,\n", "a and b: 83 and 85 are two figures of one round trip;"),
        ("rtt_ms,a,b\na,,-3\nb,,\n", "a and b: '-3' is no round trip; write 0 to 2000 (ms)"),
        ("rtt_ms,a,b\na,,83ms\nb,,\n", "a and b: '83ms' is no round trip; write 0 to 2000 (ms)"),
        ("rtt_ms,a,b\na,,2001\nb,,\n", "a and b: '2001' is no round trip; write 0 to 2000 (ms)"),
        ("rtt_ms,a,b\na,,1e2\nb,,\n", "a and b: '1e2' is no round trip; write 0 to 2000 (ms)"),
        ("loss_percent,a\na,1\n", "its cells are loss_percent, not rtt_ms; name another file"),
        ('rtt_ms,"a\n', "not CSV (unexpected end of data); write cells with commas between"),
    ],
)
def test_a_file_that_says_no_round_trips_is_refused_with_the_place(
    text: str, says: str, tmp_path: Path
) -> None:
    found = refusal("{matrix: m.csv}", tmp_path, m=text)
    assert found.startswith(f"zones.matrix: m.csv: {says}")


def test_a_loss_is_a_share_of_the_packets_of_each_way_and_may_be_left_out() -> None:
    text = "loss_percent,a,b,c\na,0.1,2,\nb,,,0\nc,,,\n"
    matrix = zones_spec.parse("m.csv", text)
    assert matrix.figure == zones_spec.LOSS
    assert matrix.between == {"a": {"a": 1_000, "b": 20_000}, "b": {"a": 20_000, "c": 0},
                              "c": {"b": 0}}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("loss_percent,a,b\na,,51\nb,,\n", "a and b: '51' is no loss; write 0 to 50 (%)"),
        ("loss_percent,a,b\na,,1\nb,2,\n", "a and b: 1 and 2 are two figures of one loss;"),
        ("rtt_ms,a\na,1\n", "its cells are rtt_ms, not loss_percent; name another file"),
    ],
)
def test_a_file_that_says_no_losses_is_refused_with_the_place(
    text: str, says: str, tmp_path: Path
) -> None:
    found = refusal("{matrix: azure5.csv, losses: m.csv}", tmp_path, m=text)
    assert found.startswith(f"zones.losses: m.csv: {says}")


@given(st.text(max_size=80) | st.from_regex(r"rtt_ms(,[ab]){0,3}\n([ab](,\d?){0,3}\n){0,3}"))
def test_any_text_is_a_matrix_with_all_its_round_trips_or_is_refused(text: str) -> None:
    try:
        matrix = zones_spec.parse("m.csv", text)
    except ValueError:
        return
    for one in matrix.zones:
        if matrix.figure.needed:
            assert set(matrix.between[one]) | {one} == set(matrix.zones)
        for other, rtt_ns in matrix.between[one].items():
            assert matrix.between[other][one] == rtt_ns >= 0


def test_a_file_is_looked_for_beside_the_campaign_and_then_among_those_that_ship(
    tmp_path: Path,
) -> None:
    text = f"{HEAD}zones: {{matrix: azure5.csv}}\n"
    shipped = campaign_file.parse(text, tmp_path / "c.yml").matrices["azure5.csv"]
    assert shipped.zones == ["eastus", "westeurope", "southeastasia", "japaneast", "brazilsouth"]
    (tmp_path / "azure5.csv").write_text("rtt_ms,a,b\na,,1\nb,,\n")
    assert campaign_file.parse(text, tmp_path / "c.yml").matrices["azure5.csv"].zones == ["a", "b"]
    says = "zones.matrix: azure6.csv: no such file beside the campaign, nor one that ships; did you"
    assert refusal("{matrix: azure6.csv}", tmp_path).startswith(says)


@pytest.mark.parametrize("name", ["../m.csv", "/m.csv", "m.txt", "", "a/m.csv"])
def test_only_the_name_of_a_csv_file_is_taken(name: str, tmp_path: Path) -> None:
    found = refusal(f"{{matrix: '{name}'}}", tmp_path)
    assert found.startswith("zones.matrix: ")
    assert "is not the name of a CSV file alone" in found


def test_bytes_that_are_no_text_and_too_many_of_them_are_refused(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_bytes(b"rtt_ms,\xff\n")
    found = refusal("{matrix: m.csv}", tmp_path)
    assert found == "zones.matrix: m.csv: not text in UTF-8; write it as such"
    found = refusal("{matrix: m.csv}", tmp_path, m="#" * 70_000)
    assert found == "zones.matrix: m.csv: has more than 65536 bytes; write fewer zones"


def test_each_matrix_that_ships_says_where_its_figures_are_from() -> None:
    for path in (CAMPAIGNS / "regions").glob("*.csv"):
        matrix = zones_spec.find(path.name, Path("nowhere"), zones_spec.RTT)
        assert "https://" in matrix.source
        assert len(matrix.zones) == 5


def test_cells_that_differ_in_their_zones_alone_are_drawn_alike(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text("rtt_ms,a,b\na,,1\nb,,\n")
    text = f'{HEAD}matrix: {{far: [a.csv, b.csv]}}\nzones: {{matrix: "${{far}}"}}\n'
    file = campaign_file.parse(text, tmp_path / "c.yml")
    assert [cell.drawn_as for cell in file.cells] == [1, 1]
    assert list(file.matrices) == ["a.csv", "b.csv"]
