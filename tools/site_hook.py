"""What mkdocs does to the pages of docs/ on their way to the site: a hook, named in `mkdocs.yml`.

Pages that say what the code says (commands, options of recipes, errors, public names) are made from the code when the
site is built, so they cannot drift and nothing generated is kept. Pages of docs/ stay readable without mkdocs: an HTML
comment marks what is filled in.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import site_recipes
import site_reference
from mkdocs.structure.files import File

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
MARK = re.compile(r"<!-- generated: (?P<what>[a-z_]+)(?: (?P<of>\S+))? -->")
FENCE = re.compile(r"^```python\n(?=>>> )(?P<code>.*?)\n*^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(
    r"(?<!!)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<to>(?:\.\./)+(?:src|benchmarks|tests|tools)/[^)\s]+)\)"
)


def _generated() -> dict[str, str]:
    """Markdown of the pages that are not in docs/, by where they would lie there."""
    pages = site_reference.pages()
    tables = {path.name: path.read_text(encoding="utf-8") for path in sorted(RESULTS.glob("*.md"))}
    for name, text in tables.items():
        title = name.removesuffix(".md").replace("_", " ").replace("-", " ")
        pages[f"results/{name}"] = f"# Measured: {title}\n\n{text}"
    rows = "\n".join(f"- [{name.removesuffix('.md')}]({name})" for name in tables)
    pages["results/index.md"] = (
        "# All that was measured\n\nTables that programs under `benchmarks/` have written. What each means, and how to "
        f"repeat it, is in [how they are measured](how.md).\n\n{rows}\n"
    )
    how = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    pages["results/how.md"] = how.replace("](results/", "](").replace("](../docs/", "](../")
    return pages


def on_config(config: Any) -> Any:
    """Put the generated pages into the navigation, where `mkdocs.yml` has left room for them."""
    site_reference.into_nav(config.nav)
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages."""
    for place, text in _generated().items():
        files.append(File.generated(config, place, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Fill in what is marked, show doctests as sessions, and mend links that leave docs/."""
    text = MARK.sub(lambda found: _filled(found["what"], found["of"], page.file.src_uri), markdown)
    text = FENCE.sub(lambda found: f"```pycon\n{found['code'].rstrip()}\n```", text)
    up = "../" * page.file.src_uri.count("/")
    return LINK.sub(lambda found: _link(found["text"], found["to"], up), text)


def _filled(what: str, of: str | None, where: str) -> str:
    if what == "recipe":
        return site_recipes.facts(of or Path(where).stem)
    if what == "recipes":
        return site_recipes.table()
    raise ValueError(f"{where}: nothing is generated under the name {what!r}")


def _link(text: str, to: str, up: str) -> str:
    """A link to a measured table leads to its page; what else lies beside docs/ is no page, and is named."""
    path = re.sub(r"^(\.\./)+", "", to)
    if path.startswith("benchmarks/results/") and path.endswith(".md"):
        return f"[{text}]({up}results/{path.rpartition('/')[2]})"
    if path == "benchmarks/README.md":
        return f"[{text}]({up}results/how.md)"
    return f"`{path}`" if text.strip("`") in path else f"{text} (`{path}`)"
