#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An independent verifier of polyward's log: verify.py DIR [--vkey KEY|FILE] [--witness KEY|FILE] [--checkpoint FILE]

Written from docs/LOG-FORMAT.md and the C2SP pages alone (signed-note, tlog-checkpoint, tlog-cosignature, tlog-tiles), in another language
than the writer, with nothing but Python's standard library: it shares no line with what it judges. Exit 0: the log is whole, unchanged and
signed. Exit 1: it is not, and the sentence says where. A log whose oldest bundles retention removed is not for this program: it wants all."""
import base64, functools, hashlib, os, re, struct, sys

WIDTH = 256


class Bad(Exception):
    pass


# ---- Ed25519, RFC 8032 section 6, checking only ----
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_M1 = pow(2, (P - 1) // 4, P)


def point_add(a, b):
    x1, y1, z1, t1 = a
    x2, y2, z2, t2 = b
    A, B, C, E = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P, 2 * t1 * t2 * D % P, 2 * z1 * z2 % P
    e, f, g, h = B - A, E - C, E + C, B + A
    return e * f % P, g * h % P, f * g % P, e * h % P


def point_times(n, a):
    r = (0, 1, 1, 0)
    while n:
        if n & 1:
            r = point_add(r, a)
        a = point_add(a, a)
        n >>= 1
    return r


def point_read(raw):
    y = int.from_bytes(raw, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * ROOT_M1 % P
    if (x * x - x2) % P or (x == 0 and sign):
        return None
    return (x if x & 1 == sign else P - x), y, 1, (x if x & 1 == sign else P - x) * y % P


BASE = point_read((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


@functools.lru_cache(maxsize=64)
def ed25519_good(public, message, signature):
    if len(signature) != 64 or int.from_bytes(signature[32:], "little") >= L:
        return False
    a, r = point_read(public), point_read(signature[:32])
    if not a or not r:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    x1, y1, z1, _ = point_times(int.from_bytes(signature[32:], "little"), BASE)
    x2, y2, z2, _ = point_add(r, point_times(k, a))
    return (x1 * z2 - x2 * z1) % P == 0 and (y1 * z2 - y2 * z1) % P == 0


# ---- notes ----
def unbase64(text):
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        raise Bad("not base64") from None
    if base64.b64encode(raw).decode() != text:
        raise Bad("base64 that has a second form")
    return raw


def read_key(vkey):
    """(name, key id, type, public key) of NAME+HASH+BASE64."""
    parts = vkey.strip("\n").split("+", 2)
    if len(parts) != 3 or not re.fullmatch(r"[0-9a-f]{8}", parts[1]):
        raise Bad("not a verifier key")
    raw = unbase64(parts[2])
    if len(raw) != 33 or raw[0] not in (1, 4):
        raise Bad("a verifier key of another type")
    if hashlib.sha256(parts[0].encode() + b"\n" + raw).digest()[:4].hex() != parts[1]:
        raise Bad("the verifier key's hash is not that of its name and key")
    return parts[0], bytes.fromhex(parts[1]), raw[0], raw[1:]


def read_note(raw):
    """(signed text, [(name, key id, signature)])."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Bad("a note that is not UTF-8") from None
    if any(ord(c) < 32 and c != "\n" for c in text):
        raise Bad("a note with control characters")
    cut = text.rfind("\n\n")
    if cut < 0 or not text.endswith("\n"):
        raise Bad("not a signed note")
    signatures = []
    for line in text[cut + 2:-1].split("\n"):
        m = re.fullmatch("\u2014 ([^ +]+) (\\S+)", line)
        if not m:
            raise Bad("a signature line that is none")
        signature = unbase64(m[2])
        if len(signature) < 5:
            raise Bad("a signature line without a signature")
        signatures.append((m[1], signature[:4], signature[4:]))
    return text[:cut + 1], signatures


def read_checkpoint(raw):
    text, signatures = read_note(raw)
    lines = text.split("\n")
    if len(lines) < 4 or not re.fullmatch(r"0|[1-9][0-9]{0,18}", lines[1]):
        raise Bad("not a checkpoint")
    root = unbase64(lines[2])
    if len(root) != 32:
        raise Bad("a root that is no hash")
    return {"origin": lines[0], "size": int(lines[1]), "root": root, "text": text, "signatures": signatures}


def check_signed(checkpoint, vkey):
    name, key_id, kind, public = read_key(vkey)
    if checkpoint["origin"] != name:
        raise Bad(f"the checkpoint is of {checkpoint['origin']}, the key of {name}")
    mine = [s for n, i, s in checkpoint["signatures"] if n == name and i == key_id]
    if kind != 1 or not mine or not all(ed25519_good(public, checkpoint["text"].encode(), s) for s in mine):
        raise Bad(f"no good signature of {name}")


def check_cosigned(checkpoint, vkey):
    name, key_id, kind, public = read_key(vkey)
    mine = [s for n, i, s in checkpoint["signatures"] if n == name and i == key_id]
    if kind != 4 or not mine:
        raise Bad(f"{name} has not cosigned")
    for s in mine:
        text = f"cosignature/v1\ntime {int.from_bytes(s[:8], 'big')}\n".encode() + checkpoint["text"].encode()
        if len(s) != 72 or not ed25519_good(public, text, s[8:]):
            raise Bad(f"the cosignature of {name} is wrong")


# ---- the tree ----
def node(a, b):
    return hashlib.sha256(b"\1" + a + b).digest()


@functools.lru_cache(maxsize=16)
def full_root(hashes):
    """Root of a full tile's 256 hashes."""
    level = [hashes[i:i + 32] for i in range(0, len(hashes), 32)]
    while len(level) > 1:
        level = [node(level[i], level[i + 1]) for i in range(0, len(level), 2)]
    return level[0]


def tree_root(hashes):
    """RFC 6962 section 2.1 as it stands there."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return node(tree_root(hashes[:k]), tree_root(hashes[k:]))


@functools.lru_cache(maxsize=16)
def read_records(raw):
    """Length-prefixed records: [(bytes without the length)], and what is left over."""
    records, at = [], 0
    while at + 2 <= len(raw):
        n = raw[at] << 8 | raw[at + 1]
        if n < 56 or at + 2 + n > len(raw):
            break
        records.append(raw[at + 2:at + 2 + n])
        at += 2 + n
    return records, raw[at:]


@functools.lru_cache(maxsize=16)
def leaves_of(raw, count):
    records, rest = read_records(raw)
    if rest or len(records) != count:
        raise Bad(f"holds {len(records)} whole records and {len(rest)} further bytes, {count} records are due")
    return [hashlib.sha256(b"\0" + r).digest() for r in records]


def path_of(level, index, width=WIDTH):
    name = f"{index % 1000:03d}"
    while index >= 1000:
        index //= 1000
        name = f"x{index % 1000:03d}/{name}"
    return f"tile/{level}/{name}" + (f".p/{width}" if width < WIDTH else "")


def need(files, path):
    if path not in files:
        raise Bad(f"{path} is missing")
    return files[path]


def read_tail(files):
    """(number of the first record, [records]) of all segments one after the other."""
    names = sorted(n for n in files if re.fullmatch(r"records-[0-9a-f]{16}\.pwr", n))
    first, records = None, []
    for name in names:
        number = int(name[8:24], 16)
        if first is None:
            first = number
        elif first + len(records) != number:
            raise Bad(f"{name}: records {first + len(records)} to {number - 1} are missing before it")
        found, rest = read_records(files[name])
        if rest and name != names[-1]:
            raise Bad(f"{name}: {len(rest)} bytes behind its last record")
        records += found
    return first, records


def expected_tiles(leaves):
    """Every file below tile/0.. that a log of these leaves has, beside older partial ones: {path: hashes}."""
    tiles, level, hashes = {}, 0, leaves
    while hashes:
        for i in range(0, len(hashes), WIDTH):
            part = hashes[i:i + WIDTH]
            tiles[path_of(level, i // WIDTH, len(part))] = b"".join(part)
        hashes = [full_root(b"".join(hashes[i:i + WIDTH])) for i in range(0, len(hashes) - WIDTH + 1, WIDTH)]
        level += 1
    return tiles


def check_older_partials(files, have):
    """A partial file of an earlier checkpoint is a beginning of what is there now."""
    for path in files:
        m = re.fullmatch(r"(tile/(entries|[0-9]+)/[x0-9/]+)\.p/([0-9]+)", path)
        if path.startswith("tile/") and path not in have:
            now = next((h for p, h in have.items() if m and (p == m[1] or p.startswith(m[1] + ".p/"))), None)
            if now is None or not m:
                raise Bad(f"{path} has no place in this log")
            whole = len(files[path]) == 32 * int(m[3]) if m[2] != "entries" else not read_records(files[path])[1] and len(read_records(files[path])[0]) == int(m[3])
            if not whole or not now.startswith(files[path]):
                raise Bad(f"{path} is not a beginning of what is there now")


def count_events(records, first):
    """Every number of every CPU and boot stands in a record or in a gap."""
    seen = {}
    for record in records:
        kind, cpu = record[1], struct.unpack_from("<H", record, 2)[0]
        cpu_seq, boot_ns = struct.unpack_from("<QQ", record, 16)
        track = seen.setdefault((record[40:56], cpu), {"next": None if first else 0, "holes": set(), "newest": 0})
        if cpu == 0xffff or kind not in (1, 3):
            continue
        low, high, at = cpu_seq, cpu_seq, 56
        while at < len(record):
            tag, n = struct.unpack_from("<HH", record, at)
            value = int.from_bytes(record[at + 4:at + 4 + n], "little")
            if kind == 3:
                low, high = (value if tag == 38 else low), (value if tag == 39 else high)
            elif tag == 33:  # the same access again and again
                high = low + value - 1
            at += 4 + n
        if track["next"] is None:
            track["next"] = low
        if kind == 1 and low < track["next"] and low not in track["holes"] and boot_ns > track["newest"]:
            track["next"], track["holes"] = 0, set()  # loaded anew, counted from 0
        track["holes"] -= set(range(low, min(high, track["next"]) + 1))
        track["holes"] |= set(range(track["next"], low))
        track["next"] = max(track["next"], high + 1)
        track["newest"] = max(track["newest"], boot_ns if kind == 1 else 0)
    return sum(len(t["holes"]) for t in seen.values())


def verify(files, vkey=None, witness=None, earlier=None):
    """files: {path in the log directory: bytes}. Returns the checkpoint; raises Bad."""
    own = need(files, "log.vkey").decode("utf-8", "strict") if "log.vkey" in files else None
    if own is not None and (not own.endswith("\n") or read_key(own) != read_key(vkey or own)):
        raise Bad("log.vkey names another key than the one that was given")
    if not (vkey or own):
        raise Bad("no key")
    checkpoint = read_checkpoint(need(files, "checkpoint"))
    check_signed(checkpoint, vkey or own)
    size, bundles, leaves = checkpoint["size"], {}, []
    for index in range((size + WIDTH - 1) // WIDTH):
        path = path_of("entries", index, min(WIDTH, size - index * WIDTH))
        bundles[path] = need(files, path)
    first, tail = read_tail(files)
    everything = [r for raw in bundles.values() for r in read_records(raw)[0]]
    if first is not None and first + len(tail) < size or first is None and size % WIDTH:
        raise Bad(f"the tail ends with {0 if first is None else first + len(tail)} records, {size} were signed: cut off")
    if first is not None and tail[:size - first] != everything[first:]:
        raise Bad("the tail and the bundles hold different records")
    for index, (path, raw) in enumerate(bundles.items()):
        try:
            leaves += leaves_of(raw, min(WIDTH, size - index * WIDTH))
        except Bad as e:
            raise Bad(f"{path}: {e}") from None
    for number, record in enumerate(everything):
        if struct.unpack_from("<Q", record, 8)[0] != number:
            raise Bad(f"record {number} says that it is another")
    tiles = expected_tiles(leaves)
    for path, hashes in tiles.items():
        if need(files, path) != hashes:
            raise Bad(f"{path} does not hold the hashes of the records")
    check_older_partials(files, {**tiles, **bundles})
    if tree_root(leaves) != checkpoint["root"]:
        raise Bad("the root over the records is not the one that was signed")
    for note, keys in ((files.get("cosigned"), witness), (earlier, None)):
        if note is None:
            continue
        old = read_checkpoint(note)
        check_signed(old, vkey or own)
        if keys:
            check_cosigned(old, keys)
        if old["size"] > size or tree_root(leaves[:old["size"]]) != old["root"]:
            raise Bad(f"its first {old['size']} records are not those of an earlier checkpoint: history was rewritten")
    if witness and "cosigned" not in files:
        raise Bad("no witness has cosigned")
    checkpoint["unaccounted"] = count_events(everything + tail[max(0, size - (first or 0)):], 0)
    return checkpoint


def load(directory):
    files = {}
    for where, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(where, name)
            with open(path, "rb") as f:
                files[os.path.relpath(path, directory)] = f.read()
    return files


def given(word):
    if word and os.path.exists(word):
        with open(word, encoding="utf-8") as f:
            return f.read()
    return word


def main(words):
    options, rest = {}, []
    while words:
        word = words.pop(0)
        if word in ("--vkey", "--witness", "--checkpoint") and words:
            options[word] = words.pop(0)
        else:
            rest.append(word)
    if len(rest) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    earlier = None
    if "--checkpoint" in options:
        with open(options["--checkpoint"], "rb") as f:
            earlier = f.read()
    try:
        done = verify(load(rest[0]), given(options.get("--vkey")), given(options.get("--witness")), earlier)
    except (Bad, UnicodeDecodeError) as e:
        print(f"not valid: {e}", file=sys.stderr)
        return 1
    print(f"valid: {done['origin']} {done['size']} {done['root'].hex()}; events in no record and no gap: {done['unaccounted']}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
