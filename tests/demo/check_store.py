#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Usage: check_store.py DIR   Read every file that make_store.py made with a reader of its kind, and fail on the first that is not
what its name says. Must share no code with make_store.py."""
import csv, json, pathlib, sqlite3, struct, subprocess, sys, wave


def tool(*command, stdin=None):
    return subprocess.run(command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True).stdout


def sqlite(path):
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("SELECT count(*) FROM finding").fetchone()[0] > 0


def wav(path):
    with wave.open(str(path)) as w:
        assert w.getnframes() > 0 and w.getsampwidth() == 2


def npy(path):
    data = path.read_bytes()
    assert data[:8] == b"\x93NUMPY\1\0"
    end = 10 + struct.unpack("<H", data[8:10])[0]
    head = eval(data[10:end], {"__builtins__": {}})
    assert end % 64 == 0 and head["descr"] == "<f4" and len(data) - end == 4 * head["shape"][0] * head["shape"][1]


def safetensors(path):
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    table = json.loads(data[8:8 + size])
    end = 0
    for name, t in table.items():
        if name != "__metadata__":
            count = 1
            for n in t["shape"]:
                count *= n
            assert t["data_offsets"] == [end, end + 4 * count], name
            end += 4 * count
    assert end == len(data) - 8 - size


def mp4(path):
    """Walk the boxes down to the sample table, take every frame out and decode it."""
    data, found = path.read_bytes(), {}

    def walk(at, end):
        while at < end:
            size, kind = struct.unpack(">I4s", data[at:at + 8])
            assert size >= 8 and at + size <= end, "a box leaves its parent"
            found[kind] = (at + 8, at + size)
            if kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
                walk(at + 8, at + size)
            at += size
        assert at == end

    walk(0, len(data))
    at, _ = found[b"stsz"]
    count = struct.unpack(">I", data[at + 8:at + 12])[0]
    sizes = struct.unpack(f">{count}I", data[at + 12:at + 12 + 4 * count])
    here = struct.unpack(">I", data[found[b"stco"][0] + 8:found[b"stco"][0] + 12])[0]
    assert count and here == found[b"mdat"][0] and here + sum(sizes) == found[b"mdat"][1]
    for size in sizes:
        assert tool("djpeg", stdin=data[here:here + size]).startswith(b"P5")
        here += size


READERS = {".png": lambda p: tool("pngcheck", "-q", p), ".jpg": lambda p: tool("djpeg", "-outfile", "/dev/null", p),
           ".dcm": lambda p: tool("dcmdump", "-q", p), ".mp4": mp4, ".wav": wav, ".npy": npy, ".safetensors": safetensors,
           ".sqlite": sqlite, ".json": lambda p: json.loads(p.read_text()), ".csv": lambda p: list(csv.DictReader(p.open(newline="")))[0]["icd10"]}

files = sorted(p for p in pathlib.Path(sys.argv[1]).rglob("*") if p.is_file())
for path in files:
    try:
        READERS[path.suffix](path)
    except (AssertionError, KeyError, ValueError, struct.error, sqlite3.Error, wave.Error, OSError, subprocess.CalledProcessError) as e:
        sys.exit(f"check_store.py: {path} is not a valid {path.suffix[1:]} file: {type(e).__name__} {e}")
missing = set(READERS) - {p.suffix for p in files}
if missing:
    sys.exit(f"check_store.py: no file of these kinds: {' '.join(sorted(missing))}")
print(f"{len(files)} files of {len(READERS)} kinds, each read back by a reader of its kind")
