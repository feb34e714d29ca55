"""Every word of the pages is said in Ukrainian and in English."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract, extract_from_dir
from babel.messages.pofile import read_po

import avctl.model.preparation_words
import dashboards
from dashboards.language import LANGUAGES, catalogue_path, chosen, translations
from dashboards.sentences import telling

FOLDER = Path(dashboards.__file__).parent
ROOT = FOLDER.parent
# What a page may show of them: whatever was asked for by its buttons and forms.
SAYING = ("avctl/services", "avctl/model", "dashboards", "drivers", "streams")
REFUSALS = frozenset(
    ("AuthRefused", "BadArgument", "Clashing", "Conflict", "Forbidden", "NoAnswer", "NotFound")
    + ("NotLoggedIn", "Rejected", "Stale", "TooManyTries", "Unsupported")
)
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
OPTIONS = {"templates/**.html": {"silent": "false", "newstyle_gettext": "true"}}


def messages() -> Iterator[tuple[str, ...]]:
    """Every message of the pages, with its plural when it has one."""
    kept = {"node_modules", "static", "locale", "__pycache__"}
    found = extract_from_dir(
        FOLDER, METHODS, OPTIONS, directory_filter=lambda path: Path(path).name not in kept
    )
    texts = [(message, comments) for _file, _line, message, comments, _context in found]
    with open(avctl.model.preparation_words.__file__, "rb") as file:  # said by the API too, in English
        texts += [(message, comments) for _line, message, comments, _ in extract("python", file)]
    for message, _comments in texts:
        yield (message,) if isinstance(message, str) else tuple(message)


def catalogue(language: str) -> Catalog:
    """The catalogue as it is written."""
    with catalogue_path(language).open("rb") as file:
        return read_po(file, locale=language)


def placeholders(text: str) -> set[str]:
    """What a text leaves open: %(name)s, and # for the scripts."""
    words = text.replace("%(", "{").replace(")s", "}").replace(")d", "}")
    named = {name for _text, name, _spec, _conversion in Formatter().parse(words) if name}
    return named | {"#" * text.count("#")}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_translated(language: str) -> None:
    known = catalogue(language)
    wanted = set(messages())
    assert len(wanted) > 200
    for message in wanted:
        entry = known.get(message[0])
        assert entry is not None, f"{message[0]!r} is not in the {language} catalogue"
        said = entry.string if isinstance(entry.string, tuple) else (entry.string,)
        assert all(said), f"{message[0]!r} is not translated"
        for text in said:
            assert placeholders(text) == placeholders(message[0]), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_catalogue_holds_words_nobody_says(language: str) -> None:
    wanted = {message[0] for message in messages()}
    written = {entry.id[0] if isinstance(entry.id, tuple) else entry.id for entry in catalogue(language)}
    assert written - wanted - {""} == set()


def test_ukrainian_counts_as_ukrainian_does() -> None:
    said = translations("uk")
    counted = [said.ngettext("%(num)d alert", "%(num)d alerts", number) for number in (1, 3, 5, 21)]
    assert counted == ["%(num)d тривога", "%(num)d тривоги", "%(num)d тривог", "%(num)d тривога"]


@pytest.mark.parametrize(
    ("cookie", "preferred", "default", "expected"),
    [("en", "uk", "uk", "en"), (None, "en", "uk", "en"), ("de", "", "en", "en"), (None, "", "uk", "uk")],
)
def test_what_a_visitor_chose_goes_before_what_is_usual(
    cookie: str | None, preferred: str, default: str, expected: str
) -> None:
    assert chosen(cookie, preferred, default) == expected


def raised() -> Iterator[tuple[str, str]]:
    """Where a refusal that a page may show is raised, and what it says with something in its gaps."""
    for file in sorted(one for folder in SAYING for one in (ROOT / folder).rglob("*.py")):
        if "sim" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REFUSALS:
                said = node.args[node.func.id == "BadArgument" :][:1]
                text = in_gaps(said[0]) if said else ""
                if len(re.findall("[a-z]+", text)) > 1:  # else it is another's words, or a field's
                    yield f"{file.relative_to(ROOT)}:{node.lineno}", text


def in_gaps(said: ast.expr) -> str:
    """A text of the program, with a word that fits where it has a value."""
    match said:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(map(in_gaps, parts))
        case ast.FormattedValue(value=value):
            name = ast.unparse(value).rpartition(".")[2].partition("(")[0]
            return {"phase": "open", "role": "technician", "to": "be opened", "link": "offline"}.get(
                name, "see control" if name == "replace" else "7"
            )
    return ""


def test_every_refusal_is_told_in_ukrainian() -> None:
    told = telling(translations("uk").gettext)
    said = list(raised())
    assert len(said) > 200
    assert [(where, text) for where, text in said if told(text) == text] == []
    assert told("a session that is closed cannot be opened") == "Стан засідання: завершено. Відкрити не можна"
    assert told("secretary may not run sessions") == "роль «секретар» не має права: вести засідання"
    assert told("wall-1 cannot move_up: the system keeps its own order") == (
        "wall-1 не вміє move_up: the system keeps its own order"
    )


def test_what_devices_say_is_told_in_ukrainian() -> None:
    told = telling(translations("uk").gettext)
    assert told("Камера 1: cannot connect to 10.0.0.5:52381: timed out") == (
        "Камера 1: немає з’єднання з 10.0.0.5:52381: час вийшов"
    )
    assert told("no answer within 2.5 s; Connection refused") == "немає відповіді 2.5 с; там ніхто не слухає"
    assert told("the page asks: Вийти?") == "сторінка питає: Вийти?"
    assert told("cannot be loaded: http://a/ (net::ERR_NAME_NOT_RESOLVED)").startswith(
        "не завантажується: http"
    )
    assert told("a call was not spoken: this machine has no Ukrainian voice") == (
        "виклик не озвучено: на цій машині немає українського голосу"
    )
    assert told("a {0} word that nobody knows: 7") == "a {0} word that nobody knows: 7"
    assert telling(translations("en").gettext)("no answer within 2 s") == "no answer within 2 s"
