"""The rules of identity.md, written a second time.

Nothing here is shared with any implementation, so that the vectors are a second
opinion.
"""

import hashlib
import re


# --- bytes in JSON -----------------------------------------------------------


def carried(data):
    """The JSON form of some bytes: text if they are text, else hexadecimal."""
    if isinstance(data, str):
        return {"utf8": data}
    return {"hex": data.hex()}


def raw(data):
    return data.encode("utf-8") if isinstance(data, str) else data


def pairs(items):
    return [[carried(name), carried(value)] for name, value in items]


# --- KEY: derivation ---------------------------------------------------------


def count(n):
    return n.to_bytes(8, "big")


def part(data):
    return count(len(raw(data))) + raw(data)


def framed_key(account, command, id, generation):
    framed = part("retrysafe/key/1") + part(account) + part(command) + part(id)
    return framed + (part(str(generation)) if generation else b"")


def derive(account, command, id, generation=0):
    name = bytearray(hashlib.sha256(framed_key(account, command, id, generation)).digest()[:16])
    name[6] = name[6] & 0x0F | 0x40
    name[8] = name[8] & 0x3F | 0x80
    return bytes(name)


def uuid(name):
    h = name.hex()
    return "-".join([h[0:8], h[8:12], h[12:16], h[16:20], h[20:32]])


# --- FMT: formats ------------------------------------------------------------

UUID_CHARACTERS = set("0123456789abcdef-")
ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
UUID_FORM = re.compile(r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}")


class Refused(Exception):
    """Carries the error class of a refusal."""


class Format:
    def __init__(self, alphabet="", minimum=0, maximum=0, uuid=False):
        self.alphabet, self.uuid = alphabet, uuid
        self.given = {"alphabet": carried(alphabet), "minLength": minimum, "maxLength": maximum, "uuid": uuid}
        self.minimum, self.maximum = minimum, maximum

    def validate(self):
        low, high = self.minimum or 1, self.maximum or 255
        if self.minimum < 0 or self.maximum < 0 or high > 4096 or low > high:
            raise Refused("bounds")
        if any(not 0x20 <= c <= 0x7E or c in b'"\\' for c in raw(self.alphabet)):
            raise Refused("alphabet")
        digits = sorted(set(self.alphabet or ALPHANUMERIC) - {" "})
        if len(digits) < 2:
            raise Refused("alphabet")
        if self.uuid and not low <= 36 <= high:
            raise Refused("bounds")
        if self.uuid and not self.holds_uuid():
            raise Refused("alphabet")
        width = 1
        while len(digits) ** width < 2**128:
            width += 1
        fits = low <= 36 <= high and self.holds_uuid()
        if not fits and width > high:
            raise Refused("width")
        return low, high, digits, width, fits

    def holds_uuid(self):
        return not self.alphabet or UUID_CHARACTERS <= set(self.alphabet)

    def render(self, name):
        low, _, digits, width, fits = self.validate()
        if fits:
            return uuid(name)
        number, text = int.from_bytes(name, "big"), ""
        while number:
            number, digit = divmod(number, len(digits))
            text = digits[digit] + text
        return text.rjust(max(width, low), digits[0])

    def check(self, key):
        low, high, *_ = self.validate()
        key = raw(key)
        if not low <= len(key) <= high:
            raise Refused("length")
        allowed = raw(self.alphabet) if self.alphabet else bytes(range(0x21, 0x7F))
        if any(c not in allowed for c in key) or key[:1] == b" " or key[-1:] == b" ":
            raise Refused("character")
        if self.uuid and not UUID_FORM.fullmatch(key.decode("ascii")):
            raise Refused("uuid")


# --- SFS: structured-field strings -------------------------------------------

STRING = r'"((?:[\x20\x21\x23-\x5B\x5D-\x7E]|\\["\\])*)"'
TOKEN = r"[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*"
DISPLAY = r'%"((?:[\x20\x21\x23\x24\x26-\x7E]|%[0-9a-f]{2})*)"'
BARE_ITEM = "|".join([
    r"-?[0-9]{1,12}\.[0-9]{1,3}",
    r"-?[0-9]{1,15}(?![0-9.])",
    STRING,
    TOKEN,
    r":[A-Za-z0-9+/=]*:",
    r"\?[01]",
    r"@-?[0-9]{1,15}(?![0-9.])",
    DISPLAY,
])
PARAMETER = re.compile(r";\x20*[a-z*][a-z0-9_\-.*]*(?:=(?:%s))?" % BARE_ITEM)


def quote(value):
    value = raw(value)
    if any(not 0x20 <= c <= 0x7E for c in value):
        raise Refused("character")
    return '"' + value.decode("ascii").replace("\\", "\\\\").replace('"', '\\"') + '"'


def unquote(field):
    text = raw(field).decode("latin-1").lstrip(" ")
    if not text.startswith('"'):
        raise Refused("not-string")
    found = re.match(STRING, text)
    if not found:
        raise Refused("syntax")
    rest = text[found.end():]
    while rest.startswith(";"):
        parameter = PARAMETER.match(rest)
        if not parameter or not display_is_utf8(parameter.group()):
            raise Refused("syntax")
        rest = rest[parameter.end():]
    if rest.strip(" "):
        raise Refused("syntax")
    return re.sub(r'\\(["\\])', r"\1", found.group(1))


def display_is_utf8(parameter):
    found = re.search("=" + DISPLAY + "$", parameter)
    if not found:
        return True
    data = re.sub(rb"%(..)", lambda m: bytes.fromhex(m.group(1).decode()), found.group(1).encode("latin-1"))
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


# --- FPR: fingerprints -------------------------------------------------------


def framed_pairs(items):
    return count(len(items)) + b"".join(part(name) + part(value) for name, value in items)


def ascii_lower(name):
    return bytes(c + 32 if 0x41 <= c <= 0x5A else c for c in raw(name))


def framed_request(account="", kind="", method="", path=(), query="", header=(), content_type="", body=""):
    lowered = sorted(((ascii_lower(n), v) for n, v in header), key=lambda pair: pair[0])
    return (
        part("retrysafe/fingerprint/1") + part(account) + part(kind) + part(method) + framed_pairs(path)
        + part(query) + framed_pairs(lowered) + part(content_type) + part(body)
    )


MOMENT = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")


def days(year, month, day):
    """Days since 0000-03-01 in the proleptic Gregorian calendar."""
    year, month = (year, month - 3) if month > 2 else (year - 1, month + 9)
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * month + 2) // 5 + day - 1


def civil(day):
    year = day // 146097 * 400
    day %= 146097
    century = min(day // 36524, 3)
    day -= century * 36524
    four = day // 1461
    day -= four * 1461
    single = min(day // 365, 3)
    day -= single * 365
    year += century * 100 + four * 4 + single
    month = (5 * day + 2) // 153
    day = day - (153 * month + 2) // 5 + 1
    return (year, month + 3, day) if month < 10 else (year + 1, month - 9, day)


def utc(text):
    """RFC 3339 in UTC, without trailing zeros in the fraction."""
    year, month, day, hour, minute, second, fraction, zone = MOMENT.fullmatch(text).groups()
    shift = 0 if zone == "Z" else int(zone[1:3]) * 60 + int(zone[4:6])
    minutes = int(hour) * 60 + int(minute) - (-shift if zone[0] == "-" else shift)
    year, month, day = civil(days(int(year), int(month), int(day)) + minutes // 1440)
    if not 0 <= year <= 9999:
        raise Refused("value")
    fraction = (fraction or "").rstrip("0")
    return "%04d-%02d-%02dT%02d:%02d:%s%sZ" % (
        year, month, day, minutes % 1440 // 60, minutes % 60, second, fraction and "." + fraction)


def framed_value(value, depth=0):
    if depth > 32:
        raise Refused("value")
    (tag, content), = value.items()
    if tag == "null":
        return part("null")
    if tag == "list":
        return part("list") + count(len(content)) + b"".join(framed_value(v, depth + 1) for v in content)
    text = {
        "string": lambda: bytes.fromhex(content["hex"]) if "hex" in content else content["utf8"],
        "bytes": lambda: bytes.fromhex(content["hex"]) if "hex" in content else content["utf8"],
        "integer": lambda: str(int(content)),
        "boolean": lambda: "true" if content else "false",
        "time": lambda: utc(content),
    }
    if tag not in text:
        raise Refused("value")
    return part(tag) + part(text[tag]())


def framed_values(account, kind, values):
    return (
        part("retrysafe/fingerprint/1/values") + part(account) + part(kind)
        + count(len(values)) + b"".join(framed_value(v) for v in values)
    )


def hashed(framed):
    return {"framing": {"hex": framed.hex()}, "fingerprint": hashlib.sha256(framed).hexdigest()}
