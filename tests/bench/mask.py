# SPDX-License-Identifier: Apache-2.0
"""The redactor's MB/s on text, rows and dense text against a bare vectorscan scan with start offsets.

usage: scripts/bench mask [ROUNDS]
"""

import json
import os
import subprocess
import sys

NOTE = (
    "MB/s of finding, validating and replacing all built-in detectors' values, against `hs_scan` of the same patterns "
    "with `HS_FLAG_SOM_LEFTMOST`, which only reports them. `text`: log lines and prose, a value to mask in about 4 KiB; "
    "`rows`: DataRow cells in 64 KiB batches (`sp_mask_cells`), one in 200 rows; `dense`: a value every 30 bytes. "
    "The figures of the whole are those of the weaker of `text` and `rows`."
)


def main():
    rounds = sys.argv[1] if len(sys.argv) > 1 else "9"
    build = os.environ["SP_BENCH_BUILD"]
    program = "tests/bench/mask_bench"
    subprocess.run(["make", "-s", "-C", build, program], check=True, stdout=sys.stderr)
    out = subprocess.run([os.path.join(build, program), rounds], check=True, stdout=subprocess.PIPE, text=True).stdout
    parts = json.loads(out)
    for part in parts:
        print(f"{part['name']}: ours {part['ours']:.0f} MB/s, vectorscan {part['peer']:.0f} MB/s, "
              f"ratio {part['ratio']:.2f} (to reach {part['reach']})")
    weakest = min((p for p in parts if p["name"] != "dense"), key=lambda p: p["ratio"])
    print(json.dumps({
        "bench": "mask", "unit": "MB/s", "ours": weakest["ours"], "peer": weakest["peer"], "ratio": weakest["ratio"],
        "runs": int(rounds), "parts": parts, "note": NOTE,
    }))


if __name__ == "__main__":
    main()
