"""Formats: the standards' examples, with `jsonschema`'s checkers and Python's own readers as oracles."""

from __future__ import annotations

import datetime
import ipaddress
import random
import re
import uuid
import warnings

import idna
import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_matcher import matches

from weft.grammar.expression import (
    Alt,
    Atom,
    Both,
    Chars,
    Expression,
    Not,
    Repeat,
    Seq,
    Text,
)
from weft.grammar.formats import FORMATS, UNENFORCED
from weft.grammar.json_text import string_of

VALID = {
    "date-time": """1963-06-19T08:30:06.283185Z 1963-06-19T08:30:06Z 1937-01-01T12:00:27.87+00:20 1963-06-19t08:30:06z
        1990-12-31T15:59:50.123-08:00 1998-12-31T23:59:60Z 1998-12-31T23:59:60.25+00:00 2020-02-29T00:00:00Z
        2022-01-01T00:00:00.1234567890123Z""",
    "date": "1963-06-19 2020-01-31 2020-02-29 2000-02-29 2021-12-31 0001-01-01 9999-12-31",
    "time": "08:30:06Z 23:59:60Z 08:30:06.283185Z 08:30:06+00:20 08:30:06-08:00 08:30:06z 23:20:50.52Z 23:59:60-00:00",
    "duration": "P4DT12H30M5S P4Y PT0S P0D P1M PT1M PT36H P1DT12H P2W P1Y2M3D P1YT5S P1Y2M3DT4H5M6S P100W",
    "email": r"""joe.bloggs@example.com te~st@example.com ~test@example.com test~@example.com te.s.t@example.com
        "joe..bloggs"@example.com "joe@bloggs"@example.com "a\"b"@example.com joe@[127.0.0.1] joe@[IPv6:::1] a@b
        joe@[IPv6:2001:db8::1] joe@[IPv6:1:2:3:4:5:6:7:8] john+tag@sub.example.co.uk user_name@my-host.example""",
    "idn-email": "실례@example.com 실례@실례.com joe.bloggs@example.com müller@bücher.example",
    "hostname": """www.example.com a h0stname host-name h-o-s-t 1host hostnam3 a.b.c.d.e 1.2.3.4 r3---sn.example
        EXAMPLE.com""",
    "idn-hostname": "실례.한국 bücher.example www.example.com 例え.example hostname пример.example",
    "ipv4": "192.168.0.1 0.0.0.0 255.255.255.255 87.10.0.1 127.0.0.1",
    "ipv6": """::1 :: 1::1 ::42:ff:1 d6:: 1:d6::42 1::d6:192.168.0.1 1:2::192.168.0.1 ::ffff:192.168.0.1 1:2:3:4:5:6:7:8
        1:2:3:4:5:6:7:: ::2:3:4:5:6:7:8 1000:1000:1000:1000:1000:1000:255.255.255.255 ::abcd fe80::a""",
    "uri": """http://foo.bar/?baz=qux#quux http://foo.com/blah_(wikipedia)_blah#cite-1
        http://foo.bar/?q=Test%20URL-encoded
        http://xn--nw2a.xn--j6w193g/ http://-.~_!$&'()*+,;=:%40:80%2f::::::@example.com http://223.255.255.254
        ftp://ftp.is.co.za/rfc/rfc1808.txt ldap://[2001:db8::7]/c=GB?objectClass?one mailto:John.Doe@example.com
        news:comp.infosystems.www.servers.unix tel:+1-816-555-1212 urn:oasis:names:specification:docbook:dtd:xml:4.1.2
        file:///etc/hosts a: a:/ https://example.com:8080/a//b/ iglu:com.acme/x/jsonschema/1-0-0 http://[v1.a:b]/""",
    "uri-reference": """http://foo.bar/?baz=qux#quux //foo.bar/?baz=qux#quux /abc abc ?query #fragment #frag/a?b ../a/b
        ./a:b a/b:c //user@host:80 %41""",
    "iri": "http://ƒøø.ßår/?∂éœ=πîx#πîüx http://ƒøø.com/blah_(wîkïpédiå)_blah#ßité-1 http://[2001:db8::7]/ urn:é",
    "iri-reference": "//ƒøø.ßår/?∂éœ=πîx /âππ âππ #ƒrägmênt http://ƒøø.ßår/",
    "uri-template": """http://example.com/dictionary/{term:1}/{term} http://example.com/{+path}/here{?q,lang} /{a*}
        {x.y}
        /plain {;list*} {#hash:30} %41""",
    "uuid": """2EB8AA08-AA98-11EA-B4AA-73B441D16380 2eb8aa08-aa98-11ea-b4aa-73b441d16380
        00000000-0000-0000-0000-000000000000""",
    "json-pointer": '/foo/bar~0/baz~1/%a /foo /foo/0 / /a~1b /c%d /e^f /g|h /i\\j /k"l /m~0n /foo//bar /~1.1',
    "relative-json-pointer": "1 0/foo/bar 2/0/baz/1/zip 0# 120/foo/bar",
    "regex": r"""([abc])+\s+$ ^a*$ (?:a|b){2,5}? [^a-z]+ \d{3}-\d{4} ^(\([0-9]{3}\))?[0-9-]+$ a|b|| (a(b(c)))
        [a-zA-Z0-9_.]+
        ^/[a-z]+$ \\ x{3} x{3,} \/""",
}
INVALID = {
    "date-time": """1990-02-31T15:59:59.123-08:00 1990-12-31T15:59:59-24:00 1963-06-19T08:30:06.28123+01:00Z
        2013-350T01:01:01
        1963-6-19T08:30:06.283185Z 1963-06-1T00:00:00Z 1963-06-1৪T00:00:00Z 1998-12-31T23:58:60Z 1998-12-31T22:59:60Z
        2022-01-01T00:00:00 2021-02-29T00:00:00Z 1963-06-19T24:00:00Z 1963-06-19T23:59:61Z 1963-06-19T08:30Z
        1998-11-30T23:59:60Z""",
    "date": """2020-01-32 2021-02-29 2020-02-30 2020-04-31 2020-13-01 2020-00-01 06/19/1963 2013-350 1998-1-20 1998-01-1
        1900-02-29 2013-W01 20230328 1963-06-1৪ 0000-01-01""",
    "time": """24:00:00Z 12:60:00Z 12:00:61Z 22:59:60Z 23:58:60Z 12:00:00 01:02:03+24:00 08:30:06.Z 8:30:06Z 08:30:06-08
        08:30:06-8:00 01:01:01,1111 00:00:0Z 12:00:00+1:00 08:30:06#00:20 08:30:06+00:60""",
    "duration": "PT1D P P1YT PT P2D1Y P1D2H P2S P1Y2W 4DT12H P4D12H PT1.5S P1YT12H30 P১Y P1Y2D -P1D",
    "email": """2962 .test@example.com test.@example.com te..st@example.com joe.bloggs@invalid=domain.com
        @example.com a@
        joe@[127.0.0.300] a@b@c a@-b.com a@b-.com a@b..c "a"b"@c "a@b a@[IPv6:12] a@[::1] é@example.com a@é.com
        joe@[IPv6:1:2:3:4:5:6:7::]""",
    "idn-email": "2962 @실례.com 실례@ 실례@-a.com",
    "hostname": """-a- host_name a-.b .a a. a..b -bad xn--X XN--aa---o47jg78q a.xn--zz é.com host!name
        -a-host-name-that-starts-with-- not_a_valid_host_name""",
    "idn-hostname": "〮한국 a。b -hello hello- -실례 실례.-a xn--X ab--c ÀB .a a. א_ב",
    "ipv4": "127.0.0.0.1 256.256.256.256 127.0 0x7f.0.0.1 2130706433 087.10.0.1 01.2.3.4 1২7.0.0.1 1.2.3.4/8 1.2.3.",
    "ipv6": """12345:: ::abcef 1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1 ::laptop : :2:3:4:5:6:7:8 1:2:3:4:5:6:7: 1::2::3
        1:2:3:4:5:::8
        1::d6:192.168.0.256 1::2:192.168.ff.1 ::fe80%eth0 1::/64 127.0.0.1 1:2:3
        100:100:100:100:100:100:100:255.255.255.255
        12:34:56:78:90:ab:cd:ef:: :::1 1::৪""",
    "uri": r"""//foo.bar/?baz=qux#quux /abc \\WINDOWS\fileshare abc :// bar,baz :a 1http://x http://[::1 http://a/%4
        http://é/
        http://a/<b> http://a/b{c} http://a/"b" http://a/^b http://a/`b` http://a:b/ http://[::1]x/ a:b#c#d
        localhost""",
    "uri-reference": r"\\WINDOWS\fileshare #frag\ment a:b#c#d :a http://[1]/ %4 é",
    "iri": r"/abc âππ \\WINDOWS\filëßåré http://2001:0db8:85a3:0000:0000:8a2e:0370:7334/x é:b",
    "iri-reference": r"\\WINDOWS\filëßåré #ƒräg\mênt",
    "uri-template": "http://example.com/{term:1}/{term {} {a,} {a:0} {a:10000} {=a} a}b a<b %4 {a.} {a*:3} {{a}}",
    "uuid": """2eb8aa08-aa98-11ea-b4aa-73b441d1638 2eb8aa08aa9811eab4aa73b441d16380 2eb8aa08-aa98-11ea-b4aa73b441d16380
        2eb8aa08-aa98-11ea-b4aa-73b441d1638g 2eb8-aa08-aa98-11ea-b4aa73b44-1d16380""",
    "json-pointer": "/foo/bar~ /~0~ /~2 #/ #a a a/a 0",
    "relative-json-pointer": "/foo/bar -1/foo/bar 0## 01/a 01# +1/foo/bar a 1~",
    "regex": r"^(abc] [ ( ) a** *a \ [z-a] x{3,2} ] } { (?<n>a) a{1}{2} \u \8 (?",
}
EMPTY_IS_VALID = ("uri-reference", "iri-reference", "uri-template", "json-pointer", "regex")
CASES = [(name, text, True) for name, texts in VALID.items() for text in texts.split()]
CASES += [(name, text, False) for name, texts in INVALID.items() for text in texts.split()]
CASES += [
    ("email", '"joe bloggs"@example.com', True),
    ("email", f"{'a' * 64}@example.com", True),
    ("email", f"{'a' * 65}@example.com", False),
    ("email", f"a@{'.'.join(['b' * 60] * 5)}", False),
    ("hostname", "a" * 63 + ".com", True),
    ("hostname", "a" * 64 + ".com", False),
    ("hostname", ".".join(["a" * 49] * 5), True),
    ("hostname", ".".join(["a" * 50] * 5), False),
    ("date", "2020-01-01\n", False),
    ("date-time", "2020-01-01 00:00:00Z", False),
    ("uri", "http:// shouldfail.com", False),
    ("uri", " http://example.com", False),
    ("uri-reference", "", True),
    ("json-pointer", "", True),
    ("json-pointer", "/ ", True),
    ("regex", "", True),
    *((name, "", False) for name in VALID if name not in EMPTY_IS_VALID),
]


@pytest.mark.parametrize(("name", "text", "valid"), CASES, ids=lambda value: str(value)[:50])
def test_the_examples_of_the_standards(name: str, text: str, valid: bool) -> None:
    assert matches(FORMATS[name](), text) == valid


def test_every_format_of_the_standard_is_here_once() -> None:
    standard = set(VALID) | {"host-name", "ip-address"}
    assert set(FORMATS) | UNENFORCED == standard
    assert FORMATS["host-name"]() is FORMATS["hostname"]()
    for name, make in FORMATS.items():
        assert make() is make(), name
        assert string_of(make()) is string_of(make())


def draw(node: Expression, rng: random.Random) -> str:
    """A text that `node` matches if the other parts of each `Both` agree."""
    match node:
        case Chars(ranges):
            first, last = rng.choice(ranges)
            return chr(rng.randint(first, last))
        case Text(content):
            return content
        case Seq(items):
            return "".join(draw(item, rng) for item in items)
        case Alt(options):
            return draw(rng.choice(options), rng)
        case Repeat(item, low, high):
            most = low + 3 if high is None else min(high, low + 3)
            return "".join(draw(item, rng) for _ in range(rng.randint(low, most)))
        case Both(items):
            return draw(next(item for item in items if not isinstance(item, Not)), rng)
        case Atom(item):
            return draw(item, rng)
    raise AssertionError(type(node).__name__)


def is_regex(text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        re.compile(text)
    return True


CHECKER = jsonschema.Draft202012Validator.FORMAT_CHECKER
READERS = {
    "date": lambda text: datetime.date.fromisoformat(text).isoformat() == text,
    "ipv4": lambda text: bool(ipaddress.IPv4Address(text)),
    "ipv6": lambda text: bool(ipaddress.IPv6Address(text)),
    "uuid": lambda text: str(uuid.UUID(text)) == text.lower(),
    "regex": is_regex,
    "idn-hostname": lambda text: len(idna.encode(text)) <= 253,
    "hostname": lambda text: len(idna.encode(text, strict=True, uts46=True)) <= 253,
}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(VALID)), st.randoms(use_true_random=False))
def test_what_is_drawn_from_a_format_is_valid(name: str, rng: random.Random) -> None:
    expression = FORMATS[name]()
    text = draw(expression, rng)
    if not matches(expression, text):
        return
    if name == "relative-json-pointer" and re.match("[0-9]*0[0-9]", text):
        return  # the checker takes any zero before a digit for a leading one
    assert CHECKER.conforms(text, name)
    if name == "hostname" and re.search(r"(?:^|\.)..--", text):
        return  # reserved labels are host names, and no domain names
    assert READERS.get(name, bool)(text) or text == "", text
