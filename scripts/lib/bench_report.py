# SPDX-License-Identifier: Apache-2.0
"""Writes doc/benchmarks.md and a plot for each benchmark (SVG) from one JSON object a line.

usage: bench_report.py RESULTS DOC-FOLDER
"parts" in an object (each with name, ours, peer and ratio) become rows and bars of their own. What is to be reached
("reach", the least ratio, or "reach_text") must be in each object or in one of its parts at least; a part without it is
only shown.
"""

import html
import json
import os
import platform
import sys

OURS, PEER, INK = "#2f6f9f", "#b9c4cc", "#333333"
BAR, GAP, LEFT, WIDTH = 18, 26, 130, 640


def number(value):
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:,.1f}" if value >= 10 else f"{value:,.3g}"


def ratio_text(ratio):
    return f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.2g}"


def parts_of(result):
    return result.get("parts") or [dict(result, name=result["bench"])]


def plot(result):
    """Horizontal bars, ours above the peer, one pair for each part."""
    parts = parts_of(result)
    top = max(max(p["ours"], p["peer"]) for p in parts) or 1
    height = 40 + len(parts) * (2 * BAR + GAP)
    scale = (WIDTH - LEFT - 110) / top
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" role="img" '
        f'font-family="sans-serif" font-size="12" fill="{INK}">',
        f'<title>{html.escape(result["bench"])}: {html.escape(result["unit"])}</title>',
        f'<text x="8" y="20" font-weight="bold">{html.escape(result["bench"])}, {html.escape(result["unit"])}</text>',
    ]
    y = 34
    for part in parts:
        out.append(f'<text x="8" y="{y + BAR + 4}">{html.escape(part["name"])}</text>')
        for label, colour in (("ours", OURS), ("peer", PEER)):
            width = max(1, part[label] * scale)
            out.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR - 2}" fill="{colour}"/>')
            out.append(f'<text x="{LEFT + width + 6:.1f}" y="{y + 12}">{label} {number(part[label])}</text>')
            y += BAR
        y += GAP
    out.append("</svg>")
    return "\n".join(out) + "\n"


def machine():
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        for line in f:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{model}, {os.cpu_count()} logical processors, Linux {platform.release()}"


def table(results):
    rows = ["| benchmark | part | unit | ours | peer | ours / peer | to reach |", "|---|---|---|--:|--:|--:|---|"]
    for result in results:
        for part in parts_of(result):
            reach = part.get("reach_text") or (f"≥ {part['reach']}" if "reach" in part else "–")
            name = part["name"] if result.get("parts") else ""
            rows.append(
                f"| `{result['bench']}` | {name} | {result['unit']} | {number(part['ours'])} | {number(part['peer'])} "
                f"| {ratio_text(part['ratio'])} | {reach} |"
            )
    return rows


def main():
    results_path, doc = sys.argv[1:]
    with open(results_path, encoding="utf-8") as f:
        results = [json.loads(line) for line in f if line.strip()]
    for result in results:
        for key in ("bench", "unit", "ours", "peer", "ratio", "runs"):
            if key not in result:
                sys.exit(f"bench_report: {result.get('bench', '?')} says nothing about {key}")
        if not any("reach" in part or "reach_text" in part for part in parts_of(result)):
            sys.exit(f"bench_report: {result['bench']} does not say what is to be reached")
    os.makedirs(os.path.join(doc, "benchmarks"), exist_ok=True)
    lines = ["# Benchmarks", "", "Written by `scripts/bench all`. Each compares us with a peer that does the same work in the",
             "same run; the figures are medians. Repeat one with `scripts/bench NAME`.", "", f"Machine: {machine()}.", ""]
    lines += table(results)
    for result in results:
        with open(os.path.join(doc, "benchmarks", result["bench"] + ".svg"), "w", encoding="utf-8") as f:
            f.write(plot(result))
        lines += ["", f"## {result['bench']}", ""]
        if result.get("note"):
            lines += [result["note"], ""]
        lines += [f"{result['runs']} runs.", "", f"![{result['bench']}](benchmarks/{result['bench']}.svg)"]
    with open(os.path.join(doc, "benchmarks.md"), "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
