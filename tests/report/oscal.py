# SPDX-License-Identifier: Apache-2.0
"""The part of NIST's JSON schema of OSCAL assessment-results 1.1.3 that polyward's documents use, as facts in our own arrangement: for each object its
required and its possible members, with the types and patterns of the published schema. What the schema allows and is not listed here (risks,
tasks, locations and so on) is refused, because polyward writes none of it. check(document) yields what is wrong.

The facts were compared, definition by definition, with the published complete schema of 1.1.3. Its file is not fetched, because nothing that a
package manager serves has it. Asked for on 2026-11-23: Debian 12 (apt-cache search oscal, openscap: OpenSCAP has the schemas of SCAP only); npm, for
`oscal`, the one name that public documentation gives (no such package is served, and the registry answers no search). The Python package `oscal` and the Go
module go-oscal do carry it, and neither index could be reached. Whoever has the file has it used beside the facts: make check-report OSCAL_SCHEMA=FILE."""
import json, os, re

import jsonschema

DAY = (r"(((2000|2400|2800|(19|2[0-9](0[48]|[2468][048]|[13579][26])))-02-29)|(((19|2[0-9])[0-9]{2})-02-(0[1-9]|1[0-9]|2[0-8]))|"
       r"(((19|2[0-9])[0-9]{2})-(0[13578]|10|12)-(0[1-9]|[12][0-9]|3[01]))|(((19|2[0-9])[0-9]{2})-(0[469]|11)-(0[1-9]|[12][0-9]|30)))")
ZONE = r"(Z|(-((0[0-9]|1[0-2]):00|0[39]:30)|\+((0[0-9]|1[0-4]):00|(0[34569]|10):30|(0[58]|12):45)))"
TYPES = {
    "uuid": {"type": "string", "pattern": "^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[45][0-9A-Fa-f]{3}-[89ABab][0-9A-Fa-f]{3}-[0-9A-Fa-f]{12}$"},
    "token": {"type": "string", "pattern": r"^(\p{L}|_)(\p{L}|\p{N}|[.\-_])*$"},
    "string": {"type": "string", "pattern": r"^\S(.*\S)?$"},
    "markup": {"type": "string"},
    "uri": {"type": "string", "pattern": r"^[a-zA-Z][a-zA-Z0-9+\-.]+:.+$"},
    "uri-reference": {"type": "string", "pattern": r"^[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]*$"},
    "date-time": {"type": "string", "pattern": rf"^{DAY}T(2[0-3]|[01][0-9]):([0-5][0-9]):([0-5][0-9])(\.[0-9]+)?{ZONE}$"},
    "party-type": {"enum": ["person", "organization"]},
    "target-type": {"enum": ["statement-id", "objective-id"]},
    "state": {"enum": ["satisfied", "not-satisfied"]},
}
# "name!" is required; "[type]" is a list with at least one of them.
OBJECTS = {
    "document": "assessment-results!:results-document",
    "results-document": "uuid!:uuid metadata!:metadata import-ap!:import-ap results!:[result] back-matter:back-matter",
    "metadata": "title!:markup last-modified!:date-time version!:string oscal-version!:string published:date-time props:[property] links:[link] roles:[role] "
                "parties:[party] responsible-parties:[responsible-party] remarks:markup",
    "role": "id!:token title!:markup short-name:string description:markup props:[property] links:[link] remarks:markup",
    "party": "uuid!:uuid type!:party-type name:string short-name:string props:[property] links:[link] remarks:markup",
    "responsible-party": "role-id!:token party-uuids!:[uuid] props:[property] links:[link] remarks:markup",
    "property": "name!:token value!:string uuid:uuid ns:uri class:token group:token remarks:markup",
    "link": "href!:uri-reference rel:token media-type:string resource-fragment:string text:markup",
    "import-ap": "href!:uri-reference remarks:markup",
    "result": "uuid!:uuid title!:markup description!:markup start!:date-time reviewed-controls!:reviewed-controls end:date-time props:[property] links:[link] "
              "observations:[observation] findings:[finding] remarks:markup",
    "reviewed-controls": "control-selections!:[control-selection] description:markup props:[property] links:[link] remarks:markup",
    "control-selection": "description:markup props:[property] links:[link] include-controls:[control] exclude-controls:[control] remarks:markup",
    "control": "control-id!:token statement-ids:[token]",
    "observation": "uuid!:uuid description!:markup methods!:[string] collected!:date-time title:markup props:[property] links:[link] types:[token] "
                   "relevant-evidence:[evidence] expires:date-time remarks:markup",
    "evidence": "description!:markup href:uri-reference props:[property] links:[link] remarks:markup",
    "finding": "uuid!:uuid title!:markup description!:markup target!:target props:[property] links:[link] implementation-statement-uuid:uuid "
               "related-observations:[related-observation] remarks:markup",
    "related-observation": "observation-uuid!:uuid",
    "target": "type!:target-type target-id!:token status!:status title:markup description:markup props:[property] links:[link] remarks:markup",
    "status": "state!:state reason:token remarks:markup",
    "back-matter": "resources:[resource]",
    "resource": "uuid!:uuid title:markup description:markup props:[property] remarks:markup",
}


def reference(word):
    if word.startswith("["):
        return {"type": "array", "minItems": 1, "items": reference(word[1:-1])}
    return {"$ref": f"#/definitions/{word}"}


def schema():
    definitions = dict(TYPES)
    for name, members in OBJECTS.items():
        pairs = [m.split(":", 1) for m in members.split()]
        definitions[name] = {"type": "object", "additionalProperties": False, "required": [k[:-1] for k, _ in pairs if k.endswith("!")],
                             "properties": {k.rstrip("!"): reference(t) for k, t in pairs}}
    return {"definitions": definitions, "$ref": "#/definitions/document"}


def python_pattern(pattern):
    """A pattern as ECMA-262 means it: letters and digits of all scripts by \p, and a $ that means the end and not also the newline before it."""
    return re.sub(r"(?<!\\)\$$", r"\\Z", pattern.replace(r"\p{L}", r"[^\W\d_]").replace(r"\p{N}", r"\d"))


def python_schema(value):
    if isinstance(value, dict):
        return {k: python_pattern(v) if k == "pattern" and isinstance(v, str) else python_schema(v) for k, v in value.items()}
    return [python_schema(v) for v in value] if isinstance(value, list) else value


def validators():
    """Our facts, and the published schema where somebody has it."""
    schemas = [schema()]
    if os.environ.get("OSCAL_SCHEMA"):
        with open(os.environ["OSCAL_SCHEMA"], encoding="utf-8") as f:
            schemas.append(json.load(f))
    return [jsonschema.Draft7Validator(python_schema(s)) for s in schemas]


def check(document):
    for validator in validators():
        for error in validator.iter_errors(document):
            yield f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
    if "assessment-results" in document:
        yield from references(document["assessment-results"])


def references(doc):
    """What a schema cannot say: identifiers are given once, and point to something that is there."""
    given, used = [], []

    def walk(value, key=""):
        if isinstance(value, dict):
            for k, v in value.items():
                (given.append(v) if k == "uuid" else used.append(v) if k == "observation-uuid" else used.extend(v) if k == "party-uuids" else
                 used.append(v[1:]) if k == "href" and str(v).startswith("#") else None)
                walk(v, k)
        elif isinstance(value, list):
            for v in value:
                walk(v, key)

    walk(doc)
    yield from (f"{u} is given twice" for u in {u for u in given if given.count(u) > 1})
    yield from (f"{u} is used and not given" for u in used if u not in given)
