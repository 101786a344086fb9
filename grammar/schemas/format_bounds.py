"""What a string surely has that any validator takes for one of a format.

`formats` has of each format what every validator takes. What is to be none of a format must be outside all that some
validator takes, and there they differ a lot; so that is only bounded here, by an ECMA-262 regex for each format.
"""

from __future__ import annotations

_LABELS = r"^[^\s:/?#@\[\]]+$"
_SCHEME = r"^[A-Za-z][A-Za-z0-9+.\-]*:"

BOUNDS: dict[str, str] = {
    "date-time": r"^\d[^@/]*:",
    "date": r"^[\dWw\-]+$",
    "time": r"^\d\d:",
    "duration": r"^[+\-]?[Pp]",
    "email": "@",
    "idn-email": "@",
    "hostname": _LABELS,
    "host-name": _LABELS,
    "idn-hostname": _LABELS,
    "ipv4": r"^[\d.]+$",
    "ip-address": r"^[\d.]+$",
    "ipv6": r"^[\dA-Fa-f.]*:[\dA-Fa-f.]*:[\dA-Fa-f.:]*(?:%|$)",
    "uri": _SCHEME,
    "iri": _SCHEME,
    "uuid": r"^[\s\S]{32}",
    "json-pointer": "^(?:/|$)",
    "relative-json-pointer": r"^[^A-Za-z/]",
}
"""By name; nothing is said of formats that are not here."""
