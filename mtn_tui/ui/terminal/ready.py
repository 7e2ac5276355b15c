"""When a screen or a field takes keys: what ``key_queue`` and its screens agree on."""

from __future__ import annotations

from typing import Protocol, cast, runtime_checkable

from textual.dom import DOMNode


@runtime_checkable
class TakesKeys(Protocol):
    """A screen, or a field on it, that keys may be meant for."""

    ready: bool
    """False until it is filled and can take a key."""


class HandsOutKeys(Protocol):
    """An app that holds keys back until whatever takes them is ready."""

    async def next_key(self) -> None:
        """Hand out the next key that waits, if all that take keys are ready."""


def is_ready(node: DOMNode) -> bool:
    """Whether ``node`` takes keys by now, or never will."""
    return node.ready if isinstance(node, TakesKeys) else True


def now_ready(node: DOMNode) -> None:
    """Tell the app that ``node`` is ready."""
    node.app.call_later(cast("HandsOutKeys", node.app).next_key)
