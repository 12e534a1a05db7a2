# SPDX-License-Identifier: Apache-2.0
"""A string in many recorded sessions, by the index, against zstdgrep over the same text.

usage: scripts/bench search [SESSIONS [ROUNDS]]
"""

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
NEEDLE = "needle-4242"
START = 1767225600000
OUTPUTS, LINES, WORDS = 20, 10, 9
NOTE = (
    "Seconds to find one string, in one of the sessions (20 outputs of 10 lines each), with an index that is up to date, "
    "its check that nothing is new included; against `zstdgrep` over the same lines, a compressed file a session. "
    "`first`: the first search, which makes the index. `index`: its size, against the records'."
)


def ulid(n):
    return "".join(CROCKFORD[(START + n * 60000) >> 5 * i & 31] for i in range(9, -1, -1)) + f"{n:016d}"


def sessions(count, at, size):
    rnd = random.Random(at)
    vocabulary = [f"{rnd.getrandbits(28):x}" for _ in range(20000)]
    for n in range(at, at + size):
        lines = [" ".join(rnd.choice(vocabulary) for _ in range(WORDS)) for _ in range(OUTPUTS * LINES)]
        if n == count // 2:
            lines[100] = f"the {NEEDLE} is here"
        yield n, lines


def make(count, build, tree, texts):
    """Both sides of the same lines."""
    batch = 500
    for at in range(0, count, batch):
        listed = []
        for n, lines in sessions(count, at, min(batch, count - at)):
            events = [{"ms": 100 * i, "type": "output", "text": "".join(x + "\r\n" for x in lines[i * LINES:(i + 1) * LINES])}
                      for i in range(OUTPUTS)]
            listed.append({"id": ulid(n), "header": {"origin": {"user": "alice"}, "tty": True, "rows": 24, "cols": 120},
                           "manifest": {"state": "closed"}, "events": events})
            with open(f"{texts}/{n}", "w", encoding="ascii") as f:
                f.writelines(x + "\n" for x in lines)
        with open(f"{tree}.json", "w", encoding="ascii") as f:
            json.dump(listed, f)
        subprocess.run([build + "/tests/tools/make_record", f"{tree}.json", tree], check=True)
    os.unlink(f"{tree}.json")
    subprocess.run(["zstd", "-q", "-19", "--rm", "-r", texts], check=True)


def timed(argv):
    start = time.perf_counter()
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    took = time.perf_counter() - start
    if NEEDLE not in done.stdout:
        raise SystemExit(f"{argv[0]}: not found\n{done.stderr}")
    return took


def size_of(path):
    return int(subprocess.run(["du", "-sb", path], check=True, capture_output=True, text=True).stdout.split()[0])


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    build = os.environ["SP_BENCH_BUILD"]
    subprocess.run(["make", "-s", "-C", build, "cli/sallyport", "tests/tools/make_record"], check=True, stdout=sys.stderr)
    with tempfile.TemporaryDirectory() as top:
        tree, texts, index = top + "/tree", top + "/texts", top + "/index.db"
        os.mkdir(tree)
        os.mkdir(texts)
        make(count, build, tree, texts)
        ours = [build + "/cli/sallyport", "search", "--root", tree, "--index", index, NEEDLE]
        peer = ["sh", "-c", f"find {texts} -type f | xargs zstdgrep -F {NEEDLE}"]
        first = timed(ours)
        a = statistics.median(timed(ours) for _ in range(rounds))
        b = statistics.median(timed(peer) for _ in range(min(rounds, 3)))
        print(f"search: ours {a:.3f} s, zstdgrep {b:.3f} s, {b / a:.0f} times faster; the first search {first:.1f} s")
        print(json.dumps({"bench": "search", "unit": "s", "ours": round(a, 4), "peer": round(b, 3), "ratio": round(a / b, 5),
                          "runs": rounds, "sessions": count, "first": round(first, 2), "index": size_of(index),
                          "records": size_of(tree), "note": NOTE,
                          "reach_text": "≤ 0.02 (50 times faster)"}))


if __name__ == "__main__":
    main()
