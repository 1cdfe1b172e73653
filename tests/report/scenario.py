# SPDX-License-Identifier: Apache-2.0
"""Scenarios for make_log: two hours of a clinic, quiet and whole, or with everything in it that a report must find."""
import calendar, time

T = lambda text: calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%S"))
START, SINCE, UNTIL = "2026-11-02T07:50:00", "2026-11-02T08:00:00", "2026-11-02T10:00:00"
ALICE, BOB, CAROL, TRAIN, MIA = 1001, 1002, 1004, 901, 1007
LABEL = {"scans": 1, "notes": 2, "weights": 3}
CLASS = {"scans": "phi", "notes": "phi", "weights": "secret"}


class Scenario:
    def __init__(self, policy):
        self.lines, self.policy = [], policy

    def add(self, moment, kind, **fields):
        t = T(moment) if isinstance(moment, str) else moment
        self.lines.append((t, len(self.lines), "\t".join([kind, f"t={t}"] + [f"{k}={v}" for k, v in fields.items() if v is not None])))

    def raw(self, moment, line):
        self.lines.append((T(moment), len(self.lines), line))

    def access(self, moment, store="scans", verdict="allow", reason=None, need="read", uid=ALICE, login=ALICE, roles="radiologist", **more):
        deny = verdict == "deny"
        fields = dict(verdict=verdict, reason=reason or ("default" if verdict != "allow" else "rule"), need=need, store=store, label=LABEL[store],
                      uid=uid, login=login, roles=roles, rule=None if verdict != "allow" else "read", gen=1, path=f"/srv/ai/{store}/p1/a.dcm",
                      comm="viewer", dev=8388610, ino=4711, **{"class": CLASS[store]})
        fields.update(more)
        if deny:
            fields["rule"] = None
        self.add(moment, "access", **fields)

    def beats(self, begin, end, boot=1):
        for t in range(T(begin), T(end), 60):
            self.add(t, "heartbeat", boot=boot)

    def text(self):
        return f"policy\t{self.policy}\n" + "".join(line + "\n" for _, _, line in sorted(self.lines))


def clean():
    s = Scenario("tests/report/clinic.pw")
    s.add(START, "mode", event="daemon-started", note="polywardd 0.1.0")
    s.add(START, "policy", event="applied", gen=1, actor=0, actor_pid=10, note="clinic 7")
    s.beats(START, "2026-11-02T10:10:00")
    for i in range(40):
        s.access(T("2026-11-02T08:01:00") + 170 * i, path=f"/srv/ai/scans/p{i % 5}/a.dcm", ino=4700 + i % 5)
    s.access("2026-11-02T08:30:05", store="notes", need="write", rule="report", path="/srv/ai/notes/p1.txt", ino=99)
    s.access("2026-11-02T09:00:05", store="scans", uid=TRAIN, login=None, roles="trainer", rule="train", comm="train")
    s.access("2026-11-02T09:10:05", store="weights", verdict="deny", path="/srv/ai/weights/w.bin", rule=None)
    s.add("2026-11-02T09:20:07", "logread", event="log-opened", actor=CAROL, actor_pid=500)
    s.add("2026-11-02T10:05:00", "evidence", event="review", actor=CAROL, since=T(SINCE), until=T(UNTIL), note="nothing found", rows=44)
    return s.text()


def dirty():
    s = Scenario("tests/report/clinic.pw")
    s.add(START, "mode", event="daemon-started", note="polywardd 0.1.0")
    s.add(START, "policy", event="applied", gen=1, actor=0, actor_pid=10, note="clinic 7")
    s.beats(START, "2026-11-02T08:40:00")
    for i in range(25):
        s.access(T("2026-11-02T08:01:00") + 60 * i, path=f"/srv/ai/scans/p{i % 5}/a.dcm", ino=4700 + i % 5, count=1 + i % 3 if i % 3 else None)
    s.access("2026-11-02T08:10:05", roles=None, uid=BOB, login=BOB, rule="anybody", path="/srv/ai/scans/p1/b.dcm", ino=5000)    # no role
    s.access("2026-11-02T08:11:05", login=BOB, uid=ALICE)                                                                          # another login as alice
    s.access("2026-11-02T08:12:05", login=None, uid=MIA, path="/srv/ai/scans/p2/a.dcm")                                            # no login, no service
    s.access("2026-11-02T08:13:05", login=None, uid=TRAIN, roles="trainer", rule="train", comm="train")                             # a service
    s.access("2026-11-02T08:14:05", verdict="deny", need="write", uid=BOB, login=BOB, roles=None, path="/srv/ai/scans/p1/a.dcm")
    s.access("2026-11-02T08:15:05", verdict="deny", reason="internal", store="notes", path="/srv/ai/notes/p1.txt")
    s.add("2026-11-02T08:20:00", "gap", cpu=0, gap_first=45, gap_last=51)                                                           # seven lost events
    s.access("2026-11-02T08:26:05", need="read link", store="scans", store_to="notes", path="/srv/ai/scans/p3/a.dcm")
    # The heartbeat stops at 08:40: twenty minutes of silence, then a restart of the host, then a trial and an order to stop.
    s.add("2026-11-02T09:00:00", "mode", boot=2, event="daemon-started", note="polywardd 0.1.0")
    s.add("2026-11-02T09:00:01", "mode", boot=2, event="started", gen=1, note="the policy from before the restart is enforced")
    s.beats("2026-11-02T09:00:30", "2026-11-02T10:10:00", boot=2)
    s.raw("2026-11-02T09:10:00", "policy\ttests/report/clinic-trial.pw")
    s.add("2026-11-02T09:10:00", "policy", boot=2, event="applied", gen=2, actor=0, note="clinic 8")
    s.access("2026-11-02T09:12:05", store="weights", verdict="audit", need="write", uid=MIA, login=MIA, roles=None, gen=2, boot=2,
             path="/srv/ai/weights/w.bin", ino=6000)
    s.access("2026-11-02T09:13:05", store="weights", verdict="audit", need="read", uid=MIA, login=MIA, roles=None, gen=2, boot=2,
             path="/srv/ai/weights/w.bin", ino=6000)
    s.add("2026-11-02T09:30:00", "policy", boot=2, event="down", actor=0, note="")
    s.add("2026-11-02T09:35:00", "policy", boot=2, event="applied", gen=3, actor=0, note="clinic 8")
    s.add("2026-11-02T09:40:00", "evidence", boot=2, event="export", actor=CAROL, rows=60, query="polyward log export --syslog --to siem.example:601")
    s.access("2026-11-02T09:50:05", gen=3, boot=2, path="/srv/ai/scans/p4/a.dcm", ino=4704)
    return s.text()


def bare():
    """No login, no review, no reading, and nothing about a policy: what can be said is little."""
    s = Scenario("tests/report/clinic.pw")
    s.beats(START, "2026-11-02T09:30:00")
    s.access("2026-11-02T08:30:05")
    return s.text()


def erased():
    """As quiet as clean(), and then the daemon destroys the key of that month: its record bears today's date."""
    return clean() + "commit\nerase\tphi\t2026-11\n"
