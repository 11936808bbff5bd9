#!/usr/bin/env python3
"""Writes the test vectors of the specification.

    python3 generate.py DIRECTORY

Needs Python 3.8 and its standard library. What it expects follows from rules.py,
which shares no code with any implementation. The same version of this program
writes the same bytes wherever it runs.
"""

import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True

from rules import (  # noqa: E402
    carried,
    count,
    derive,
    Format,
    framed_request,
    framed_values,
    hashed,
    pairs,
    part,
    quote,
    raw,
    Refused,
    unquote,
    utc,
    uuid,
)

SCHEMA = "urn:retrysafe:vectors:1"
SPEC = "1"


# --- writing suites ----------------------------------------------------------


class Suite:
    def __init__(self, name, notes):
        self.name, self.notes, self.groups = name, notes, []

    def group(self, id, comment):
        self.groups.append({"id": id, "comment": comment, "tests": []})

    def test(self, comment, req, flags, input, expected):
        """expected is a function; the class of what it raises is the error."""
        tests = self.groups[-1]["tests"]
        test = {"id": "%s/%s/%d" % (self.name, self.groups[-1]["id"], len(tests) + 1), "comment": comment,
                "req": req.split(), "flags": flags.split(), "input": input}
        try:
            test["expected"] = expected()
        except Refused as refused:
            test["error"] = {"class": str(refused)}
        tests.append(test)
        return test

    def write(self, directory):
        used = {flag for g in self.groups for t in g["tests"] for flag in t["flags"]}
        assert used == set(self.notes), (self.name, used ^ set(self.notes))
        document = {"schema": SCHEMA, "spec": SPEC, "suite": self.name,
                    "numberOfTests": sum(len(g["tests"]) for g in self.groups),
                    "notes": self.notes, "groups": self.groups}
        # ASCII only, so that no editor can change how a character is composed.
        text = json.dumps(document, indent=1, ensure_ascii=True) + "\n"
        (directory / (self.name + ".json")).write_bytes(text.encode("ascii"))


def note(kind, description, req):
    return {"kind": kind, "description": description, "req": req.split()}


BASIC = note("basic", "The common case.", "")
BOUNDARY = note("security", "Bytes moved from one part to its neighbour must change the result.", "KEY-2")
UNICODE = note("edge", "Text beyond ASCII is hashed as its UTF-8 bytes and never normalised.", "KEY-2")
BYTES = note("edge", "Bytes that are no text: NUL, newline, invalid UTF-8.", "KEY-2")


# --- the suites --------------------------------------------------------------


def key_derivation():
    suite = Suite("key-derivation", {
        "basic": BASIC, "boundary": BOUNDARY, "unicode": UNICODE, "bytes": BYTES,
        "long": note("edge", "Parts longer than any buffer.", "KEY-2"),
        "generation": note("basic", "Generations are part of the key from 1 on.", "KEY-3"),
    })

    def test(comment, account, command, id, generation=0, flags="basic", req="KEY-1 KEY-2", want=None):
        name = derive(account, command, id, generation)
        assert want is None or uuid(name) == want, comment
        suite.test(comment, req, flags, {
            "account": carried(account), "command": carried(command), "id": carried(id),
            "generation": str(generation),
        }, lambda: {"bytes": {"hex": name.hex()}, "uuid": uuid(name)})

    live = ("acme/stripe/live", "charges.create", "order-1234")
    suite.group("basic", "What every implementation tries first.")
    test("the worked example of identity.md", *live, want="5e931bbb-40d8-4cae-a2d1-49b3ec84f0a3", req="KEY-1 KEY-2 KEY-4")
    test("the empty account is one account", "", *live[1:], want="a0bfdc08-8211-4a64-b839-5ac4b48e3c9d")
    test("generation 1", *live, 1, "generation", "KEY-3", want="586c87c7-dbc2-44dd-9b16-ea796780d667")
    test("beyond ASCII", "acme", "\u00e9mail", "commande-\u21161", flags="unicode", want="267e6f93-0dfd-46e3-8255-41874c1c2caa")
    test("a part boundary, first half", "a", "b", "cd", flags="boundary", want="6e9f68ad-3bc0-4e58-884f-8f62348e860a")
    test("a part boundary, second half", "a", "bc", "d", flags="boundary", want="502a4366-ad7f-4819-900d-e4463fe9ae83")
    test("case matters", "ACME/stripe/live", *live[1:])
    test("another command", live[0], "refunds.create", live[2])
    test("spaces are kept", live[0], live[1], " order-1234 ")

    suite.group("boundaries", "Parts that would run together without their lengths.")
    for account, command, id in [("", "", ""), ("abc", "", ""), ("", "abc", ""), ("", "", "abc"), ("ab", "c", ""), ("a", "", "bc")]:
        test("%r %r %r" % (account, command, id), account, command, id, flags="boundary")
    test("an ID that looks like a generation", "a", "b", "c1", flags="boundary")
    test("the same ID, generation 1", "a", "b", "c", 1, "boundary generation", "KEY-2 KEY-3")
    test("an ID that holds the framing of a generation", "a", "b", raw("c") + count(1) + b"1", flags="boundary bytes")

    suite.group("bytes", "Bytes are hashed as they are.")
    test("NUL in the ID", "a", "b", "c\0d", flags="bytes")
    test("a NUL only", "\0", "\0", "\0", flags="bytes")
    test("a trailing NUL", "a", "b", "c\0", flags="bytes")
    test("newlines", "a", "b", "line\r\nline\n", flags="bytes")
    test("invalid UTF-8 is not repaired", "a", "b", b"\xff\xfe", flags="bytes")
    test("a lone continuation byte", b"\x80", "b", "c", flags="bytes")
    test("a surrogate in CESU-8", "a", b"\xed\xa0\x80", "c", flags="bytes")
    test("the replacement character is another ID than invalid UTF-8", "a", "b", "\ufffd\ufffd", flags="unicode")
    test("composed (NFC)", "a", "b", "caf\u00e9", flags="unicode")
    test("decomposed (NFD) is another ID", "a", "b", "cafe\u0301", flags="unicode")
    test("outside the basic plane", "a", "b", "\U0001f9fe-1", flags="unicode")

    suite.group("long", "Long parts.")
    test("an ID of 10,000 bytes", *live[:2], "0123456789" * 1000, flags="long")
    test("255, 256 and 257 bytes", "a" * 255, "b" * 256, "c" * 257, flags="long")
    for length in (63, 64, 65):
        test("an ID of %d bytes" % length, "", "", "x" * length, flags="long")

    suite.group("generations", "Decimal, no leading zeros, absent at 0.")
    for generation in (0, 1, 2, 9, 10, 2**32, 2**53 + 1, 2**63, 2**64 - 1):
        test("generation %d" % generation, *live, generation, "generation", "KEY-3")
    return suite


VISIBLE = "".join(chr(c) for c in range(0x21, 0x7F) if chr(c) not in '"\\')
WORD = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"


def key_format():
    suite = Suite("key-format", {
        "uuid": note("basic", "The key is the text of a UUID.", "FMT-2"),
        "digits": note("basic", "The key is a number in the alphabet's digits.", "FMT-3 FMT-4"),
        "padding": note("edge", "Padding on the left with the lowest digit.", "FMT-4"),
        "invalid": note("edge", "A format that must be refused before a key is made.", "FMT-5 FMT-6 FMT-7 FMT-8"),
    })
    names = [derive("acme/stripe/live", "charges.create", "order-1234"), derive("", "", "")]
    least, most = bytes.fromhex("00000000000040008000000000000000"), bytes.fromhex("ffffffffffff4fffbfffffffffffffff")
    extremes = [bytes(16), bytes(15) + b"\x01", b"\xff" * 16]

    def test(comment, format, name, flags, req):
        suite.test(comment, req, flags, {"format": format.given, "bytes": {"hex": name.hex()}},
                   lambda: {"key": format.render(name)})

    def each(comment, format, flags, req, extra=()):
        for name in [names[0], least, most, *extra]:
            test(comment, format, name, flags, req)

    suite.group("uuid", "There is room for a UUID.")
    each("the zero format", Format(), "uuid", "FMT-1 FMT-2", [names[1]])
    each("exactly 36", Format(minimum=36, maximum=36), "uuid", "FMT-2")
    each("a UUID demanded", Format(uuid=True), "uuid", "FMT-2 FMT-7")
    each("at most 45 characters", Format(maximum=45), "uuid", "FMT-2")
    each("4 to 36 word characters and space", Format(WORD + " ", 4, 36), "uuid", "FMT-2")
    each("only the characters of a UUID, in another order", Format("-fedcba9876543210"), "uuid", "FMT-2")
    each("a UUID demanded of an alphabet that has it", Format(WORD, uuid=True), "uuid", "FMT-2 FMT-7")

    suite.group("digits", "There is no room for a UUID.")
    each("at most 35: digits and letters", Format(maximum=35), "digits", "FMT-3 FMT-4", extremes)
    each("22 is just enough for digits and letters", Format(maximum=22), "digits", "FMT-3 FMT-4")
    each("hexadecimal without hyphen", Format("0123456789abcdef"), "digits", "FMT-3 FMT-4", extremes)
    each("upper case only", Format("0123456789ABCDEF-"), "digits", "FMT-3")
    each("decimal", Format("9876543210"), "digits", "FMT-3 FMT-4", extremes)
    each("two digits", Format("ba"), "digits", "FMT-4", extremes)
    each("four digits", Format("acgt"), "digits", "FMT-4")
    each("three digits, repeated and unsorted, with a space", Format("zx y zxxy"), "digits", "FMT-3 FMT-4")
    each("word characters, at most 30: the hyphen is the lowest digit", Format(WORD, 0, 30), "digits", "FMT-3 FMT-4", extremes)
    each("all 92 visible characters allowed, at most 20", Format(VISIBLE, 0, 20), "digits", "FMT-3 FMT-4", extremes)
    each("lower case and digits, at least 40", Format("abcdefghijklmnopqrstuvwxyz0123456789", 40, 64), "digits padding", "FMT-4")
    each("no alphabet, at least 37", Format(minimum=37), "digits padding", "FMT-3 FMT-4", extremes)
    each("hexadecimal, at least 4096", Format("0123456789abcdef", 4096, 4096), "digits padding", "FMT-4 FMT-5")

    suite.group("invalid", "Formats that must be refused.")
    for comment, format, req in [
        ("negative MinLength", Format(minimum=-1), "FMT-5"),
        ("negative MaxLength", Format(maximum=-1), "FMT-5"),
        ("both negative", Format(minimum=-2, maximum=-1), "FMT-5"),
        ("MinLength above MaxLength", Format(minimum=40, maximum=36), "FMT-5"),
        ("MinLength above the default MaxLength", Format(minimum=256), "FMT-5"),
        ("MaxLength above 4096", Format(maximum=4097), "FMT-5"),
        ("one character", Format("a"), "FMT-6"),
        ("one character and a space", Format(" a"), "FMT-6"),
        ("a space only", Format(" "), "FMT-6"),
        ("one character, repeated", Format("aaaa"), "FMT-6"),
        ("a double quote", Format(WORD + '"'), "FMT-6"),
        ("a backslash", Format(WORD + "\\"), "FMT-6"),
        ("a tab", Format(WORD + "\t"), "FMT-6"),
        ("NUL", Format(WORD + "\0"), "FMT-6"),
        ("DEL", Format(WORD + "\x7f"), "FMT-6"),
        ("beyond ASCII", Format(WORD + "\u00e9"), "FMT-6"),
        ("a UUID demanded, too short", Format(maximum=35, uuid=True), "FMT-7"),
        ("a UUID demanded, too long", Format(minimum=37, uuid=True), "FMT-7"),
        ("a UUID demanded without hyphen", Format("0123456789abcdef", uuid=True), "FMT-7"),
        ("a UUID demanded in upper case", Format("0123456789ABCDEF-", uuid=True), "FMT-7"),
        ("no alphabet, 21 characters", Format(maximum=21), "FMT-8"),
        ("decimal, 38 digits", Format("0123456789", 0, 38), "FMT-8"),
        ("hexadecimal, 31 digits", Format("0123456789abcdef", 0, 31), "FMT-8"),
        ("all 92 characters, 19 digits", Format(VISIBLE, 0, 19), "FMT-8"),
        ("two digits, the default MaxLength is enough, 127 is not", Format("01", 0, 127), "FMT-8"),
        ("bounds are looked at before the alphabet", Format("a", -1), "FMT-5 FMT-6"),
        ("the alphabet is looked at before the width", Format("a", 0, 1), "FMT-6 FMT-8"),
    ]:
        test(comment, format, names[0], "invalid", req)
    assert all("error" in t for t in suite.groups[-1]["tests"])
    assert all("expected" in t for g in suite.groups[:-1] for t in g["tests"])
    return suite


def key_check():
    suite = Suite("key-check", {
        "accepted": note("basic", "A key of the caller's own that may be sent.", "CHK-1"),
        "refused": note("edge", "A key of the caller's own that must be refused before anything is sent.", "CHK-1"),
        "injection": note("security", "Bytes that would break out of a header.", "CHK-3"),
    })

    def test(comment, format, key, flags, req):
        def expected():
            format.check(key)
            return {"accepted": True}

        tested = suite.test(comment, req, flags, {"format": format.given, "key": carried(key)}, expected)
        assert ("expected" in tested) == (flags == "accepted"), comment

    suite.group("zero", "The zero format: 1 to 255 visible ASCII characters.")
    zero = Format()
    for comment, key in [("a business name", "order-1234"), ("one character", "x"), ("255 characters", "k" * 255),
                         ("every visible character", "".join(map(chr, range(0x21, 0x7F)))),
                         ("a UUID", "5e931bbb-40d8-4cae-a2d1-49b3ec84f0a3")]:
        test(comment, zero, key, "accepted", "CHK-2 CHK-3")
    test("empty", zero, "", "refused", "CHK-2")
    test("256 characters", zero, "k" * 256, "refused", "CHK-2")
    for comment, key in [("a space inside", "order 1234"), ("a leading space", " order"), ("a trailing space", "order "),
                         ("beyond ASCII", "commande-\u2116"), ("invalid UTF-8", b"order-\xff"), ("DEL", "order\x7f")]:
        test(comment, zero, key, "refused", "CHK-3")
    for comment, key in [("CRLF and a header", "x\r\nX-Admin: 1"), ("newline", "x\n"), ("NUL", "x\0y"), ("tab", "x\ty")]:
        test(comment, zero, key, "refused injection", "CHK-3")

    suite.group("bounds", "Length is counted in bytes.")
    bounded = Format(minimum=4, maximum=36)
    for length, flags in [(3, "refused"), (4, "accepted"), (36, "accepted"), (37, "refused")]:
        test("%d of 4 to 36" % length, bounded, "k" * length, flags, "CHK-2")
    test("3 characters, 4 bytes: long enough, refused for its character", bounded, "k\u00e9y", "refused", "CHK-2 CHK-3")
    test("1000 of 1000", Format(maximum=1000), "k" * 1000, "accepted", "CHK-2")
    test("1001 of 1000", Format(maximum=1000), "k" * 1001, "refused", "CHK-2")

    suite.group("alphabet", "An alphabet of the provider's.")
    spaced = Format(WORD + " ", 4, 36)
    for comment, key, flags in [("in the alphabet", "order_1234", "accepted"), ("spaces inside", "order  12 34", "accepted"),
                                ("a leading space", " order", "refused"), ("a trailing space", "order ", "refused"),
                                ("spaces only", "    ", "refused"), ("outside", "order.1234", "refused"),
                                ("a tab", "order\t1234", "refused injection")]:
        test(comment, spaced, key, flags, "CHK-3 CHK-4" if "space" in comment else "CHK-3")
    test("no space in the alphabet", Format(WORD), "order 1234", "refused", "CHK-3")
    test("case matters", Format("0123456789abcdef-"), "ABCD", "refused", "CHK-3")

    suite.group("uuid", "A UUID demanded.")
    only = Format(uuid=True)
    good = "5e931bbb-40d8-4cae-a2d1-49b3ec84f0a3"
    for comment, key, flags in [
        ("lower case", good, "accepted"), ("upper case", good.upper(), "accepted"), ("mixed case", good[:18] + good[18:].upper(), "accepted"),
        ("version 7", "019287f5-9c9e-7a3b-8c1d-0123456789ab", "accepted"), ("all zeros", "00000000-0000-0000-0000-000000000000", "accepted"),
        ("no hyphens", good.replace("-", ""), "refused"), ("in braces", "{" + good + "}", "refused"), ("a URN", "urn:uuid:" + good, "refused"),
        ("a hyphen moved", "5e931bb-b40d8-4cae-a2d1-49b3ec84f0a3", "refused"), ("a hyphen for a digit", good[:-1] + "-", "refused"),
        ("a digit for a hyphen", good.replace("-", "0", 1), "refused"), ("not hexadecimal", good[:-1] + "g", "refused"),
        ("35 characters", good[:-1], "refused"), ("37 characters", good + "0", "refused"), ("a business name", "order-1234", "refused"),
        ("36 characters that are no UUID", "order-1234-order-1234-order-1234-abc", "refused"),
    ]:
        test(comment, only, key, flags, "CHK-5")
    test("upper case outside the alphabet", Format("0123456789abcdef-", uuid=True), good.upper(), "refused", "CHK-3 CHK-5")

    suite.group("order", "Length, then characters, then UUID.")
    test("too long and outside the alphabet", Format("ab", 0, 200), "c" * 201, "refused", "CHK-1")
    test("outside the alphabet and no UUID", only, "caf\u00e9", "refused", "CHK-1")
    test("a wrong format is refused whatever the key", Format("a"), "a", "refused", "CHK-1")
    return suite


def structured_field_string():
    suite = Suite("structured-field-string", {
        "quote": note("basic", "A key to a field value.", "SFS-1 SFS-2"),
        "unquote": note("basic", "A field value to a key.", "SFS-3 SFS-4"),
        "parameters": note("edge", "Parameters after the String are read and ignored.", "SFS-4"),
        "bare": note("interop", "A key sent without quotes, as most providers' examples show it.", "SFS-5"),
        "malformed": note("security", "Field values that no implementation may accept.", "SFS-3"),
    })

    suite.group("quote", "input.value to expected.field.")
    for comment, value in [
        ("a UUID", "5e931bbb-40d8-4cae-a2d1-49b3ec84f0a3"), ("a business name", "order-1234"), ("empty", ""), ("a space", " "),
        ("spaces are kept", " a  b "), ("a double quote", '"'), ("a backslash", "\\"), ("both", 'a"b\\c'), ("a backslash at the end", "a\\"),
        ("all printable characters", "".join(map(chr, range(0x20, 0x7F)))), ("1024 characters", "k" * 1024),
        ("NUL", "\0"), ("tab", "a\tb"), ("newline", "a\nb"), ("carriage return", "a\r"), ("0x1F", "\x1f"), ("DEL", "\x7f"),
        ("beyond ASCII", "\u00e9"), ("invalid UTF-8", b"\xff"),
    ]:
        suite.test(comment, "SFS-1 SFS-2", "quote", {"value": carried(value)}, lambda: {"field": {"utf8": quote(value)}})

    def unquoted(comment, field, flags, req="SFS-3", valid=True):
        tested = suite.test(comment, req, flags, {"field": carried(field)}, lambda: {"value": {"utf8": unquote(field)}})
        assert ("expected" in tested) == valid, comment

    suite.group("unquote", "input.field to expected.value.")
    for comment, field in [
        ("a UUID", '"5e931bbb-40d8-4cae-a2d1-49b3ec84f0a3"'), ("empty", '""'), ("escapes", r'"a\"b\\c"'), ("an escaped backslash at the end", r'"a\\"'),
        ("spaces around", '   "a"  '), ("spaces inside", '" a "'), ("punctuation of other types", '"a,b;c=d?@:%*"'), ("1024 characters", '"' + "k" * 1024 + '"'),
    ]:
        unquoted(comment, field, "unquote")

    suite.group("parameters", "Well-formed parameters are ignored.")
    for comment, rest in [
        ("a flag", ";a"), ("spaces after the semicolon", ";   a"), ("an integer", ";a=15"), ("a negative integer", ";a=-0"),
        ("15 digits", ";a=123456789012345"), ("a decimal", ";a=-123456789012.123"), ("a string", r';a="x;\"y"'), ("a token", ";a=*to/ken:!#$%&'*+-.^_`|~"),
        ("bytes", ";a=:aGVsbG8=:"), ("no bytes", ";a=::"), ("bytes without padding", ";a=:aGVsbG8:"), ("true", ";a=?1"), ("false", ";a=?0"),
        ("a date", ";a=@1659578233"), ("a date before 1970", ";a=@-1"), ("a display string", ';a=%"f%c3%bc%c3%bc"'),
        ("every character of a key", ";*a_-.*09"), ("many", ";a;b=1;c=?0;a"), ("many, spaces at the end", ";a; b  "),
    ]:
        unquoted(comment, '"k"' + rest, "unquote parameters", "SFS-4")

    suite.group("bare", "Not a String. A server may take it as a bare key, and must know that it does.")
    for comment, field in [("a bare UUID", "5e931bbb-40d8-4cae-a2d1-49b3ec84f0a3"), ("a token", "order-1234"), ("empty", ""), ("spaces only", "  "),
                           ("an integer", "42"), ("bytes", ":aGVsbG8=:"), ("a boolean", "?1"), ("a display string", '%"a"'), ("an inner list", '("a")'),
                           ("single quotes", "'a'"), ("a tab before the quote", '\t"a"'), ("a typographic quote", "\u201ca\u201d")]:
        unquoted(comment, field, "bare", "SFS-3 SFS-5", valid=False)

    suite.group("malformed", "Begins as a String and is no Item.")
    for comment, field in [
        ("not closed", '"a'), ("a quote only", '"'), ("an escape at the end", '"a\\'), ("an escaped closing quote", r'"a\"'), ("another escape", r'"a\n"'),
        ("an escaped space", '"a\\ "'), ("tab", '"a\tb"'), ("newline", '"a\nb"'), ("NUL", '"a\0"'), ("DEL", '"a\x7f"'), ("beyond ASCII", '"\u00e9"'),
        ("invalid UTF-8", b'"\xff"'), ("text after", '"a"b'), ("two Strings", '"a" "b"'), ("a List, as two field lines give", '"a", "b"'), ("a comma after", '"a",'),
        ("a tab after", '"a"\t'), ("a newline after", '"a"\n'),
    ]:
        unquoted(comment, field, "malformed", valid=False)
    for comment, rest in [
        ("a space before the semicolon", " ;a"), ("no key", ";"), ("two semicolons", ";;a"), ("an upper-case key", ";A"), ("a key that begins with a digit", ";1a"),
        ("no value", ";a="), ("a space before the value", ";a= 1"), ("a space before the equals sign", ";a =1"), ("16 digits", ";a=1234567890123456"),
        ("a point without digits", ";a=1."), ("a point at the beginning", ";a=.1"), ("4 digits after the point", ";a=1.1234"), ("13 digits before the point", ";a=1234567890123.1"),
        ("two signs", ";a=--1"), ("a sign only", ";a=-"), ("a plus sign", ";a=+1"), ("two points", ";a=1.1.1"), ("a string not closed", ';a="x'), ("bytes not closed", ";a=:aGVsbG8="),
        ("a space in bytes", ";a=:aG Vs:"), ("boolean 2", ";a=?2"), ("boolean without value", ";a=?"), ("a decimal date", ";a=@1.5"), ("a date without digits", ";a=@"),
        ("a display string with upper-case escapes", ';a=%"%C3%BC"'), ("a display string of invalid UTF-8", ';a=%"%ff"'), ("a display string not closed", ';a=%"a'),
        ("an escape cut short", ';a=%"%c"'), ("an inner list", ';a=("b")'), ("a comma", ";a,b"), ("a tab after the semicolon", ";\ta"),
    ]:
        unquoted(comment, '"k"' + rest, "malformed parameters", "SFS-4", valid=False)
    return suite


def fingerprint():
    suite = Suite("fingerprint", {
        "basic": BASIC, "boundary": BOUNDARY, "unicode": UNICODE, "bytes": BYTES,
        "header": note("basic", "Names without case and order, values in order.", "FPR-3"),
        "same": note("basic", "The same fingerprint as the test named in the comment.", "FPR-3"),
    })

    def test(comment, flags="basic", req="FPR-1 FPR-2", **request):
        given = {"account": "", "kind": "", "method": "", "path": (), "query": "", "header": (), "content_type": "", "body": "", **request}
        return suite.test(comment, req, flags, {
            "account": carried(given["account"]), "kind": carried(given["kind"]), "method": carried(given["method"]),
            "path": pairs(given["path"]), "query": carried(given["query"]), "header": pairs(given["header"]),
            "contentType": carried(given["content_type"]), "body": carried(given["body"]),
        }, lambda: hashed(framed_request(**given)))

    charge = dict(account="acme/stripe/live", kind="charges.create", method="POST", content_type="application/json", body='{"amount":1200}')
    suite.group("basic", "Whole requests.")
    test("the worked example of identity.md", **charge)
    test("nothing at all")
    test("a body of another order of members is another request", **{**charge, "body": '{"amount": 1200}'})
    test("a path value", **{**charge, "kind": "charges.capture", "path": [("charge", "ch_1")]})
    test("path values in the order of the template", path=[("b", "1"), ("a", "2")])
    test("the same in the other order is another request", path=[("a", "2"), ("b", "1")])
    test("a raw query", **{**charge, "query": "expand%5B%5D=customer&a=+"})
    test("a body of bytes", flags="bytes", content_type="application/octet-stream", body=bytes(range(256)))
    test("a form", content_type="application/x-www-form-urlencoded", body="amount=1200&currency=eur")
    test("a method is taken as sent", method="post")
    test("beyond ASCII", flags="unicode", account="caf\u00e9", kind="\u00e9mail", path=[("\u2116", "\U0001f9fe")], query="\u00e9")
    test("decomposed is another", flags="unicode", account="cafe\u0301", kind="\u00e9mail", path=[("\u2116", "\U0001f9fe")], query="\u00e9")
    test("invalid UTF-8", flags="bytes", account=b"\xff", query=b"\x00\xfe", header=[("x", b"\xff")])

    suite.group("header", "Declared headers.")
    one = test("one header", "header", "FPR-3", header=[("Stripe-Account", "acct_1")])
    two = test("lower case: the same as header/1", "header same", "FPR-3", header=[("stripe-account", "acct_1")])
    assert one["expected"] == two["expected"]
    test("the case of a value matters", "header", "FPR-3", header=[("Stripe-Account", "ACCT_1")])
    one = test("two names", "header", "FPR-3", header=[("B", "2"), ("a", "1")])
    two = test("in another order: the same as header/4", "header same", "FPR-3", header=[("a", "1"), ("B", "2")])
    assert one["expected"] == two["expected"]
    one = test("two values of one name, other names between", "header", "FPR-3", header=[("X", "1"), ("a", "0"), ("x", "2")])
    two = test("another case and order of names: the same as header/6", "header same", "FPR-3", header=[("A", "0"), ("x", "1"), ("X", "2")])
    assert one["expected"] == two["expected"]
    test("the order of values of one name matters", "header", "FPR-3", header=[("X", "2"), ("a", "0"), ("x", "1")])
    test("two values are not one with a comma", "header boundary", "FPR-3", header=[("X", "1, 2"), ("a", "0")])
    test("names are sorted by their bytes", "header", "FPR-3", header=[("a_b", "1"), ("a-b", "2"), ("ab", "3"), ("A", "4")])
    test("only A to Z are lowered", "header unicode", "FPR-3", header=[("\u00c9\u212a\u0130", "1")])
    test("invalid UTF-8 in a name is kept", "header bytes", "FPR-3", header=[(b"X\xff\xc9", "1")])
    test("an empty value is a value", "header", "FPR-3", header=[("x", "")])

    test("forty values of two names: sorting is stable however many there are", "header", "FPR-3",
         header=[("ba"[i % 2], "%d" % (i * 7 % 40)) for i in range(40)])

    suite.group("boundaries", "All of these differ.")
    tests = [
        test("account", "boundary", account="a"), test("kind", "boundary", kind="a"), test("method", "boundary", method="a"),
        test("query", "boundary", query="a"), test("content type", "boundary", content_type="a"), test("body", "boundary", body="a"),
        test("account and kind", "boundary", account="a", kind="b"), test("account only", "boundary", account="ab"), test("kind only", "boundary", kind="ab"),
        test("path", "boundary", path=[("a", "")]), test("path, value", "boundary", path=[("", "a")]), test("header", "boundary", header=[("a", "")]),
        test("header, value", "boundary", header=[("", "a")]), test("two path pairs", "boundary", path=[("a", ""), ("", "")]),
        test("a query that holds the framing of a header", "boundary bytes", query=b"a" + count(1) + part("b") + part("c")),
        test("that header", "boundary", query="a", header=[("b", "c")]),
    ]
    assert len({t["expected"]["fingerprint"] for t in tests}) == len(tests)
    return suite


def fingerprint_values():
    suite = Suite("fingerprint-values", {
        "basic": BASIC, "boundary": BOUNDARY, "unicode": UNICODE, "bytes": BYTES,
        "time": note("basic", "Moments, whatever the zone they were given in.", "FPR-9"),
        "list": note("basic", "Lists, nested.", "FPR-8"),
        "refused": note("edge", "Values without an exact text.", "FPR-10"),
    })

    def test(comment, flags, req, *values, account="", kind=""):
        return suite.test(comment, req, flags, {"account": carried(account), "kind": carried(kind), "values": list(values)},
                          lambda: hashed(framed_values(account, kind, values)))

    def s(text):
        return {"string": carried(text)}

    def n(integer):
        return {"integer": str(integer)}

    def b(data):
        return {"bytes": carried(data)}

    def l(*values):
        return {"list": list(values)}

    null, true, false = {"null": True}, {"boolean": True}, {"boolean": False}

    suite.group("basic", "Each kind of value.")
    test("the worked example of identity.md", "basic", "FPR-7 FPR-8", s("order-1234"), n(1200), s("eur"), account="acme/stripe/live", kind="charges.create")
    test("no value", "basic", "FPR-7")
    test("the empty string", "basic", "FPR-8", s(""))
    for integer in (0, 1, -1, 10, 2**53 + 1, -(2**63), 2**63 - 1, 2**64 - 1):
        test("the integer %d" % integer, "basic", "FPR-8", n(integer))
    test("true", "basic", "FPR-8", true)
    test("false", "basic", "FPR-8", false)
    test("null", "basic", "FPR-8", null)
    test("bytes", "bytes", "FPR-8", b(bytes(range(256))))
    test("no bytes", "bytes", "FPR-8", b(b""))
    test("a string of invalid UTF-8", "bytes", "FPR-8", s(b"\xff"))
    test("composed", "unicode", "FPR-8", s("caf\u00e9"))
    test("decomposed is another", "unicode", "FPR-8", s("cafe\u0301"))

    suite.group("time", "Moments.")
    texts = ["2024-02-29T12:30:00Z", "2024-02-29T14:30:00+02:00", "2024-02-28T23:00:00-13:30"]
    assert len({utc(t) for t in texts}) == 1
    for text in texts:
        test("one moment in three zones", "time", "FPR-9", {"time": text})
    for text in ["2024-01-01T00:00:00.5Z", "2024-01-01T00:00:00.500000000Z", "2024-01-01T00:00:00.123456789Z", "2024-01-01T00:00:00.000000001Z",
                 "2023-12-31T23:59:59.999999999Z", "2024-01-01T00:30:00+01:00", "0001-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "1969-12-31T23:59:59Z",
                 "2000-03-01T00:00:00+00:01", "1900-03-01T00:00:00+00:01", "9999-12-31T23:59:59.999999999Z"]:
        test(utc(text), "time", "FPR-9", {"time": text})
    test("before the year 0 in UTC", "time refused", "FPR-9 FPR-10", {"time": "0000-01-01T00:00:00+00:01"})
    test("after the year 9999 in UTC", "time refused", "FPR-9 FPR-10", {"time": "9999-12-31T23:59:59-00:01"})

    suite.group("boundaries", "All of these differ.")
    tests = [test(comment, "boundary", "FPR-7 FPR-8", *values) for comment, *values in [
        ("the string 1", s("1")), ("the integer 1", n(1)), ("the bytes 1", b("1")), ("a list of the integer 1", l(n(1))), ("the string true", s("true")),
        ("true", true), ("the string null", s("null")), ("null", null), ("the empty string", s("")), ("no bytes", b(b"")), ("an empty list", l()),
        ("two empty lists", l(), l()), ("a list of an empty list", l(l())), ("a list and a value", l(s("a")), s("b")), ("a list of both", l(s("a"), s("b"))),
        ("both without a list", s("a"), s("b")), ("one string", s("ab")), ("a string that holds a framed value", s(b"a" + part("string") + part("b"))),
        ("the string of a moment", s("2024-01-01T00:00:00Z")), ("the moment", {"time": "2024-01-01T00:00:00Z"}),
    ]]
    assert len({t["expected"]["fingerprint"] for t in tests}) == len(tests)
    test("account and kind", "boundary", "FPR-7", account="a", kind="bc")
    test("account and kind, moved", "boundary", "FPR-7", account="ab", kind="c")

    suite.group("lists", "Nested lists.")
    test("mixed", "list", "FPR-8", l(s("sku-1"), n(2), null, l(true, b(b"\x00"))))
    for depth in (32, 33):
        value = s("deep")
        for _ in range(depth):
            value = l(value)
        test("%d deep" % depth, "list" if depth == 32 else "list refused", "FPR-8" if depth == 32 else "FPR-10", value)

    suite.group("refused", "Values that must be refused.")
    for comment, value in [("a float", {"float": "1.5"}), ("a float that is whole", {"float": "1"}), ("not a number", {"float": "NaN"}),
                           ("a map", {"map": [[s("a"), n(1)]]}), ("a float in a list", l(n(1), {"float": "0.1"})), ("a map in a list", l(l({"map": []})))]:
        test(comment, "refused", "FPR-10", s("order-1234"), value)
    return suite


def main():
    directory = Path(sys.argv[1])
    for suite in (key_derivation, key_format, key_check, structured_field_string, fingerprint, fingerprint_values):
        suite().write(directory)


if __name__ == "__main__":
    main()
