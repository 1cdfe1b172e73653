#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Usage: validate.py [FILE]   Check OCSF events, one JSON object a line, against the facts in ocsf-1.9.0.txt: required attributes, types,
values of enumerations, type_uid = class_uid * 100 + activity_id, profiles, "at least one of", the source's own word beside every "other", and
no attribute that the class or object does not have. Prints what is wrong; status 1 if something is.

The published schema itself is not fetched, because nothing that a package manager serves has it. Asked for on 2026-11-23: Debian 12 (apt-cache search
ocsf: nothing); npm, for `ocsf-types` and `@iamthemcmaster/ocsf`, the names that public documentation gives (neither is served, the registry answers no
search). By their documentation the Python package ocsf-toolkit and the .NET package Ocsf.Validation carry 1.9.0: the Python index could not be reached, and
Debian 12 has no .NET. The facts on attestation and file_activity were compared with the schema's own sources."""
import json, os, re, sys

sys.dont_write_bytecode = True
FACTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ocsf-1.9.0.txt")
DATETIME = re.compile(r"^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?([Zz]|[+-]\d\d:\d\d)?$")


class Item:
    def __init__(self, name):
        self.name, self.attributes, self.any = name, {}, []


def facts(path=FACTS):
    common, classes, objects, profiles, now = Item("common"), {}, {}, set(), None
    for line in open(path, encoding="utf-8"):
        words = line.split()
        if not words or words[0] == "#" or line.startswith("#"):
            continue
        if words == ["common"]:
            now = common
        elif words[0] == "class" and len(words) == 4:
            now = classes[int(words[1])] = Item(words[3])
            now.category = int(words[2])
        elif words[0] == "object" and len(words) == 2:
            now = objects[words[1]] = Item(words[1])
        elif words == ["profiles"]:
            now = profiles
        elif now is profiles:
            profiles.update(words)
        elif words[0] == "any":
            now.any.append(words[1:])
        else:
            attribute = {"type": words[1], "requirement": words[2], "profile": None, "sibling": None, "values": None}
            for i, word in enumerate(words[3:], 3):
                if word[0] == "@":
                    attribute["profile"] = word[1:]
                elif word[0] == "~":
                    attribute["sibling"] = word[1:]
                elif word == "=":
                    attribute["values"] = {int(w) for w in words[i + 1:]}
                    break
            if words[0] in now.attributes:
                raise ValueError(f"{now.name}.{words[0]} stands twice")
            now.attributes[words[0]] = attribute
    for item in classes.values():
        item.attributes = {**common.attributes, **item.attributes}
    return classes, objects, profiles


CLASSES, OBJECTS, PROFILES = facts()


def check_scalar(where, value, attribute):
    kind = attribute["type"].rstrip("[]")
    good = {"s": lambda: isinstance(value, str), "i": lambda: type(value) is int and -2**63 <= value < 2**63,
            "l": lambda: type(value) is int and -2**127 <= value < 2**127, "t": lambda: type(value) is int and -2**127 <= value < 2**127,
            "b": lambda: type(value) is bool, "d": lambda: isinstance(value, str) and DATETIME.match(value), "j": lambda: True}[kind]
    if not good():
        yield f"{where}: {value!r} is not of type {kind}"
    elif attribute["values"] is not None and value not in attribute["values"]:
        yield f"{where}: {value!r} is none of its values"


def check_value(where, value, attribute, profiles):
    kind = attribute["type"]
    if kind.endswith("[]"):
        if not isinstance(value, list) or not value:
            yield f"{where}: an array with something in it is needed"
            return
        values = [(f"{where}[{i}]", v) for i, v in enumerate(value)]
    else:
        values = [(where, value)]
    for place, v in values:
        if kind.startswith("o:"):
            name = kind[2:].rstrip("[]")
            if name not in OBJECTS:
                yield f"{place}: object {name} is not described in {os.path.basename(FACTS)}; polyward is not to send it"
            elif not isinstance(v, dict):
                yield f"{place}: {v!r} is not an object"
            else:
                yield from check_item(place, v, OBJECTS[name], profiles)
        else:
            yield from check_scalar(place, v, attribute)


def check_item(where, value, item, profiles):
    for name, v in value.items():
        attribute = item.attributes.get(name)
        if not attribute:
            yield f"{where}: {item.name} has no attribute {name}"
        elif attribute["profile"] and attribute["profile"] not in profiles:
            yield f"{where}: {name} belongs to profile {attribute['profile']}, which is not named"
        else:
            yield from check_value(f"{where}.{name}", v, attribute, profiles)
            if v == 99 and attribute["sibling"] and not value.get(attribute["sibling"]):
                yield f"{where}: {name} is 99 and {attribute['sibling']} does not say what"
    for name, attribute in item.attributes.items():
        if attribute["requirement"] == "r" and name not in value and (not attribute["profile"] or attribute["profile"] in profiles):
            yield f"{where}: {item.name} needs {name}"
    for names in item.any:
        if not any(n in value for n in names):
            yield f"{where}: {item.name} needs one of {', '.join(names)}"


def check_event(event):
    if not isinstance(event, dict) or event.get("class_uid") not in CLASSES:
        yield f"no event of a class that is described: {str(event)[:80]}"
        return
    item = CLASSES[event["class_uid"]]
    profiles = (event.get("metadata") or {}).get("profiles") or []
    for profile in profiles:
        if profile not in PROFILES:
            yield f"metadata.profiles: there is no profile {profile}"
    yield from check_item(item.name, event, item, set(profiles))
    if event.get("type_uid") != event["class_uid"] * 100 + event.get("activity_id", -1):
        yield f"type_uid {event.get('type_uid')} is not class_uid * 100 + activity_id"
    if event.get("category_uid") != item.category:
        yield f"category_uid {event.get('category_uid')} is not that of class {event['class_uid']}"
    if (event.get("metadata") or {}).get("version") != "1.9.0":
        yield "metadata.version is not 1.9.0"


def no_duplicates(pairs):
    keys = [k for k, _ in pairs]
    if len(keys) != len(set(keys)):
        raise ValueError(f"a key stands twice: {[k for k in keys if keys.count(k) > 1][0]}")
    return dict(pairs)


def check_lines(lines):
    """Problems of a stream of lines, and how many events of which class were seen."""
    seen, problems = {}, []
    for number, line in enumerate(lines, 1):
        try:
            event = json.loads(line, object_pairs_hook=no_duplicates)
        except ValueError as why:
            problems.append(f"line {number}: {why}")
            continue
        problems += [f"line {number}: {p}" for p in check_event(event)]
        if isinstance(event, dict):
            seen[event.get("class_uid")] = seen.get(event.get("class_uid"), 0) + 1
    return problems, seen


if __name__ == "__main__":
    found, counts = check_lines(open(sys.argv[1], encoding="utf-8") if len(sys.argv) > 1 else sys.stdin)
    for problem in found:
        print(problem)
    print(f"{sum(counts.values())} events: {', '.join(f'{n} of class {c}' for c, n in sorted(counts.items(), key=str))}", file=sys.stderr)
    sys.exit(1 if found or not counts else 0)
