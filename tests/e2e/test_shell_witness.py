# SPDX-License-Identifier: Apache-2.0
"""policy/shell.h against real shells: what a line runs was on its list of commands, or the line was unresolved."""
import os
import random
import re
from pathlib import Path

import pytest
import shellwitness as sw

BUILD = Path(os.environ.get("SALLYPORT_BUILD", Path(__file__).resolve().parents[2] / "build" / "dev"))
FACTS, WITNESS = str(BUILD / "tests/unit/shell_facts"), str(BUILD / "tests/unit/shell_witness")
CORPUS = Path(__file__).resolve().parents[1] / "attacks" / "argv"
# The seed is in the name of a failure; more lines with SP_WITNESS_LINES.
SEED, LINES = int(os.environ.get("SP_WITNESS_SEED", "1")), int(os.environ.get("SP_WITNESS_LINES", "1500"))
ESCAPES = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"\\": b"\\"}

pytestmark = pytest.mark.skipif(not os.path.exists(FACTS) or not os.path.exists(WITNESS),
                                reason="needs the check programs of a build (make check)")


def corpus():
    lines = []
    for name in ("evasions.txt", "harmless.txt", "unclear.txt"):
        for text in (CORPUS / name).read_text().splitlines():
            if not text or text[0] == "#" or re.search(r"\{\d+\*", text):
                continue
            line = re.sub(rb"\\(n|t|r|\\|x[0-9a-f]{2})", lambda m: ESCAPES.get(m[1]) or bytes([int(m[1][1:], 16)]),
                          text.split("|", 1)[1][1:].encode())
            if b"\0" not in line:
                lines.append(line)
    return lines


def wrong(shell, lines, facts):
    witness = sw.Witness(shell, WITNESS)
    try:
        ran = witness.run(lines)
    finally:
        witness.close()
    # A witness that sees nothing proves nothing.
    assert sum(len(r or []) for r in ran) > len(lines) / 3
    return [(line, sw.unexplained(f, r)) for line, f, r in zip(lines, facts, ran) if sw.unexplained(f, r)]


@pytest.mark.parametrize("shell", sw.shells())
def test_corpus(shell):
    lines = corpus()
    facts = sw.facts(FACTS, lines)
    assert len(lines) > 500 and sum(not f["reasons"] for f in facts) > 250
    assert wrong(shell, lines, facts) == []


@pytest.mark.parametrize("shell", sw.shells())
def test_chance(shell):
    lines = list(sw.chance(random.Random(SEED), corpus(), LINES))
    known = [(line, f) for line, f in zip(lines, sw.facts(FACTS, lines)) if not f["reasons"] and not f["refused"]]
    assert len(known) > LINES / 10
    assert wrong(shell, [line for line, _ in known], [f for _, f in known]) == []


def test_witness_sees():
    """The check itself: a list that leaves something out is found."""
    line = b"ls | xargs rm"
    facts = sw.facts(FACTS, [line])
    facts[0]["commands"] = [c for c in facts[0]["commands"] if c["words"][0]["text"] != "rm"]
    assert wrong("dash", [line], facts) != []
