"""YAML in which the same key twice in one map is an error: elsewhere the last one silently wins."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml

_MERGE = "tag:yaml.org,2002:merge"


class GivenTwiceError(ValueError):
    """A map has a key twice; line counts from 1."""

    def __init__(self, key: str, line: int) -> None:
        super().__init__(f"{key} is given twice; keep one")
        self.line = line


class StrictLoader(yaml.SafeLoader):
    """Loads plain values only, and no map that says two things of one key."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return the map.

        Raises:
            GivenTwiceError: a key stands in it twice.
        """
        seen: set[str] = set()
        for key_node, _ in node.value:
            if key_node.tag == _MERGE:
                continue
            key = str(self.construct_object(key_node, deep=True))
            if key in seen:
                raise GivenTwiceError(key, key_node.start_mark.line + 1)
            seen.add(key)
        return super().construct_mapping(node, deep)
