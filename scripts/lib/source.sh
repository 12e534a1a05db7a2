# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The source tree as a list of files: what git knows (with local changes), or everything in a release.

sp_source_files() { # TOP : NUL-separated paths
	if git -C "$1" rev-parse --git-dir >/dev/null 2>&1; then
		git -C "$1" ls-files -z --cached --others --exclude-standard
	else
		(cd "$1" && find . -path ./build -prune -o -path '*/node_modules' -prune -o -type f -printf '%P\0')
	fi
}

sp_source_digest() { # TOP : one digest over names, modes and contents
	(cd "$1" && sp_source_files "$1" | sort -z | while IFS= read -r -d '' f; do
		[ -f "$f" ] && printf '%s\0' "$f"
	done | xargs -0 sha256sum -- | sha256sum | cut -d' ' -f1)
}

sp_source_copy() { # TOP DEST
	mkdir -p "$2"
	(cd "$1" && sp_source_files "$1" | while IFS= read -r -d '' f; do
		[ -f "$f" ] && printf '%s\0' "$f"
	done | tar -c --null --no-recursion -T -) | tar -x -C "$2"
}
