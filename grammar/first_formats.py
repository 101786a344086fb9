"""JSON Schema's `format`s that are enforced: for each, an expression all of whose texts are valid.

Some are narrower than their standard allows (an e-mail address has no quoted part, a URI has an authority and no
literal address). Standard formats that are not here are refused; formats no standard names are annotations.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from .expression import Expression
from .regex_parser import parse_ecma

_YEAR = r"(?:000[1-9]|00[1-9]\d|0[1-9]\d{2}|[1-9]\d{3})"
_LEAP = r"(?:\d{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
_DATE = (
    rf"(?:{_YEAR}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    rf"|{_LEAP}-02-29)"
)
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d"
_TIME = rf"{_CLOCK}:[0-5]\d(?:\.\d{{1,6}})?(?:Z|[+-]{_CLOCK})"
_BYTE = r"(?:\d|[1-9]\d|1\d{2}|2[0-4]\d|25[0-5])"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,14}[A-Za-z0-9])?"
_DOMAIN = rf"{_LABEL}(?:\.{_LABEL}){{0,4}}"
_DOTTED_DOMAIN = rf"(?:{_LABEL}\.){{1,4}}[A-Za-z]{{2,12}}"
_ATOM = r"[A-Za-z0-9_+-]{1,20}"
_PATH = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*"
_QUERY = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*"

_SOURCES = {
    "date": _DATE,
    "time": _TIME,
    "date-time": rf"{_DATE}T{_TIME}",
    "duration": (
        r"P(?:\d{1,6}W|\d{1,6}Y(?:\d{1,6}M(?:\d{1,6}D)?)?|\d{1,6}M(?:\d{1,6}D)?|\d{1,6}D"
        r"|(?:\d{1,6}D)?T(?:\d{1,6}H(?:\d{1,6}M(?:\d{1,6}S)?)?|\d{1,6}M(?:\d{1,6}S)?|\d{1,6}S))"
    ),
    "uuid": r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
    "ipv4": rf"{_BYTE}(?:\.{_BYTE}){{3}}",
    "hostname": _DOMAIN,
    "email": rf"{_ATOM}(?:\.{_ATOM}){{0,2}}@{_DOTTED_DOMAIN}",
    "uri": rf"https?://{_DOTTED_DOMAIN}(?::[1-9]\d{{0,3}})?(?:/{_PATH})?(?:\?{_QUERY})?(?:#{_QUERY})?",
}

UNENFORCED = frozenset(
    "idn-email idn-hostname ipv6 iri iri-reference json-pointer regex relative-json-pointer "
    "uri-reference uri-template".split()
)
"""Formats of the standard that are refused."""

FORMATS: dict[str, Callable[[], Expression]] = {
    name: partial(parse_ecma, f"^(?:{source})$") for name, source in _SOURCES.items()
}
"""By name, a maker of the expression over the string's characters."""
