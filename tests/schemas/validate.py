#!/usr/bin/env python3
"""Holds a report against its schema: validate.py SCHEMA REPORT"""
import json
import sys

import jsonschema


def main() -> int:
    schema_file, report_file = sys.argv[1:]
    with open(schema_file, encoding="utf-8") as file:
        schema = json.load(file)
    with open(report_file, encoding="utf-8") as file:
        report = json.load(file)
    validator = jsonschema.validators.validator_for(schema)
    validator.check_schema(schema)
    errors = sorted(validator(schema).iter_errors(report), key=lambda error: list(error.path))
    for error in errors:
        print(f"{'/'.join(map(str, error.path)) or 'report'}: {error.message}")
    return 1 if errors else 0


sys.exit(main())
