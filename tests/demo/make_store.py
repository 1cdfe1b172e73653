#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Usage: make_store.py DIR   Fill DIR with the hospital of the demo: small files of the kinds that such a place keeps, each of them
valid. JPEG, DICOM and SQLite come from the tools of their fields (cjpeg, img2dcm, sqlite3); the rest is written here from the
published formats. Everybody in it is invented. The same bytes come out every time, but for the identifiers that img2dcm makes."""
import csv, json, math, os, struct, subprocess, sys, wave, zlib

SIDE = 96
# A head phantom: ellipses as (grey, half axes, centre, angle in degrees), after Shepp and Logan's well-known test image.
ELLIPSES = [(1.0, .69, .92, 0, 0, 0), (-.8, .66, .87, 0, -.02, 0), (-.2, .11, .31, .22, 0, -18), (-.2, .16, .41, -.22, 0, 18),
            (.1, .21, .25, 0, .35, 0), (.1, .05, .05, 0, .1, 0), (.1, .05, .05, 0, -.1, 0), (.3, .06, .06, .25, -.4, 0)]


def phantom(slice_nr):
    """Grey pixels of one slice; the lesion (last ellipse) grows from slice to slice."""
    rows = bytearray()
    for j in range(SIDE):
        for i in range(SIDE):
            x, y, grey = 2 * i / (SIDE - 1) - 1, 1 - 2 * j / (SIDE - 1), 0.0
            for n, (g, a, b, x0, y0, angle) in enumerate(ELLIPSES):
                grow = 1 + .25 * slice_nr if n == len(ELLIPSES) - 1 else 1
                c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
                u, v = (x - x0) * c + (y - y0) * s, (y - y0) * c - (x - x0) * s
                if (u / (a * grow)) ** 2 + (v / (b * grow)) ** 2 <= 1:
                    grey += g
            rows.append(max(0, min(255, int(grey * 255))))
    return bytes(rows)


def run(*command, stdin=None):
    done = subprocess.run(command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        sys.exit(f"make_store.py: {command[0]} failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def put(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)
    return path


def jpeg(pixels):
    return run("cjpeg", "-quality", "90", "-grayscale", stdin=b"P5\n%d %d\n255\n" % (SIDE, SIDE) + pixels)


def png(pixels):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    lines = b"".join(b"\0" + pixels[n:n + SIDE] for n in range(0, len(pixels), SIDE))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b""))


def box(kind, *parts):
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def full(kind, flags, *parts):
    return box(kind, struct.pack(">I", flags), *parts)


def mp4(frames, per_second):
    """Motion JPEG in an ISO base media file (ISO/IEC 14496-12; the sample entry is mp4v with object type 0x6C of 14496-1)."""
    unity = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    length = 1000 * len(frames) // per_second
    def descr(tag, body):
        return bytes([tag, len(body)]) + body
    esds = full(b"esds", 0, descr(3, struct.pack(">HB", 1, 0) + descr(4, struct.pack(">BBBHII", 0x6c, 0x11, 0, 0, 0, 0)) + descr(6, b"\2")))
    entry = box(b"mp4v", bytes(6), struct.pack(">H", 1), bytes(16), struct.pack(">HHIIIH", SIDE, SIDE, 0x480000, 0x480000, 0, 1),
                bytes(32), struct.pack(">Hh", 24, -1), esds)
    ftyp = box(b"ftyp", b"isom", struct.pack(">I", 0x200), b"isomiso2mp41")
    def moov(first_byte):
        stbl = box(b"stbl", full(b"stsd", 0, struct.pack(">I", 1), entry),
                   full(b"stts", 0, struct.pack(">III", 1, len(frames), 1000 // per_second)),
                   full(b"stsc", 0, struct.pack(">IIII", 1, 1, len(frames), 1)),
                   full(b"stsz", 0, struct.pack(">II", 0, len(frames)), *(struct.pack(">I", len(f)) for f in frames)),
                   full(b"stco", 0, struct.pack(">II", 1, first_byte)))
        minf = box(b"minf", full(b"vmhd", 1, bytes(8)), box(b"dinf", full(b"dref", 0, struct.pack(">I", 1), full(b"url ", 1))), stbl)
        mdia = box(b"mdia", full(b"mdhd", 0, struct.pack(">IIIIHH", 0, 0, 1000, length, 0x55c4, 0)),
                   full(b"hdlr", 0, bytes(4), b"vide", bytes(12), b"cine\0"), minf)
        tkhd = full(b"tkhd", 3, struct.pack(">IIIII", 0, 0, 1, 0, length), bytes(8), struct.pack(">HHHH", 0, 0, 0, 0), unity,
                    struct.pack(">II", SIDE << 16, SIDE << 16))
        mvhd = full(b"mvhd", 0, struct.pack(">IIII", 0, 0, 1000, length), struct.pack(">IHH", 0x10000, 0x100, 0), bytes(8), unity,
                    bytes(24), struct.pack(">I", 2))
        return box(b"moov", mvhd, box(b"trak", tkhd, mdia))
    head = len(ftyp) + len(moov(0)) + 8
    return ftyp + moov(head) + box(b"mdat", *frames)


def npy(rows):
    head = str({"descr": "<f4", "fortran_order": False, "shape": (len(rows), len(rows[0]))})
    head = (head + " " * (-(10 + len(head) + 1) % 64) + "\n").encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head + b"".join(struct.pack(f"<{len(r)}f", *r) for r in rows)


def safetensors(tensors):
    table, data = {"__metadata__": {"format": "pt"}}, b""
    for name, shape in tensors.items():
        count = math.prod(shape)
        body = struct.pack(f"<{count}f", *(math.sin(n) / 10 for n in range(count)))
        table[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(body)]}
        data += body
    head = json.dumps(table, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    return struct.pack("<Q", len(head)) + head + data


def dictation(path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with wave.open(path, "wb") as w:
        w.setnchannels(1), w.setsampwidth(2), w.setframerate(8000)
        w.writeframes(b"".join(struct.pack("<h", int(9000 * math.sin(n / 8000 * 2 * math.pi * (180 + 40 * math.sin(n / 900)))))
                               for n in range(8000)))


def dicom(jpeg_path, path, **keys):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    words = [w for k, v in keys.items() for w in ("-k", f"{k}={v}")]
    run("img2dcm", "-q", *words, jpeg_path, path)


PEOPLE = [("4711", "Moreau^Camille", "1958-03-02", "radiology", "R91.1"), ("4712", "Okafor^Nneka", "1971-11-23", "cardiology", "I48.0"),
          ("4713", "Lindqvist^Arne", "1944-06-17", "radiology", "C34.1")]


def notes(folder):
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/admissions.csv", "w", newline="") as f:
        out = csv.writer(f)
        out.writerow(["patient", "name", "born", "ward", "icd10"])
        out.writerows(PEOPLE)
    put(f"{folder}/report-4711.json", (json.dumps({
        "resourceType": "DiagnosticReport", "id": "4711-1", "status": "final", "subject": {"reference": "Patient/4711"},
        "conclusion": "Nodule of 7 mm in the right upper lobe; control in three months."}, indent=2) + "\n").encode())
    database = f"{folder}/ward.sqlite"
    if os.path.exists(database):
        os.unlink(database)
    values = ",".join("('%s','%s','%s')" % (p[0], p[1], p[4]) for p in PEOPLE)
    run("sqlite3", database, "CREATE TABLE finding(patient TEXT PRIMARY KEY, name TEXT NOT NULL, icd10 TEXT NOT NULL);"
        f"INSERT INTO finding VALUES {values};")


def main(top):
    slices = [phantom(n) for n in range(6)]
    frames = [jpeg(s) for s in slices]
    study = f"{top}/scans/4711"
    first = put(f"{study}/overview.jpg", frames[0])
    put(f"{study}/overview.png", png(slices[0]))
    put(f"{study}/cine.mp4", mp4(frames, 10))
    for n in (1, 2):
        part = put(f"{top}/part.jpg", frames[n])
        dicom(part, f"{study}/slice-{n}.dcm", PatientName="Moreau^Camille", PatientID="4711", PatientBirthDate="19580302", PatientSex="F",
              StudyDescription="Head phantom", InstanceNumber=n)
        os.unlink(part)
    dicom(first, f"{top}/scans-deid/case-0001.dcm", PatientName="Case^0001", PatientID="0001", StudyDescription="Head phantom",
          PatientIdentityRemoved="YES")
    put(f"{top}/scans-deid/case-0001.png", png(slices[3]))
    notes(f"{top}/notes")
    dictation(f"{top}/voice/dictation-4711.wav")
    put(f"{top}/weights/nodule.safetensors", safetensors({"conv1.weight": [8, 1, 3, 3], "conv1.bias": [8], "head.weight": [2, 72]}))
    put(f"{top}/weights/embedding.npy", npy([[math.cos(r * c) for c in range(16)] for r in range(32)]))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: make_store.py DIR")
    main(sys.argv[1])
