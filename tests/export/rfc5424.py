# SPDX-License-Identifier: Apache-2.0
"""A strict parser of RFC 5424 messages and of RFC 6587 octet counting, written from those documents and from nothing of polyward's. What
the grammar does not allow is an error. Not a program."""
import datetime

NAME = {chr(c) for c in range(33, 127)} - set('= ]"')
REGISTERED = {"timeQuality": {"tzKnown", "isSynced", "syncAccuracy"}, "origin": {"ip", "enterpriseId", "software", "swVersion"},
              "meta": {"sequenceId", "sysUpTime", "language"}}


class Bad(Exception):
    pass


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def need(self, good, why):
        if not good:
            raise Bad(f"byte {self.at}: {why}: {self.data[self.at:self.at + 40]!r}")

    def take(self, text):
        self.need(self.data.startswith(text, self.at), f"{text!r} expected")
        self.at += len(text)

    def word(self, most, why):
        """1 to `most` printable ASCII characters up to a blank."""
        end = self.at
        while end < len(self.data) and 33 <= self.data[end] <= 126:
            end += 1
        self.need(0 < end - self.at <= most, why)
        found = self.data[self.at:end].decode("ascii")
        self.at = end
        return found

    def name(self, why):
        end = self.at
        while end < len(self.data) and chr(self.data[end]) in NAME:
            end += 1
        self.need(0 < end - self.at <= 32, why)
        found = self.data[self.at:end].decode("ascii")
        self.at = end
        return found

    def value(self):
        out = bytearray()
        while True:
            self.need(self.at < len(self.data), "a value without its end")
            c = self.data[self.at:self.at + 1]
            if c == b'"':
                break
            self.need(c != b"]", "a bracket that is not escaped")
            if c == b"\\":
                follower = self.data[self.at + 1:self.at + 2]
                # A backslash before anything else than these three stands for itself.
                if follower in (b'"', b"\\", b"]"):
                    self.at += 1
                    c = follower
            out += c
            self.at += 1
        return out.decode("utf-8")


def timestamp(text):
    if text == "-":
        return None
    date, t, clock = text.partition("T")
    if t != "T" or not clock.endswith("Z"):
        raise Bad(f"timestamp {text}")
    whole, point, part = clock[:-1].partition(".")
    if point and not (1 <= len(part) <= 6 and part.isdigit()):
        raise Bad(f"timestamp {text}: one to six digits of a second")
    if len(date) != 10 or len(whole) != 8:
        raise Bad(f"timestamp {text}: a digit is missing")
    return datetime.datetime.strptime(f"{date} {whole}", "%Y-%m-%d %H:%M:%S").replace(tzinfo=datetime.timezone.utc)


def structured_data(r):
    elements = {}
    if r.data.startswith(b"-", r.at):
        r.at += 1
        return elements
    while r.data.startswith(b"[", r.at):
        r.at += 1
        sd_id = r.name("the name of an element")
        if "@" in sd_id:
            name, _, number = sd_id.partition("@")
            if not name or not number.replace(".", "").isdigit():
                raise Bad(f"{sd_id}: behind the @ stands an enterprise number")
        elif sd_id not in REGISTERED:
            raise Bad(f"{sd_id} is not registered with IANA and has no enterprise number")
        if sd_id in elements:
            raise Bad(f"{sd_id} stands twice")
        elements[sd_id] = []
        while r.data.startswith(b" ", r.at):
            r.at += 1
            name = r.name("the name of a parameter")
            if sd_id in REGISTERED and name not in REGISTERED[sd_id]:
                raise Bad(f"{sd_id} has no parameter {name}")
            r.take(b'="')
            elements[sd_id].append((name, r.value()))
            r.take(b'"')
        r.take(b"]")
    r.need(elements, "structured data, or -")
    return elements


def parse(data):
    r, m = Reader(data), {}
    r.take(b"<")
    end = data.find(b">", r.at)
    r.need(1 <= end - r.at <= 3 and data[r.at:end].isdigit() and int(data[r.at:end]) <= 191 and
           (end - r.at == 1 or data[r.at:r.at + 1] != b"0"), "PRI")
    m["facility"], m["severity"] = divmod(int(data[r.at:end]), 8)
    r.at = end
    r.take(b">1 ")
    m["time"] = timestamp(r.word(40, "TIMESTAMP"))
    r.take(b" ")
    m["host"] = r.word(255, "HOSTNAME")
    r.take(b" ")
    m["app"] = r.word(48, "APP-NAME")
    r.take(b" ")
    m["procid"] = r.word(128, "PROCID")
    r.take(b" ")
    m["msgid"] = r.word(32, "MSGID")
    r.take(b" ")
    m["data"] = structured_data(r)
    if r.at == len(data):
        m["msg"] = ""
        return m
    r.take(b" ")
    rest = data[r.at:]
    if rest.startswith(b"\xef\xbb\xbf"):
        rest = rest[3:]
    elif any(c >= 0x80 for c in rest):
        raise Bad("more than ASCII, and no byte order mark says that it is UTF-8")
    m["msg"] = rest.decode("utf-8")
    if any(ord(c) < 32 or ord(c) == 127 for c in m["msg"]):
        raise Bad("a control character")
    return m


def frames(data):
    """Whole messages of a stream with octet counting, and what is left of the last one."""
    found, at = [], 0
    while at < len(data):
        blank = data.find(b" ", at, at + 8)
        if blank < 0:
            break
        length = data[at:blank]
        if not length.isdigit() or length.startswith(b"0"):
            raise Bad(f"MSG-LEN {length!r}")
        if len(data) < blank + 1 + int(length):
            break
        found.append(data[blank + 1:blank + 1 + int(length)])
        at = blank + 1 + int(length)
    return found, data[at:]
