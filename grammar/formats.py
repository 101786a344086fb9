"""JSON Schema's `format`s: for each of the standard's, an expression over the characters of a string.

All texts of an expression are valid in the standard that defines the format. Nearly all valid texts are in it; narrower
than their standards are:

* ``date-time``, ``time``: a leap second is written in UTC (and, with a date, where it may be: end of June or December);
  no year 0000;
* ``hostname``, ``email``: long labels only where there are few of them;
* ``hostname``, ``idn-hostname``: no label in Punycode (``xn--``), which no regular expression can check;
* ``idn-hostname``, ``idn-email``: up to four labels; those beyond ASCII have up to 12 letters, of scripts with no rules
  of context; what is beyond ASCII before an @ has up to 15 characters;
* ``regex``: no look-around, back reference or named group, and groups three deep.

A format that no standard names is an annotation. `host-name` and `ip-address` are the names of draft 3.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

from .expression import Expression, alt, both, chars, repeat, seq, text, without
from .regex_parser import parse_ecma

MOST_LOCAL = 64
"""Characters before the @ of an e-mail address."""
HOST_TIERS = ((63, 3), (49, 5), (24, 10))
"""Characters of a label, and how many labels a host name may then have: at most 253 characters in all."""
MAIL_TIERS = ((62, 3), (36, 5), (20, 9))
"""The same for an e-mail address, which has at most 254 characters."""
IDN_LABELS = 4
IDN_MAIL_LABELS = 3

# Dates and times: RFC 3339; durations are in its appendix A.

_YEAR = r"(?:000[1-9]|00[1-9]\d|0[1-9]\d{2}|[1-9]\d{3})"
_LEAP = r"(?:\d{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
_DATE = (
    rf"(?:{_YEAR}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    rf"|{_LEAP}-02-29)"
)
_HOUR_MINUTE = r"(?:[01]\d|2[0-3]):[0-5]\d"
_ORDINARY = rf"{_HOUR_MINUTE}:[0-5]\d(?:\.\d+)?(?:[Zz]|[+-]{_HOUR_MINUTE})"
_LEAP_SECOND = r"23:59:60(?:\.\d+)?(?:[Zz]|[+-]00:00)"
_TIME = rf"(?:{_ORDINARY}|{_LEAP_SECOND})"
_DATE_TIME = rf"(?:{_DATE}[Tt]{_ORDINARY}|{_YEAR}-(?:06-30|12-31)[Tt]{_LEAP_SECOND})"
_CLOCK = r"T(?:\d+H(?:\d+M(?:\d+S)?)?|\d+M(?:\d+S)?|\d+S)"
_DURATION = rf"P(?:\d+W|(?:\d+Y(?:\d+M(?:\d+D)?)?|\d+M(?:\d+D)?|\d+D)(?:{_CLOCK})?|{_CLOCK})"

# Hosts: RFC 1123 and 5890; addresses: RFC 791 and 4291, written as in RFC 3986.

_BYTE = r"(?:\d|[1-9]\d|1\d{2}|2[0-4]\d|25[0-5])"
_IPV4 = rf"{_BYTE}(?:\.{_BYTE}){{3}}"
_GROUP = r"[0-9A-Fa-f]{1,4}"
_LAST_TWO = rf"(?:{_GROUP}:{_GROUP}|{_IPV4})"
_IPV6 = "|".join(
    [
        rf"(?:{_GROUP}:){{6}}{_LAST_TWO}",
        *(rf"(?:{_GROUP}(?::{_GROUP}){{0,{4 - most}}})?::(?:{_GROUP}:){{{most}}}{_LAST_TWO}" for most in range(5)),
        rf"::(?:{_GROUP}:){{5}}{_LAST_TWO}",
        rf"(?:{_GROUP}(?::{_GROUP}){{0,5}})?::{_GROUP}",
        rf"(?:{_GROUP}(?::{_GROUP}){{0,6}})?::",
    ]
)
_LETTERS_BEYOND = "ß-öø-ÿāăąćčďđēĕėęěğģħīĭįķłńňőœŕřśşšţťūŭůűųźżžάέήία-ρσ-ώа-яё-џぁ-ゖァ-ヺ一-龥가-힣"
"""Lower-case letters of Latin, Greek and Cyrillic, kana, Chinese characters and Hangul: all valid in any label."""

# E-mail: RFC 5321 and, beyond ASCII, 6531.

_ATEXT = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~\-"
_QTEXT = r" !#-\[\]-~"
_IPV6_IN_MAIL = "|".join(
    [
        rf"(?:{_GROUP}:){{7}}{_GROUP}|(?:{_GROUP}:){{6}}{_IPV4}",
        *(rf"{_GROUP}(?::{_GROUP}){{{before}}}::(?:{_GROUP}(?::{_GROUP}){{0,{4 - before}}})?" for before in range(5)),
        rf"{_GROUP}(?::{_GROUP}){{5}}::",
        rf"::(?:{_GROUP}(?::{_GROUP}){{0,5}})?",
    ]
)
_MAIL_ADDRESS = rf"\[(?:{_IPV4}|IPv6:(?:{_IPV6_IN_MAIL}))\]"

# URIs and IRIs: RFC 3986 and 3987; templates: RFC 6570.

_ESCAPED = r"%[0-9A-Fa-f]{2}"
_UNRESERVED = r"A-Za-z0-9._~\-"
_DELIMITERS = r"!$&'()*+,;="
_UCS = "\u00a0-\ud7ff\uf900-\ufdcf\ufdf0-\uffef" + "".join(
    f"{chr(plane * 0x10000 + (0x1000 if plane == 0xE else 0))}-{chr(plane * 0x10000 + 0xFFFD)}"
    for plane in range(1, 0xF)
)
_PRIVATE = "\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd"


def _uri(more: str, private: str, *, relative: bool) -> str:
    """The source for URIs with so many characters more, also in queries; and for references, if `relative`."""
    char = rf"(?:[{_UNRESERVED}{more}{_DELIMITERS}:@]|{_ESCAPED})"
    no_colon = rf"(?:[{_UNRESERVED}{more}{_DELIMITERS}@]|{_ESCAPED})"
    literal = rf"\[(?:{_IPV6}|[Vv][0-9A-Fa-f]+\.[{_UNRESERVED}{_DELIMITERS}:]+)\]"
    name = rf"(?:[{_UNRESERVED}{more}{_DELIMITERS}]|{_ESCAPED})*"
    user = rf"(?:[{_UNRESERVED}{more}{_DELIMITERS}:]|{_ESCAPED})*@"
    authority = rf"(?:{user})?(?:{literal}|{name})(?::\d*)?"
    hierarchy = rf"//{authority}(?:/{char}*)*|/(?:{char}+(?:/{char}*)*)?"
    tail = rf"(?:\?(?:[{_UNRESERVED}{more}{_DELIMITERS}:@/?{private}]|{_ESCAPED})*)?"
    tail += rf"(?:#(?:[{_UNRESERVED}{more}{_DELIMITERS}:@/?]|{_ESCAPED})*)?"
    whole = rf"[A-Za-z][A-Za-z0-9+.-]*:(?:{hierarchy}|{char}+(?:/{char}*)*)?{tail}"
    return rf"{whole}|(?:{hierarchy}|{no_colon}+(?:/{char}*)*)?{tail}" if relative else whole


_NAME_CHARACTER = rf"(?:[A-Za-z0-9_]|{_ESCAPED})"
_VARIABLE = rf"{_NAME_CHARACTER}(?:\.?{_NAME_CHARACTER})*(?:\*|:[1-9]\d{{0,3}})?"
_URI_TEMPLATE = rf"(?:[!#$&(-;=?-\[\]_a-z~{_UCS}{_PRIVATE}]|{_ESCAPED}|\{{[+#./;?&]?{_VARIABLE}(?:,{_VARIABLE})*\}})*"

_JSON_POINTER = r"(?:/(?:[^/~]|~[01])*)*"
_RELATIVE_JSON_POINTER = rf"(?:0|[1-9]\d*)(?:#|{_JSON_POINTER})"

# Regular expressions as in ECMA-262.


def _regex(depth: int) -> str:
    """The source for regular expressions with groups that deep."""
    escape = r"\\(?:[dDwWsStnrfv]|[\^$\\.*+?()\[\]{}|/])"
    letter = r"[^\\^$.*+?()\[\]{}|\x00-\x1f\u2028\u2029]"
    inside = r"(?:[A-Za-z0-9 _.,:;!?@#%'\"/<>=$*+(){}]|\\(?:[dDwWsStnrfv]|[\^$\\.*+?()\[\]{}|/]))"
    members = rf"(?:a-z|A-Z|0-9|a-f|A-F|a-zA-Z|a-zA-Z0-9|{inside})+-?"
    pairs = "|".join(rf"{low},[{low}-9]" for low in range(10))
    count = rf"\{{(?:\d{{1,3}}|\d{{1,3}},|{pairs}|\d,[1-9]\d{{1,2}})\}}"
    atom = rf"{letter}|\.|{escape}|\[\^?{members}\]"
    if depth:
        atom += rf"|\((?:\?:)?(?:{_regex(depth - 1)})\)"
    term = rf"\^|\$|(?:{atom})(?:(?:[*+?]|{count})\??)?"
    return rf"(?:{term}|\|)*"


def _whole(source: str) -> Expression:
    return parse_ecma(f"^(?:{source})$")


_ASCII = chars([(0x20, 0x7E)])
_DOT = text(".")


def _label(most: int) -> Expression:
    return _whole(rf"[A-Za-z0-9](?:[A-Za-z0-9-]{{0,{most - 2}}}[A-Za-z0-9])?")


def _dotted(label: Expression, most: int) -> Expression:
    return seq(label, repeat(seq(_DOT, label), 0, most - 1))


def _hostname() -> Expression:
    punycode = _whole(r"[Xx][Nn]--.*")
    return alt(*(_dotted(without(_label(size), punycode), count) for size, count in HOST_TIERS))


@cache
def _idn_label() -> Expression:
    """A label whose form in ASCII has at most 59 characters."""
    return alt(without(_label(59), _whole(r"..--.*")), _whole(rf"[a-z0-9{_LETTERS_BEYOND}]{{1,12}}"))


@cache
def _mail_host() -> Expression:
    return alt(_whole(_MAIL_ADDRESS), *(_dotted(_label(size), count) for size, count in MAIL_TIERS))


@cache
def _local() -> Expression:
    """What stands before the @."""
    dotted = rf"[{_ATEXT}]+(?:\.[{_ATEXT}]+)*"
    quoted = rf'"(?:[{_QTEXT}]|\\[ -~])*"'
    return both(_whole(rf"{dotted}|{quoted}"), repeat(_ASCII, 1, MOST_LOCAL))


def _email() -> Expression:
    return seq(_local(), text("@"), _mail_host())


def _idn_email() -> Expression:
    beyond = rf"[{_ATEXT}" + "\u0080-\U0010ffff]{1,7}"  # up to four bytes each
    local = alt(_local(), _whole(rf"{beyond}(?:\.{beyond})?"))
    return seq(local, text("@"), alt(_mail_host(), _dotted(_idn_label(), IDN_MAIL_LABELS)))


_MAKERS: dict[str, Callable[[], Expression]] = {
    "date-time": partial(_whole, _DATE_TIME),
    "date": partial(_whole, _DATE),
    "time": partial(_whole, _TIME),
    "duration": partial(_whole, _DURATION),
    "email": _email,
    "idn-email": _idn_email,
    "hostname": _hostname,
    "idn-hostname": lambda: _dotted(_idn_label(), IDN_LABELS),
    "ipv4": partial(_whole, _IPV4),
    "ipv6": partial(_whole, _IPV6),
    "uri": partial(_whole, _uri("", "", relative=False)),
    "uri-reference": partial(_whole, _uri("", "", relative=True)),
    "iri": partial(_whole, _uri(_UCS, _PRIVATE, relative=False)),
    "iri-reference": partial(_whole, _uri(_UCS, _PRIVATE, relative=True)),
    "uri-template": partial(_whole, _URI_TEMPLATE),
    "uuid": partial(_whole, r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"),
    "json-pointer": partial(_whole, _JSON_POINTER),
    "relative-json-pointer": partial(_whole, _RELATIVE_JSON_POINTER),
    "regex": partial(_whole, _regex(3)),
}
_OLD_NAMES = {"host-name": "hostname", "ip-address": "ipv4"}


@cache
def _made(name: str) -> Expression:
    return _MAKERS[name]()


FORMATS: dict[str, Callable[[], Expression]] = {
    name: partial(_made, _OLD_NAMES.get(name, name)) for name in (*_MAKERS, *_OLD_NAMES)
}
"""By name, what gives the expression over the string's characters: always the same object."""

UNENFORCED: frozenset[str] = frozenset()
"""Formats of the standard that are refused where they would have to be enforced: none."""
