"""Puts a script into the project's virtual environment (made by `Scripts/setup --python`)."""

import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def enter() -> None:
    """Starts the script again with .build/venv's Python unless that runs already."""
    python = ROOT / ".build/venv/bin/python3"
    if not python.exists():
        sys.exit("no Python environment; make it with: Scripts/setup --python")
    if pathlib.Path(sys.prefix).resolve() != (ROOT / ".build/venv").resolve():
        os.execv(python, [str(python), *sys.argv])
