"""A JSON object that a user wrote, field by field: what is of the wrong form is refused with its JSON pointer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from ..errors import GrammarError

MAX_ENTRIES = 10_000


class Fields:
    """An object and where it stands.

    Raises:
        GrammarError: from every method, where a field is missing or of another form.
    """

    def __init__(self, value: Any, place: str) -> None:
        self.place = place
        if not isinstance(value, dict):
            self.refuse(f"an object is needed, not {_kind(value)}")
        self.value: dict[str, Any] = value

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(self.value)

    def at(self, key: str | int) -> str:
        """The JSON pointer of a field."""
        return f"{self.place}/{str(key).replace('~', '~0').replace('/', '~1')}"

    def get(self, key: str, default: Any = None) -> Any:
        """A field as it is."""
        return self.value.get(key, default)

    def only(self, *known: str) -> None:
        """Refuse fields other than `known`."""
        for key in self.value:
            if key not in known:
                self.refuse(f"unknown field {key!r}; there are {', '.join(known)}", key)

    def without(self, *unsupported: str) -> None:
        """Refuse fields that are known but not enforced, unless they ask for nothing."""
        for key in unsupported:
            if self.value.get(key) not in (None, []):
                self.refuse(f"{key} is not supported here", key)

    def text(self, key: str, *, empty: bool = False) -> str:
        """A field that is text, not empty unless `empty`."""
        value = self.value.get(key)
        if not isinstance(value, str) or not (value or empty):
            self.refuse(f"{key} must be {'' if empty else 'non-empty '}text, not {_kind(value)}", key)
        return value

    def texts(self, key: str, default: Sequence[str] | None = None) -> tuple[str, ...]:
        """A field that is a list of non-empty texts."""
        if default is not None and self.value.get(key) is None:
            return tuple(default)
        values = self._list(key)
        for index, value in enumerate(values):
            if not isinstance(value, str) or not value:
                Fields.refuse_at(f"non-empty text is needed, not {_kind(value)}", f"{self.at(key)}/{index}")
        return tuple(values)

    def flag(self, key: str, default: bool = False) -> bool:
        """A field that is true or false."""
        value = self.value.get(key, default)
        if not isinstance(value, bool):
            self.refuse(f"{key} must be true or false, not {_kind(value)}", key)
        return value

    def count(self, key: str) -> int:
        """A field that is a whole number from 0."""
        value = self.value.get(key)
        if type(value) is not int or value < 0:
            self.refuse(f"{key} must be a whole number from 0, not {_kind(value)}", key)
        return value

    def fields(self, key: str) -> Fields:
        """A field that is an object."""
        return Fields(self.value.get(key), self.at(key))

    def objects(self, key: str) -> list[Fields]:
        """A field that is a list of objects, at least one."""
        entries = [Fields(entry, f"{self.at(key)}/{index}") for index, entry in enumerate(self._list(key))]
        if not entries:
            self.refuse(f"{key} must not be empty", key)
        return entries

    def pairs(self, key: str) -> list[tuple[str, Fields]]:
        """A field that is a list of pairs of a non-empty text and an object."""
        pairs = []
        for index, entry in enumerate(self._list(key)):
            place = f"{self.at(key)}/{index}"
            if not isinstance(entry, list) or len(entry) != 2 or not isinstance(entry[0], str) or not entry[0]:
                Fields.refuse_at("a pair of non-empty text and a format is needed", place)
            pairs.append((entry[0], Fields(entry[1], f"{place}/1")))
        return pairs

    def refuse(self, reason: str, key: str | None = None) -> NoReturn:
        """Refuse the object, or a field of it."""
        is_field = key is not None and key in self.value
        Fields.refuse_at(reason, self.at(key) if is_field and key is not None else self.place, key)

    @staticmethod
    def refuse_at(reason: str, place: str, keyword: str | None = None) -> NoReturn:
        raise GrammarError(f"{place or 'the whole'}: {reason}", pointer=place, keyword=keyword)

    def _list(self, key: str) -> list[Any]:
        value = self.value.get(key)
        if not isinstance(value, list):
            self.refuse(f"{key} must be a list, not {_kind(value)}", key)
        if len(value) > MAX_ENTRIES:
            self.refuse(f"{key} has {len(value)} entries: at most {MAX_ENTRIES} are taken", key)
        return value


def _kind(value: object) -> str:
    """What a JSON value is, in a few words."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return "nothing" if value is None else repr(value)[:40]
