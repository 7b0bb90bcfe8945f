"""Our named tuples are typing's, made in half the time."""

from __future__ import annotations

import copy
import typing
from collections.abc import Mapping
from types import MappingProxyType
from typing import get_type_hints

import pytest

from gitops_cli.domain import values


class Ours(values.NamedTuple):
    """A value."""

    name: str
    ages: tuple[int, ...] = ()
    more: Mapping[str, int | None] = MappingProxyType({})

    @property
    def oldest(self) -> int:
        return max(self.ages)

    @classmethod
    def of(cls, name: str) -> Ours:
        return cls(name, (1,))


class Typings(typing.NamedTuple):
    """A value."""

    name: str
    ages: tuple[int, ...] = ()
    more: Mapping[str, int | None] = MappingProxyType({})


def test_it_is_what_typing_makes() -> None:
    assert Ours._fields == Typings._fields == ("name", "ages", "more")
    assert Ours._field_defaults == Typings._field_defaults
    assert get_type_hints(Ours) == get_type_hints(Typings)
    assert (Ours.__doc__, Ours.__module__, Ours.__qualname__) == ("A value.", __name__, "Ours")
    assert Ours.__match_args__ == Typings.__match_args__
    assert Ours("a", (3, 4)) == Typings("a", (3, 4)) == ("a", (3, 4), {})
    assert repr(Ours("a")) == repr(Typings("a")).replace("Typings", "Ours")


def test_it_has_its_methods_and_makes_changed_copies() -> None:
    value = Ours.of("a")._replace(ages=(2, 9))
    assert (value.oldest, value.name, type(value)) == (9, "a", Ours)
    assert copy.copy(value) == value
    assert copy.deepcopy(Ours("a", more={})) == Ours("a", more={})


@pytest.mark.parametrize("wrong", [{}, {"name": "a", "other": 1}])
def test_what_is_missing_or_unknown_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        Ours(**wrong)  # type: ignore[arg-type]


def test_a_default_is_never_another_fields() -> None:
    body = {"__annotations__": {"a": "int", "b": "int"}, "a": 1, "__module__": __name__}
    with pytest.raises(TypeError, match="Wrong: a field without a default"):
        type(values.NamedTuple)("Wrong", (values.NamedTuple,), {**body, "__qualname__": "Wrong"})
