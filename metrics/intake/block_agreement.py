"""Whether hosts tell the same of a block: its id is a digest of its header, so they must."""

from __future__ import annotations

from collections import Counter, defaultdict

import duckdb

_TOLD = """
    WITH told AS (
        SELECT host, id, num, slot, producer FROM events
        WHERE trial = ? AND kind IN ('produced', 'received', 'applied')
    )
    SELECT * FROM told WHERE id IN (
        SELECT id FROM told GROUP BY id
        HAVING min(num) < max(num) OR min(slot) < max(slot) OR min(producer) < max(producer)
    )
"""


def contradictions(db: duckdb.DuckDBPyConnection, trial: int) -> list[str]:
    """Return a finding for each host that tells otherwise of a block than most lines do."""
    by_block: dict[str, list[tuple[str, tuple[int, int, str]]]] = defaultdict(list)
    for host, id_, *block in db.execute(_TOLD, [trial]).fetchall():
        by_block[id_].append((host, tuple(block)))
    wrong: Counter[str] = Counter()
    for told in by_block.values():
        times = Counter(block for _, block in told)
        most = max(times.values())
        wrong.update({host for host, block in told if times[block] < most or most * 2 <= len(told)})
    return [
        f"{host}: of {count} blocks it tells another number, slot or producer than other lines"
        for host, count in sorted(wrong.items())
    ]
