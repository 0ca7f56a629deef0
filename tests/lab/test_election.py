"""On whole hosts, while links are slow, an election replaces a producer, and the new one produces.

What the nodes did, what their events tell, and what the report says are one story.
"""

from __future__ import annotations

from pathlib import Path

from node import events
from tests.lab.bench import MARKS, Bench, deployed
from tests.lab.told import by_host, once, run

pytestmark = MARKS

lab = deployed("elect", hosts=4)
FIRST = ["producera", "producerb", "producerc", "producerd"]
SECOND = ["producera", "producerb", "producerc", "producere"]


def test_an_election_replaces_a_producer_and_the_new_one_produces(
    lab: Bench, tmp_path: Path
) -> None:
    folder, summary = run(lab, "election", tmp_path)
    told = by_host(folder, lab.names)
    finals = {h: {r.id for r in told[h] if isinstance(r, events.Irreversible)} for h in told}
    final = set.union(*finals.values())
    for told_here in told.values():
        steps = [r for r in told_here if isinstance(r, events.Schedule)]
        assert once(r.producers for r in steps if r.state == "active") == [FIRST, SECOND]
        elected = [r for r in told_here if isinstance(r, events.Elected)]
        proposed = once((r.producers, r.standby) for r in elected if r.outcome == "proposed")
        assert proposed == [(FIRST, ["producere"]), (SECOND, ["producerd"])]

    made = [r for own in told.values() for r in own if isinstance(r, events.Produced)]
    chain = sorted((r for r in made if r.id in final), key=lambda r: r.num)
    switch = next(r.num for r in chain if r.producer == "producere")
    last = max(r.num for r in chain if r.producer == "producerd")
    assert last < switch
    assert sum(r.producer == "producere" for r in chain) >= 8
    new = [r for r in told["n1"] if isinstance(r, events.Produced)]
    assert {r.producer for r in new} == {"producera", "producere"}

    (trial,) = summary["cells"][0]["trials"]
    first, second = trial["schedules"]["changes"]
    assert (first["why"], first["fate"], first["producers"]) == ("election", "active", FIRST)
    assert (second["why"], second["fate"]) == ("election", "active")
    assert (second["joined"], second["left"]) == (["producere"], ["producerd"])
    assert last <= second["active"]["block"] < switch
    assert trial["schedules"]["contradictions"] == []
    slots = summary["metrics"]["slots"]["by_producer"]
    assert slots["producere"]["produced"] >= 8
    page = (folder / "report.html").read_text()
    assert "election" in page
    assert "producere" in page
