# SPDX-License-Identifier: Apache-2.0
"""TAP for the lint programs: a case is a name and a list of complaints; none is a pass. Not a program."""
import sys


class Tap:
    def __init__(self):
        self.cases = []

    def case(self, name, complaints, skip=None):
        said = []
        try:
            for line in complaints:
                said.append(line)
        except Exception as problem:  # a check that cannot look has not passed
            said.append(f"the check itself ended: {problem!r}")
        self.cases.append((name, said, skip))

    def done(self):
        bad = 0
        print(f"1..{len(self.cases)}")
        for number, (name, complaints, skip) in enumerate(self.cases, 1):
            for line in complaints:
                print("#", line)
            bad += bool(complaints)
            print(("not ok" if complaints else "ok"), number, "-", name + (f" # SKIP {skip}" if skip else ""))
        sys.exit(1 if bad else 0)
