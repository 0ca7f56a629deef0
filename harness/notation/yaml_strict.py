"""YAML in which the same key twice in one map is an error: elsewhere the last one silently wins."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

_MERGE = "tag:yaml.org,2002:merge"


class BadYamlError(ValueError):
    """A text is no YAML, or says two things of one key; line counts from 1, 0 where none is."""

    def __init__(self, problem: str, line: int) -> None:
        super().__init__(problem)
        self.line = line

    def at(self, path: Path) -> str:
        """Return one line that names the file, the line and what is wrong."""
        return f"{path}:{self.line}: {self}" if self.line else f"{path}: {self}"


class StrictLoader(yaml.SafeLoader):
    """Loads plain values only, and no map that says two things of one key."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return the map.

        Raises:
            BadYamlError: a key stands in it twice.
        """
        seen: set[str] = set()
        for key_node, _ in node.value:
            if key_node.tag == _MERGE:
                continue
            key = str(self.construct_object(key_node, deep=True))
            if key in seen:
                problem = f"{key} is given twice; keep one"
                raise BadYamlError(problem, key_node.start_mark.line + 1)
            seen.add(key)
        return super().construct_mapping(node, deep)


def parse_yaml(text: str | bytes, loader: type[StrictLoader] = StrictLoader) -> Any:
    """Return the document in text.

    Raises:
        BadYamlError: it is none, or a map in it has a key twice.
    """
    try:
        return yaml.load(text.decode() if isinstance(text, bytes) else text, Loader=loader)
    except BadYamlError:
        raise
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "not text"
        raise BadYamlError(f"not YAML: {problem}", mark.line + 1 if mark else 0) from error
    except RecursionError as error:
        raise BadYamlError("not YAML that people write: nested too deeply", 0) from error
    except ValueError as error:  # numbers of thousands of digits, days that no month has
        raise BadYamlError(f"not YAML: {str(error).partition(';')[0]}", 0) from error
