"""`warmstart --help` answers at once: no command line module imports what is heavy."""

from __future__ import annotations

import subprocess
import sys

import pytest

from warmstart.cli.main import app

HEAVY = ("torch", "numpy", "pandas", "PIL", "matplotlib", "timm", "sklearn", "scipy", "accelerate")
COMMANDS = sorted(
    command.callback.__name__.replace("_", "-") for command in app.registered_commands if command.callback
)
SCRIPT = f"""
import sys
from warmstart.cli.main import main
sys.argv = ["warmstart", *sys.argv[1:], "--help"]
try:
    main()
finally:
    print("imported:", *(m for m in {HEAVY} if m in sys.modules))
"""


def helped(*words: str) -> str:
    return subprocess.run([sys.executable, "-c", SCRIPT, *words], capture_output=True, text=True, check=True).stdout


def test_help_names_every_command() -> None:
    text = helped()
    assert all(f"  {name} " in text for name in COMMANDS)


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)], ids=lambda words: " ".join(words) or "all")
def test_help_imports_nothing_heavy(command: list[str]) -> None:
    assert helped(*command).splitlines()[-1].strip() == "imported:"
