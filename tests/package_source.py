"""The program's own source and catalogues, each read once for all tests that look through them."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import mtn_tui

PACKAGE = Path(mtn_tui.__file__).parent


@cache
def trees() -> dict[Path, ast.Module]:
    """Every module of the program, parsed."""
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def nodes() -> tuple[tuple[Path, ast.AST], ...]:
    """Every node of every module."""
    return tuple((path, node) for path, tree in trees().items() for node in ast.walk(tree))


@cache
def catalogue(language: str) -> Catalog:
    """The translations of a language."""
    with (PACKAGE / "locale" / language / "LC_MESSAGES" / "mtn.po").open("rb") as file:
        return read_po(file, locale=language)


@cache
def extracted() -> Catalog:
    """All texts that the source asks to be translated."""
    catalog = Catalog()
    keywords = {"_": None, "ngettext": (1, 2)}
    for _file, _line, text, _comments, _context in extract_from_dir(PACKAGE, keywords=keywords):
        catalog.add(text)
    return catalog
