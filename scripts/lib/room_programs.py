"""How build/release compiles the rooms and links their unit tests: for programs made of other objects of a room."""

import json
import os
import shlex
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build/release"
PURE_ROOMS = ("ledger", "diff", "delivery")


def build_tests(rooms):
    subprocess.run(["scripts/build", "--configure-only"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    # By the preset, whose environment ccache needs.
    subprocess.run(["cmake", "--build", "--preset", "release", "-j", str(os.cpu_count()), "--target",
                    *[f"{room}_test" for room in rooms]], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def sources(room):
    return [str(file.relative_to(ROOT)) for file in sorted((ROOT / "src" / room).glob("*.cpp"))]


class Commands:
    def __init__(self):
        self.compile = {entry["file"]: shlex.split(entry["command"])
                        for entry in json.loads((BUILD / "compile_commands.json").read_text())}
        self.links = {}

    def compiler(self, path):
        """The compiler and its flags for this source, without optimisation, warnings and names of files."""
        words = self.compile[str(ROOT / path)]
        dropped = ("ccache", "/usr/bin/ccache", "-O", "-W", "-D_FORTIFY", "-ffile-prefix-map")
        return [word for word in words[:words.index("-o")] if not word.startswith(dropped)] + ["-O0", "-w"]

    def link(self, target, program, objects):
        """Links the target's program anew: what `objects` define is not taken from the libraries."""
        if target not in self.links:
            lines = subprocess.run(["ninja", "-C", BUILD, "-t", "commands", target], check=True, text=True,
                                   capture_output=True).stdout.strip().split("\n")
            self.links[target] = [word for word in shlex.split(lines[-1]) if word not in (":", "&&")]
        words = self.links[target]
        out = words.index("-o")
        # First: of inline functions, too, theirs are taken and not those of the tests.
        return [words[0], *map(str, objects), *words[1:out], "-o", str(program), *words[out + 2:]]
