"""What each key of a campaign is, in words: the text below its field, as the source has it.

Read when somebody asks for it, and not whenever a campaign is.
"""

import ast
import inspect
import sys
from functools import cache
from itertools import pairwise

from pydantic import BaseModel

from harness.campaign.rules_spec import key_of


def texts_of(model: type[BaseModel]) -> dict[str, str]:
    """Return what each key of a model is, those aside of which it says nothing."""
    rules = getattr(model, "rules", None)
    texts = {key_of(name): text for name, text in docs_of(rules).items()} if rules else {}
    own = model.__mro__[: model.__mro__.index(BaseModel)]
    for each in reversed(own):
        texts |= docs_of(each)
    given = {name: field.description for name, field in model.model_fields.items()}
    texts |= {name: text for name, text in given.items() if text}
    return {
        field.alias or name: texts[name]
        for name, field in model.model_fields.items()
        if name in texts
    }


def docs_of(kind: type) -> dict[str, str]:
    """Return the text below each field of a class that has one, by the field's name."""
    for node in _source(kind.__module__).body:
        if isinstance(node, ast.ClassDef) and node.name == kind.__name__:
            return _docs(node.body)
    return {}


@cache
def _source(module: str) -> ast.Module:
    return ast.parse(inspect.getsource(sys.modules[module]))


def _docs(body: list[ast.stmt]) -> dict[str, str]:
    found = {}
    for field, below in pairwise(body):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        match below:
            case ast.Expr(value=ast.Constant(value=str(text))):
                found[field.target.id] = " ".join(text.split())
    return found
