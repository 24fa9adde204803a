#!/usr/bin/env python3
"""Holds the commands that the documents show to what the program has: commands_test.py PROGRAM CHECKOUT

Every `stibee-syncd …` in README and docs, in code or between backticks, must name a command of the program, and each of its
options must be in that command's --help. That they work is tested where they are typed (tests/integration/systemd).
"""
import pathlib
import re
import subprocess
import sys

# Not the unit, as in `journalctl -u stibee-syncd -f`.
COMMAND = re.compile(r"(?<![\w/.-])(?<!-u )stibee-syncd((?: +(?:--?[a-z][\w-]*|[\w./@:$%<>=…-]+))+)")


def snippets(text):
    """Lines of code blocks, and what stands between backticks."""
    in_block = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            in_block = not in_block
        elif in_block:
            yield number, line.split("  #")[0]
        else:
            for span in re.findall(r"`([^`]+)`", line):
                yield number, span


class Program:
    def __init__(self, path):
        self.path = path
        self.known = {}

    def help_of(self, words):
        """The help of a command; None if there is none."""
        key = tuple(words)
        if key not in self.known:
            done = subprocess.run([self.path, *words, "--help"], capture_output=True, text=True, check=False)
            self.known[key] = done.stdout if done.returncode == 0 else None
        return self.known[key]


def problem_of(program, words):
    """What is wrong with the words after the program's name; None: nothing."""
    options = [word.split("=")[0] for word in words if word.startswith("--")]
    plain = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word.startswith("-"):
            skip = word in ("--config",)
        else:
            plain.append(word)
    if not plain:
        return None
    if program.help_of(plain[:1]) is None:
        return f"no command `{plain[0]}`"
    depth = 1
    if len(plain) > 1 and re.search(rf"^  {re.escape(plain[1])}\b", program.help_of(plain[:1]), re.M):
        depth = 2
    shown = program.help_of(plain[:depth]) + program.help_of(plain[:1]) + program.help_of([])
    for option in options:
        if not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", shown):
            return f"`{' '.join(plain[:depth])}` has no option {option}"
    return None


def main():
    program = Program(sys.argv[1])
    checkout = pathlib.Path(sys.argv[2])
    files = [*checkout.glob("README*.md"), *checkout.glob("docs/**/*.md")]
    seen = 0
    wrong = []
    for file in sorted(files):
        for number, code in snippets(file.read_text(encoding="utf-8")):
            for found in COMMAND.finditer(code):
                seen += 1
                words = found.group(1).split()
                problem = problem_of(program, words)
                if problem:
                    wrong.append(f"{file.relative_to(checkout)}:{number}: stibee-syncd {' '.join(words)}: {problem}")
    print("\n".join(wrong))
    print(f"{seen} commands in {len(files)} documents, {len(wrong)} wrong")
    return 0 if seen > 100 and not wrong else 1


sys.exit(main())
