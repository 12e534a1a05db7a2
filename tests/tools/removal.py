#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: tests/tools/removal.py --build BUILD [WORD…] | --look

Takes each check of tests/attacks/removals.txt out of a copy of the source, in turn, and runs the test that must then fail.
BUILD: where this source was configured and built (out of its tree); it is not changed. With words, only the lines that have
one of them. Slow (a compiler run for each line), so no part of `make check`. --look only looks whether each check still
stands in its file, and once: `scripts/test lint` does.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
TABLE = TOP / "tests/attacks/removals.txt"


def rows(words):
    for number, line in enumerate(TABLE.read_text(encoding="utf-8").splitlines(), 1):
        if not line or line.startswith("#") or words and not any(w in line for w in words):
            continue
        path, old, new, test = line.split("\t")
        yield number, path, *(x.replace("\\n", "\n").replace("\\t", "\t") for x in (old, new)), test


class Copy:
    """The source and a build of it, to be altered."""

    def __init__(self, base, build):
        self.source, self.build = base / "src", base / "build"
        shutil.copytree(TOP, self.source, ignore=shutil.ignore_patterns(".git", "node_modules", "corpus", "build"))
        subprocess.run(["cp", "-a", build, self.build], check=True)

    def make(self, target):
        where = [f"{name}={self.source}" for name in ("srcdir", "top_srcdir", "abs_top_srcdir", "VPATH")]
        return subprocess.run(["make", "-s", "-C", self.build, *where, "CFLAGS=-O1 -w", target], capture_output=True, text=True,
                              check=False)

    def run(self, test):
        """What a test says: None when it passes."""
        env = {**os.environ, "SP_TESTS_SRC": str(self.source / "tests"), "srcdir": str(self.source)}
        try:
            done = subprocess.run([self.build / test], cwd=self.build, env=env, capture_output=True, text=True, timeout=120,
                                  errors="replace", check=False)
        except subprocess.TimeoutExpired:
            return "it hangs"
        said = (done.stdout + done.stderr).splitlines()
        failed = [x.split()[-1] for x in said if x.startswith("[  FAILED  ]") and "test(s)" not in x]
        return None if done.returncode == 0 else ", ".join(dict.fromkeys(failed)) or f"status {done.returncode}"


def trial(copy, path, old, new, test):
    """'' when the test notices, else what is wrong; and what noticed."""
    text = (copy.source / path).read_text(encoding="utf-8")
    if text.count(old) != 1:
        return f"it stands there {text.count(old)} times", ""
    (copy.source / path).write_text(text.replace(old, new), encoding="utf-8")
    try:
        made = copy.make(test)
        if made.returncode:
            return "it does not build: " + made.stderr.strip()[-300:], ""
        said = copy.run(test)
    finally:
        (copy.source / path).write_text(text, encoding="utf-8")
    return ("nothing notices" if said is None else ""), said


def look():
    stale = [(number, path, old) for number, path, old, _, test in rows([])
             if (TOP / path).read_text(encoding="utf-8").count(old) != 1 or not list(TOP.glob(test + ".*"))]
    for number, path, old in stale:
        print(f"{TABLE.relative_to(TOP)}:{number}: {path} does not have it once, or its test is not there: {' '.join(old.split())}")
    return 1 if stale else 0


def main():
    if sys.argv[1:] == ["--look"]:
        return look()
    if len(sys.argv) < 3 or sys.argv[1] != "--build":
        sys.exit(__doc__.strip().splitlines()[0])
    todo = list(rows(sys.argv[3:]))
    failed = 0
    with tempfile.TemporaryDirectory(prefix="sp-removal-") as base:
        copy = Copy(pathlib.Path(base), pathlib.Path(sys.argv[2]).resolve())
        for test in dict.fromkeys(test for *_, test in todo):
            made = copy.make(test)
            said = made.stderr if made.returncode else copy.run(test)
            if said is not None:
                sys.exit(f"{test} fails as it is: {said}")
        for number, path, old, new, test in todo:
            wrong, said = trial(copy, path, old, new, test)
            failed += wrong != ""
            print(f"{'not ok' if wrong else 'ok'} line {number}, {path}: {' '.join(old.split())}: {wrong or said}", flush=True)
    print(f"{len(todo)} checks taken out, {failed} that nothing would miss")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
