"""Says what is wrong with a value from outside, in words: which key, what was expected there.

A secret is never repeated: neither a field that holds one, nor a value that came from the environment.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, SecretBytes, SecretStr, ValidationError
from pydantic.fields import FieldInfo

WORDS = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text in quotes",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a table",
    "mapping_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number of at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "too_short": "at least {min_length}",
    "too_long": "at most {max_length}",
    "string_too_short": "text of at least {min_length} characters",
    "string_too_long": "text of at most {max_length} characters",
    "string_pattern_mismatch": "text that matches {pattern}",
}
_NESTS = re.compile(r"\b(tuple|list|set|frozenset|Sequence|Mapping|dict)\b")


def faults_of(
    problem: ValidationError, model: type[BaseModel], hidden: Collection[str] = (), under: str = ""
) -> Iterator[tuple[str, str]]:
    """Each fault as (key, what was expected); ``hidden`` names keys whose value must not be repeated."""
    expected: dict[str, list[str]] = {}
    for error in problem.errors():
        location, owner, field = _place(model, error["loc"])
        key = key_of(location, under)
        secret = key in hidden or (field is not None and _is_secret(field.annotation))
        words = _words(error, owner, field, secret) + ("" if secret else _got(error))
        if words not in expected.setdefault(key, []):
            expected[key].append(words)
    for key, several in expected.items():
        yield key, " or ".join(several)


def key_of(location: Sequence[int | str], under: str = "") -> str:
    """A place in the file as a person would write it: ``devices[2].options.url``."""
    key = under
    for part in location:
        key += f"[{part}]" if isinstance(part, int) else f".{part}"
    return key.lstrip(".")


def close(wrong: str, known: Collection[str]) -> str:
    """A question that helps with a misspelt word, or nothing."""
    near = get_close_matches(wrong, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _place(
    model: type[BaseModel], location: Sequence[int | str]
) -> tuple[Sequence[int | str], type[BaseModel], FieldInfo | None]:
    """The location without pydantic's own marks for the branches of a union, its table and its field."""
    owner: type[BaseModel] | None = model
    table, field = model, None
    for at, part in enumerate(location):
        if isinstance(part, int):
            continue
        if owner is None:
            if field is not None and _NESTS.search(str(field.annotation)):
                continue
            return location[:at], table, field
        table, field = owner, owner.model_fields.get(part)
        owner = _model_in(field.annotation) if field is not None else None
        if field is None:
            return location[: at + 1], table, None
    return location, table, field


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


def _is_secret(annotation: Any) -> bool:
    return annotation in (SecretStr, SecretBytes) or any(map(_is_secret, get_args(annotation)))


def _words(error: Any, owner: type[BaseModel], field: FieldInfo | None, secret: bool) -> str:
    kind, context = error["type"], error.get("ctx", {})
    match kind:
        case "extra_forbidden":
            wrong, known = str(error["loc"][-1]), tuple(owner.model_fields)
            if not known:
                return f"no keys here (there is no {wrong!r})"
            return f"one of the keys {', '.join(known)} (there is no {wrong!r}{close(wrong, known)})"
        case "missing":
            meaning = field.description if field is not None else ""
            return f"a value, the key is missing{f' ({meaning})' if meaning else ''}"
        case "greater_than_equal" | "less_than_equal" if field is not None and (between := _between(field)):
            return between
        case "value_error" | "assertion_error":
            said = str(error["msg"]).partition(", ")[2]
            return "a usable value" if secret and str(error["input"]) in said else said
        case _ if kind in WORDS:
            return WORDS[kind].format(**{name: _plain(value) for name, value in context.items()})
        case _:
            return "a usable value" if secret else str(error["msg"]).removeprefix("Input should be ")


def _between(field: FieldInfo) -> str:
    bounds: Mapping[type, Any] = {type(bound): bound for bound in field.metadata}
    if Ge in bounds and Le in bounds and Gt not in bounds and Lt not in bounds:
        return f"a number from {_plain(bounds[Ge].ge)} to {_plain(bounds[Le].le)}"
    return ""


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _got(error: Any) -> str:
    value = error["input"]
    if error["type"] in ("missing", "extra_forbidden") or not isinstance(value, str | int | float):
        return ""
    shown = str(value).lower() if isinstance(value, bool) else repr(value)
    return f" (got {shown if len(shown) <= 60 else shown[:57] + '...'})"
