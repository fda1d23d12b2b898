"""The reference of the site: commands, public names, errors and the recipe file, each from the code."""

from __future__ import annotations

import inspect
import re
from typing import Any

import site_recipes
import typer

import warmstart
from warmstart.cli.main import app
from warmstart.cli.session import FAULT
from warmstart.errors import WarmstartError

PLACES: dict[str, str] = warmstart._PLACES
GROUPS = {
    "Functions": lambda name: name[0].islower() and not name.startswith("load"),
    "Loading": lambda name: name.startswith("load"),
    "Classes": lambda name: name[0].isupper(),
}


def pages() -> dict[str, str]:
    """Markdown by place."""
    found = {"reference/recipe.md": site_recipes.reference(), "reference/errors.md": _errors()}
    found["reference/cli/index.md"] = _commands()
    for name, command in _all().items():
        found[f"reference/cli/{name}.md"] = _command(name, command)
    found["reference/api/index.md"] = _names()
    for name in PLACES:
        found[f"reference/api/{name}.md"] = (
            f"::: {_path(name)}\n    options:\n      heading: {name}\n      heading_level: 1\n"
        )
    return found


def into_nav(nav: list[Any]) -> None:
    """Fill the entries `Commands` and `Python` of the navigation."""
    for entry in nav:
        for title, below in entry.items() if isinstance(entry, dict) else ():
            if not isinstance(below, list):
                continue
            if title == "Commands":
                below += ["reference/cli/index.md", *({name: f"reference/cli/{name}.md"} for name in _all())]
            elif title == "Python":
                below.append("reference/api/index.md")
                below += [{name: f"reference/api/{name}.md"} for belongs in GROUPS.values() for name in _in(belongs)]
            else:
                into_nav(below)


def _in(belongs: Any) -> list[str]:
    return [name for name in warmstart.__all__ if belongs(name)]


def _path(name: str) -> str:
    return f"warmstart.{PLACES[name]}.{name}"


def _first(text: str | None) -> str:
    return " ".join((text or "").split("\n\n")[0].split())


def _all() -> dict[str, Any]:
    group = typer.main.get_command(app)
    return dict(group.commands)  # type: ignore[attr-defined]


def _commands() -> str:
    rows = "\n".join(
        f"| [`warmstart {name}`]({name}.md) | {_first(command.help)} |" for name, command in _all().items()
    )
    return (
        "# Commands\n\nEvery command prints what it will do, shows its progress on stderr, and says where the result "
        "lies. `--json` puts one JSON document on stdout and nothing else there. Each has a "
        f"[Python function](../api/index.md) of the same name and words.\n\n| | |\n|---|---|\n{rows}\n\n"
        "What a command exits with is told by [errors and exit codes](../errors.md).\n"
    )


def _command(name: str, command: Any) -> str:
    context = command.make_context(f"warmstart {name}", [], resilient_parsing=True)
    usage = " ".join(command.collect_usage_pieces(context))
    told = ""
    for title, kind in (("Arguments", "argument"), ("Options", "option")):
        records = [p.get_help_record(context) for p in command.params if p.param_type_name == kind]
        if records:
            rows = "".join(map(_row, records))
            told += (
                f'\n## {title}\n\n<div class="options" markdown>\n\n| | | default |\n|---|---|---|\n{rows}\n</div>\n'
            )
    twin = name.replace("-", "_")
    also = f"\nThe Python function: [`warmstart.{twin}`](../api/{twin}.md).\n" if twin in PLACES else ""
    text = inspect.cleandoc(command.help or "")
    return f"# warmstart {name}\n\n{text}\n\n```text\nwarmstart {name} {usage}\n```\n{told}{also}"


def _row(record: tuple[str, str]) -> str:
    """A row of a table, from what `--help` says of a parameter: names and value, words, default in brackets."""
    written, described = (" ".join(part.split()).replace("|", "\\|") for part in record)
    name, _, value = written.partition(" ")
    found = re.fullmatch(r"(?P<words>.*?)\s*(?:\[(?P<more>[^\[\]]*)\])?", described)
    assert found is not None
    default = re.sub(r"^default: \(?(.*?)\)?$", r"\1", (found["more"] or "").replace("required", "needed"))
    return f"| `{name}` {_escaped(value)} | {found['words']} | {default} |\n"


def _escaped(value: str) -> str:
    return f"*{value.strip('<>[]')}*" if value else ""


def _names() -> str:
    parts = [
        "# Python\n\nAll that is public; it is imported on first use, so that `import warmstart` is quick. What is not "
        "listed here may change in any version.\n"
    ]
    for title, belongs in GROUPS.items():
        rows = "\n".join(
            f"| [`{name}`]({name}.md) | {_first(getattr(warmstart, name).__doc__)} |" for name in _in(belongs)
        )
        parts.append(f"\n## {title}\n\n| | |\n|---|---|\n{rows}\n")
    return re.sub(r"`warmstart\.[\w.]+\.(\w+)`", r"`\1`", "".join(parts))


def _errors() -> str:
    rows: list[str] = []

    def walk(error: type[WarmstartError], depth: int) -> None:
        indent = "&nbsp;" * 4 * depth
        rows.append(f"| {indent}`{error.__name__}` | {error.exit_code} | {_first(error.__doc__)} |")
        for below in error.__subclasses__():
            if below.__module__ == WarmstartError.__module__:
                walk(below, depth + 1)

    walk(WarmstartError, 0)
    return (
        "# Errors and exit codes\n\nEvery error that you can do something about is a `WarmstartError`. It says what "
        "was found, what was expected and what to do, as text and as `found`, `expected` and `do`; with `--json` it is "
        'the document `{"error": {...}}` with `kind` and these three. All are in `warmstart.errors`.\n\n'
        "| error | exit code | |\n|---|---|---|\n" + "\n".join(rows) + "\n\n"
        f"0 is success. {FAULT} is a fault of warmstart itself: please report it, with what `--debug` prints.\n\n"
        '```python\ntry:\n    warmstart.fit("photos/")\nexcept warmstart.WarmstartError as error:\n'
        '    print(error.found, error.expected, error.do, sep="\\n")\n```\n'
    )
