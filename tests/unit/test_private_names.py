"""Every private name of Textual that is used, held against what is installed; of minio none is.

An upgrade that takes one of them away fails here, and in the one file that uses it.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.package_source import PACKAGE as HERE
from tests.package_source import trees

USED = {
    "ui/terminal/base_app.py": {
        "_batch_count": "textual.app.App",
        "_close_messages_no_wait": "textual.message_pump.MessagePump",
        "_closed": "textual.message_pump.MessagePump",
        "_compositor": "textual",
        "_display": "textual.app.App",
        "_driver": "textual.app.App",
        "_exception": "textual.app.App",
        "_fatal_error": "textual.app.App",
        "_running": "textual.message_pump.MessagePump",
    },
    "ui/terminal/diff.py": {
        "_compositor": "textual.screen.Screen",
    },
    "ui/terminal/driver.py": {
        "_auto_restart": "textual.driver.Driver",
        "_file": "textual.drivers.linux_driver.LinuxDriver",
        "_must_signal_resume": "textual.drivers.linux_driver.LinuxDriver",
        "_queue": "textual.drivers._writer_thread.WriterThread",
        "_sigcont_application": "textual.drivers.linux_driver.LinuxDriver",
        "_writer_thread": "textual.drivers.linux_driver.LinuxDriver",
    },
}
"""By the file that uses it, each private name and the module or class that defines it."""


@pytest.mark.slow
def test_each_private_name_that_is_used_stands_in_the_table_under_its_file():
    assert {file: set(names) for file, names in USED.items()} == {**in_use("ui"), **in_use("storage")}


@pytest.mark.parametrize(
    ("name", "owner"), sorted({(name, owner) for names in USED.values() for name, owner in names.items()})
)
def test_what_is_installed_has_it(name, owner):
    assert name in names_in(owner)


def test_those_of_textual_are_all_in_one_room():
    of_textual = [file for file, names in USED.items() if any("textual" in one for one in names.values())]
    assert {Path(file).parent for file in of_textual} == {Path("ui/terminal")}


def in_use(package: str) -> dict[str, set[str]]:
    """By file, private names that nothing in the package defines, and those of its own that hide a base's."""
    within = {path: tree for path, tree in trees().items() if path.is_relative_to(HERE / package)}
    ours = {name for tree in within.values() for name in defined(tree)}
    found: dict[str, set[str]] = {}
    for path, tree in within.items():
        file = str(path.relative_to(HERE))
        names = {name for node in ast.walk(tree) for name in taken(node, ours)}
        names |= set(hidden(importlib.import_module(f"mtn_tui.{file[:-3].replace('/', '.')}")))
        if names := {name for name in names if is_private(name)}:
            found[file] = names
    return found


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name != "_"


def taken(node: ast.AST, ours: set[str]) -> Iterator[str]:
    """What a node takes from elsewhere."""
    if isinstance(node, ast.Attribute) and node.attr not in ours:
        yield node.attr
    elif isinstance(node, ast.ImportFrom) and node.module and not node.module.startswith("mtn_tui"):
        yield from node.module.split(".")[1:]
        yield from (alias.name for alias in node.names)


def defined(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def hidden(module: object) -> Iterator[str]:
    """Names of this module's classes that a base outside the program has as well."""
    for one in vars(module).values():
        if inspect.isclass(one) and one.__module__ == module.__name__:
            own = set(defined(source(one)))
            for base in one.__mro__[1:]:
                if base.__module__.startswith(("textual", "minio")):
                    yield from own & names_in(f"{base.__module__}.{base.__qualname__}")


@functools.cache
def names_in(owner: str) -> frozenset[str]:
    """Names that a class or a package of what is installed defines."""
    module, _dot, name = owner.rpartition(".")
    if not module:
        return frozenset(one.name for one in pkgutil.iter_modules(importlib.import_module(owner).__path__))
    found = getattr(importlib.import_module(module), name)
    return frozenset(vars(found)) | frozenset(defined(source(found)))


def source(of: type) -> ast.AST:
    return ast.parse(textwrap.dedent(inspect.getsource(of)))
