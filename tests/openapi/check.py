#!/usr/bin/env python3
"""Holds what was said to Stibee, and what it answered, against the shapes of its OpenAPI document.

    check.py [--expect OPERATION,…] DOCUMENT RECORDING…

A recording has one call a line, as `stibee-sim --record` writes it. The validator is python3-jsonschema, which knows
nothing of this project; the document is read as it is. Requests are checked more strictly than the document asks:
a member that it does not name is an error, since it is most likely misspelt. Answers are checked where they ought to
be documented ones, so not those of injected faults, nor of anything whose answer nobody knows.

Exit code: 0 all is as documented, 1 something is not, 64 usage, 77 the validator is not installed.
"""
import argparse
import collections
import json
import re
import sys
import urllib.parse

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"skipped: {missing.name} is not installed (Debian: python3-jsonschema, python3-yaml)")
    sys.exit(77)

METHODS = ("get", "put", "post", "delete", "patch")
# Told in the document's introduction, but not as an operation.
IN_WORDS_ONLY = {("GET", "/auth-check")}
# The introduction gives every refused request this status and shape, also where the operation does not list it.
REFUSED, REFUSAL = 400, {"$ref": "#/components/schemas/ErrorResponse"}
# Of one operation and status, so that an import of a million people is checked in seconds.
MOST_CALLS, MOST_BYTES = 300, 20_000_000


def as_json_schema(node, strict):
    """OpenAPI 3.0's dialect in the words of JSON Schema draft 4."""
    if isinstance(node, list):
        return [as_json_schema(item, strict) for item in node]
    if not isinstance(node, dict):
        return node
    out = {}
    for key, value in node.items():
        if key == "properties":
            out[key] = {name: as_json_schema(schema, strict) for name, schema in value.items()}
        elif key in ("enum", "required"):
            out[key] = list(value)
        elif key not in ("description", "example", "examples", "default", "nullable"):
            out[key] = as_json_schema(value, strict)
    if node.get("nullable"):
        if "type" in out:
            out["type"] = [out["type"], "null"]
        if "enum" in out:
            out["enum"].append(None)
    if strict and "properties" in out:
        out.setdefault("additionalProperties", False)
    return out


class Document:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.tree = yaml.safe_load(file)
        schemas = self.tree.get("components", {}).get("schemas", {})
        self.schemas = {
            strict: {"schemas": {name: as_json_schema(schema, strict) for name, schema in schemas.items()}}
            for strict in (False, True)
        }
        self.operations = []  # (parameters in the path, method, pattern, operation, parameters)
        for template, item in self.tree["paths"].items():
            names = re.findall(r"\{([^}]+)\}", template)
            pattern = re.compile(re.sub(r"\\\{[^}]+\\\}", "([^/]+)", re.escape(template)))
            for method in METHODS:
                if method in item:
                    operation = item[method]
                    parameters = [self.resolved(p) for p in item.get("parameters", []) + operation.get("parameters", [])]
                    self.operations.append((names, method.upper(), pattern, operation, parameters))
        # What is spelt out goes before what is filled in.
        self.operations.sort(key=lambda entry: len(entry[0]))

    def resolved(self, node):
        while "$ref" in node:
            target = self.tree
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part.replace("~1", "/").replace("~0", "~")]
            node = target
        return node

    def find(self, method, path):
        for names, known_method, pattern, operation, parameters in self.operations:
            match = pattern.fullmatch(path)
            if match and known_method == method:
                return operation, parameters, dict(zip(names, match.groups()))
        return None

    def complaints(self, schema, value, strict=False):
        whole = {"allOf": [as_json_schema(schema, strict)], "components": self.schemas[strict]}
        validator = jsonschema.Draft4Validator(whole, format_checker=jsonschema.FormatChecker())
        for error in validator.iter_errors(value):
            where = "/".join(str(part) for part in error.absolute_path) or "the whole"
            yield f"{where}: {error.message[:300]}"


def media_type(text):
    return text.split(";")[0].strip().lower()


def parsed(text):
    try:
        return json.loads(text), None
    except ValueError as error:
        return None, str(error)


def check_parameters(document, parameters, in_path, query):
    given = {("path", name): urllib.parse.unquote(value, errors="strict") for name, value in in_path.items()}
    for name, value in urllib.parse.parse_qsl(query, keep_blank_values=True):
        if ("query", name) in given:
            yield f"the parameter {name} is given twice"
        given["query", name] = value
    for parameter in parameters:
        value = given.pop((parameter["in"], parameter["name"]), None)
        if value is None:
            if parameter.get("required"):
                yield f"the parameter {parameter['name']} is missing"
            continue
        schema = parameter.get("schema", {})
        if document.resolved(schema).get("type") in ("integer", "number", "boolean"):
            value, error = parsed(value)
            if error:
                yield f"the parameter {parameter['name']} is no {schema['type']}"
                continue
        for complaint in document.complaints(schema, value):
            yield f"the parameter {parameter['name']}: {complaint}"
    for _, name in given:
        yield f"the parameter {name} is not in the document"


def check_request(document, operation, parameters, in_path, query, call):
    yield from check_parameters(document, parameters, in_path, query)
    if "requestBody" not in operation:
        if call["request"]:
            yield "a body, and the document has none"
        return
    content = document.resolved(operation["requestBody"])["content"]
    kind = media_type(call["request_type"])
    if kind not in content:
        yield f"the body is {kind or 'of no type'}, and should be {', '.join(content)}"
        return
    body, error = parsed(call["request"])
    if error:
        yield f"the body is no JSON: {error}"
        return
    yield from document.complaints(content[kind].get("schema", {}), body, strict=True)


def check_answer(document, operation, call):
    responses = operation["responses"]
    status = call["status"]
    found = responses.get(str(status), responses.get(status, responses.get("default")))
    contents = [document.resolved(found).get("content", {})] if found else []
    if status == REFUSED:
        contents.append({"application/json": {"schema": REFUSAL}})
    if not contents:
        yield f"the status {status} is not in the document"
        return
    kind = media_type(call["response_type"])
    candidates = [content[kind] for content in contents if kind in content]
    if not candidates:
        if call["response"] or any(contents):
            yield f"the answer is {kind or 'of no type'}, and should be " + " or ".join(c for d in contents for c in d)
        return
    value, error = (call["response"], None) if kind == "text/plain" else parsed(call["response"])
    if error:
        yield f"the answer is no JSON: {error}"
        return
    complaints = [list(document.complaints(candidate.get("schema", {}), value)) for candidate in candidates]
    yield from min(complaints, key=len)


def main():
    arguments = argparse.ArgumentParser(usage=__doc__.splitlines()[2].strip())
    arguments.add_argument("--expect", default="", help="operations that must have been used, with an answer 2xx")
    arguments.add_argument("document")
    arguments.add_argument("recordings", nargs="+")
    try:
        given = arguments.parse_args()
    except SystemExit as wrong:
        sys.exit(64 if wrong.code else 0)
    document = Document(given.document)
    seen = collections.Counter()
    size = collections.Counter()
    answers = 0
    findings = []

    def calls():
        for recording in given.recordings:
            with open(recording, encoding="utf-8") as file:
                for number, line in enumerate(file, 1):
                    if line.strip():
                        yield f"{recording}:{number}", json.loads(line)

    for place, call in calls():
        path, _, query = call["target"].partition("?")
        what = f"{place}: {call['method']} {path}"
        if (call["method"], path) in IN_WORDS_ONLY:
            seen[call["method"] + " " + path, call["status"]] += 1
            continue
        found = document.find(call["method"], path)
        if found is None:
            findings.append(f"{what}: no such operation in the document")
            continue
        operation, parameters, in_path = found
        key = operation["operationId"], call["status"]
        seen[key] += 1
        size[key] += len(call["request"]) + len(call["response"])
        if seen[key] > MOST_CALLS or size[key] > MOST_BYTES:
            continue
        for complaint in check_request(document, operation, parameters, in_path, query, call):
            findings.append(f"{what}: request: {complaint}")
        if not call["deviation"]:
            answers += 1
            for complaint in check_answer(document, operation, call):
                findings.append(f"{what}: answer {call['status']}: {complaint}")

    succeeded = {name for name, status in seen if 200 <= status < 300}
    for name in filter(None, given.expect.split(",")):
        if name not in succeeded:
            findings.append(f"{name} was never used with success")
    for (name, status), count in sorted(seen.items()):
        print(f"{name} {status}: {count}")
    print(f"{sum(seen.values())} calls, {answers} answers checked, {len(findings)} findings")
    for finding in findings[:50]:
        print(finding)
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
