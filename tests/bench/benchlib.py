# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: a bastion to measure on, medians, and the one JSON line at the end."""
import json
import os
import re
import statistics
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, TOP + "/tests/e2e")

import bastion as e2e  # noqa: E402 pylint: disable=wrong-import-position

POLICY = e2e.POLICY_YAML.replace("    durability: process\n", "    durability: process\n    tools: [psql, pgbench]\n")
PGBENCH = e2e.PG_BIN + "/pgbench"


def say(text):
    print(text, flush=True)


def report(bench, unit, ours, peer, runs, **more):
    """The last line. ours and peer are medians, ratio is ours / peer."""
    line = {"bench": bench, "unit": unit, "ours": round(ours, 3), "peer": round(peer, 3),
            "ratio": round(ours / peer, 3) if peer else None, "runs": runs}
    line.update(more)
    print(json.dumps(line), flush=True)


def open_bastion(**kwargs):
    kwargs.setdefault("policy", POLICY)
    return e2e.Bastion(audit=kwargs.pop("audit", False), say=say, **kwargs)


def masking_is_on(b):
    """Measured with masking off it would be worth nothing: a card number that the server sends must not arrive."""
    card = e2e.CUSTOMERS[0][4]
    shown = b.psql("alice", f"select 'card ' || {card}").stdout
    if card in shown or "card" not in shown:
        raise SystemExit("masking is off: " + shown)


def median(values):
    return statistics.median(values)


def spread(values):
    return f"{min(values):.1f} / {median(values):.1f} / {max(values):.1f}"


def tps(text):
    found = re.search(r"^tps = ([0-9.]+)", text, re.M)
    if not found:
        raise SystemExit("pgbench printed no result:\n" + text)
    return float(found.group(1))


def timed(argv, **kwargs):
    """Seconds of wall time of one command, which must succeed."""
    start = time.perf_counter()
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
                          **kwargs)
    took = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{argv[-1]}: exit {done.returncode}\n{done.stderr.decode('utf-8', 'replace')}")
    return took
