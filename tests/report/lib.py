# SPDX-License-Identifier: Apache-2.0
"""What the tests of reports share: logs made by the real writer, reports about them, and TAP."""
import json, os, pathlib, re, shutil, subprocess, sys, tempfile

sys.dont_write_bytecode = True
here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here))
import scenario

SINCE, UNTIL = scenario.SINCE + "Z", scenario.UNTIL + "Z"
RANGE = ["--since", SINCE, "--until", UNTIL]


class Tests:
    def __init__(self, build):
        self.build = pathlib.Path(build).resolve()
        self.polyward, self.make_log = self.build / "polyward", self.build / "tests/report/make_log"
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="polyward-report-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None))
        self.count = self.failed = 0

    def case(self, name, wrong):
        wrong = [str(w) for w in (wrong or [])]
        self.count += 1
        for line in wrong[:12]:
            print(f"# {line}")
        print(f"{'not ok' if wrong else 'ok'} {self.count} - {name}")
        self.failed += bool(wrong)

    def same(self, name, got, want):
        self.case(name, [] if got == want else [f"expected {want!r}", f"got {got!r}"])

    def done(self):
        shutil.rmtree(self.root, ignore_errors=True)
        print(f"1..{self.count}")
        sys.exit(1 if self.failed else 0)

    def log(self, name, text):
        run = subprocess.run([self.make_log, self.root / name], input=text.encode(), cwd=here.parent.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        if run.returncode:
            print(f"# make_log {name}: {run.stdout.decode()}")
            self.case(f"make_log {name}", ["failed"])
            self.done()

    def run(self, *words):
        env = dict(os.environ, TZ="UTC", LC_ALL="C.UTF-8", ASAN_OPTIONS="detect_leaks=0")
        run = subprocess.run([os.fsencode(w if isinstance(w, (str, bytes)) else str(w)) for w in (self.polyward, *words)], cwd=self.root, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        return run.returncode, run.stdout.decode("utf-8", "surrogateescape"), run.stderr.decode("utf-8", "surrogateescape")

    def report(self, name, *words, keys=True, whole=False):
        """The words of a report about the log called name."""
        return self.run("report", *words, *([] if whole else RANGE), "--dir", f"{name}/records", *(["--keys", f"{name}/keys"] if keys else []))

    def json(self, name, *words, **more):
        status, out, err = self.report(name, *words, "--format", "json", **more)
        if status:
            self.case(f"report {' '.join(words)} of {name}", [f"status {status}", err])
            return {}
        return json.loads(out)

    def query(self, query):
        """The numbers of the records that a report's own query lists."""
        env = dict(os.environ, PATH=f"{self.build}:{os.environ['PATH']}", TZ="UTC", ASAN_OPTIONS="detect_leaks=0")
        run = subprocess.run(["bash", "-c", query + " | jq .seq"], cwd=self.root, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        if run.stderr:
            raise RuntimeError(run.stderr.decode())
        return [int(word) for word in run.stdout.split()]


def masked(text):
    """What differs from one run to the next: keys, roots, the program, the moment; and the samples, which follow from the root."""
    text = re.sub(r"\b[0-9a-f]{64}\b", "HASH", text)
    text = re.sub(r"[\w.-]+/polyward/[0-9a-f]{8}(\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+)?", "ORIGIN", text)
    text = re.sub(r"(Made +)\S+( by polyward )\S+", r"\1MOMENT\2VERSION", text)
    text = re.sub(r"Its age: [0-9.]+ days", "Its age: N days", text)
    text = re.sub(r"(?m)^( +sample: ).*(\n {22,}[0-9, ]+)*$", r"\1NUMBERS", text)
    return re.sub(r"(Left when this was\s+made:\s+)(overdue by \d+ h|\d+ d\s+\d+ h)", r"\1TIME", text)


def states(doc):
    return {c["id"]: c["state"] for c in doc.get("clauses", [])}
