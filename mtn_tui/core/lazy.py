"""A property that is computed once, for objects that several threads read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


class lazy(Generic[T]):
    """Computes the value when it is first asked for, and keeps it with the object.

    Unlike ``functools.cached_property`` of Python 3.11 it has no lock: that one is of all objects of
    the class at once, so that two threads whose properties ask for each other's wait for ever.
    Threads that ask at the same time may each compute it; so it has to be the same each time.
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> lazy[T]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type) -> lazy[T] | T:
        if instance is None:
            return self
        value = self._compute(instance)
        vars(instance)[self._name] = value  # from now on found before this
        return value
