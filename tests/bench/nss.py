# SPDX-License-Identifier: Apache-2.0
"""Lookups of people a second by libnss_sallyport, against libc's own files, by the C library's own calls.

usage: scripts/bench nss [SECONDS [ROUNDS]]      as root: it looks people up in a mount namespace of its own
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile

SIZES = (1000, 100000, 1000000)
KINDS = {"pwnam": "getpwnam", "initgroups": "initgroups"}
NOTE = (
    "Lookups a second of a person by chance, by `getpwnam` and by `getgrouplist` (which `initgroups` is), of 100,000 people in "
    "three groups each; against the same people in /etc/passwd and /etc/group (`files`). Without nscd on either side. "
    "`1,000,000`: a million people, against ourselves with a thousand: it is to be flat."
)
SETUP = """set -e
mount -t tmpfs tmpfs /var/lib/sallyport
cp "$1/people" /var/lib/sallyport/people && chmod 644 /var/lib/sallyport/people
printf 'passwd: %s\\ngroup: %s\\n' "$2" "$2" >"$1/nsswitch.$2"
mount --bind "$1/nsswitch.$2" /etc/nsswitch.conf
if [ "$2" = files ]; then mount --bind "$1/passwd" /etc/passwd; mount --bind "$1/group" /etc/group; fi
[ ! -d /run/nscd ] || mount -t tmpfs tmpfs /run/nscd
shift 2
exec "$@"
"""


def rate(build, folder, source, kind, size, seconds):
    argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", SETUP, "-", folder, source,
            build + "/tests/bench/nss_bench", kind, str(size), str(seconds)]
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LD_LIBRARY_PATH": build + "/nss_module/.libs"}
    return float(subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True, env=env).stdout)


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    build = os.environ["SP_BENCH_BUILD"]
    subprocess.run(["make", "-s", "-C", build, "tests/bench/nss_bench", "nss_module/libnss_sallyport.la"], check=True,
                   stdout=sys.stderr)
    os.makedirs("/var/lib/sallyport", exist_ok=True)
    rates = {}
    with tempfile.TemporaryDirectory() as top:
        for size in SIZES:
            os.mkdir(f"{top}/{size}")
            os.chmod(top, 0o755)
            subprocess.run([build + "/tests/bench/nss_bench", "make", f"{top}/{size}", str(size)], check=True)
        for _ in range(rounds):  # in turn, so that a change of the machine's speed meets all
            for kind in KINDS:
                for size in SIZES:
                    rates.setdefault((kind, size, "ours"), []).append(rate(build, f"{top}/{size}", "sallyport", kind, size, seconds))
                peer = rate(build, f"{top}/100000", "files", kind, 100000, seconds)
                rates.setdefault((kind, 100000, "peer"), []).append(peer)
    medians = {key: statistics.median(values) for key, values in rates.items()}
    parts = []
    for kind, name in KINDS.items():
        ours, peer = medians[kind, 100000, "ours"], medians[kind, 100000, "peer"]
        parts.append({"name": name, "ours": round(ours), "peer": round(peer, 2), "ratio": round(ours / peer, 1), "reach": 1})
        many, few = medians[kind, 1000000, "ours"], medians[kind, 1000, "ours"]
        parts.append({"name": f"{name}, 1,000,000", "ours": round(many), "peer": round(few), "ratio": round(many / few, 3),
                      "reach": 0.8})
    for part in parts:
        print(f"{part['name']}: ours {part['ours']} a second, peer {part['peer']}, ratio {part['ratio']} (to reach {part['reach']})")
    weakest = min((p for p in parts if p["reach"] == 1), key=lambda p: p["ratio"])
    print(json.dumps({"bench": "nss", "unit": "lookups/s", "ours": weakest["ours"], "peer": weakest["peer"],
                      "ratio": weakest["ratio"], "runs": rounds, "parts": parts, "note": NOTE}))


if __name__ == "__main__":
    main()
