# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The suites of scripts/test. Each writes "PASSED FAILED SKIPPED" to its count file and fails if anything did.
# Uses top, build, jobs of its caller.
: "${top:?}" "${build:?}" "${jobs:?}"

sp_suite_known() {
	case $1 in
	unit | sanitizers | clang | lint | analyze | distcheck | package | e2e | long) ;;
	e2e/*) [ -e "$top/tests/e2e/test_${1#e2e/}.py" ] ;;
	attacks/*) [ -d "$top/tests/$1" ] ;;
	*) return 1 ;;
	esac
}

sp_suite_deps() {
	case $1 in
	unit | sanitizers | distcheck) echo build test ;;
	clang) echo build test lint ;;
	lint | analyze) echo build test lint ;;
	package) echo build test package ;;
	e2e* | long) echo build test package e2e ;;
	attacks/*)
		echo build test
		[ -z "$(sp_attack_e2e "$1")" ] || echo package e2e
		;;
	esac
}

sp_suite() { # NAME COUNTFILE
	case $1 in
	unit) sp_make_check "$build/gcc" "$2" ;;
	sanitizers) sp_make_check "$build/sanitizers" "$2" --enable-sanitizers CFLAGS="-O1 -g" ;;
	clang) sp_steps "$2" sp_clang ;;
	lint) sp_steps "$2" sp_lint_shell sp_lint_man sp_lint_attacks sp_lint_cppcheck sp_lint_tidy ;;
	analyze) sp_steps "$2" sp_analyze ;;
	distcheck) sp_steps "$2" sp_distcheck ;;
	package) sp_steps "$2" sp_package_build sp_package_units ;;
	e2e) sp_e2e "$2" "$top/tests/e2e" ;;
	e2e/*) sp_e2e "$2" "$top/tests/e2e/test_${1#e2e/}.py" ;;
	long) sp_e2e "$2" "$top"/tests/e2e/long_*.py ;;
	attacks/*) sp_attack "$1" "$2" ;;
	esac
}

# The part of a log that says what went wrong.
sp_show_failure() { # LOG
	local found
	found=$(grep -n -m 1 -E '^(=+ (FAILURES|ERRORS) =+|FAIL: |ERROR: |.*: error: |.*\*\*\* .*Error|-- FAILED)' "$1" | cut -d: -f1)
	if [ -n "$found" ] && [ $(($(wc -l <"$1") - found)) -gt 100 ]; then
		sed -n "$((found > 5 ? found - 5 : 1)),$((found + 60))p" "$1"
		echo "   [...]"
		tail -n 40 "$1"
	else
		tail -n 100 "$1"
	fi
}

sp_steps() { # COUNTFILE STEP… : each is one test
	local count=$1 step p=0 f=0 start
	shift
	for step in "$@"; do
		start=$SECONDS
		echo "-- $step"
		if $step; then
			p=$((p + 1))
			echo "-- ok $step ($((SECONDS - start)) s)"
		else
			f=$((f + 1))
			echo "-- FAILED $step ($((SECONDS - start)) s)"
		fi
	done
	echo "$p $f 0" >"$count"
	[ $f = 0 ]
}

sp_configured() { # DIR CONFIGURE-ARG… : a build folder that make can bring up to date by itself
	local dir=$1
	shift
	[ -x "$top/configure" ] && [ -e "$top/Makefile.in" ] || (cd "$top" && autoreconf -fi) || return 1
	mkdir -p "$dir"
	[ -e "$dir/Makefile" ] || (cd "$dir" && "$top/configure" -q "$@") || {
		rm -f "$dir/Makefile"
		return 1
	}
}

sp_make_check() { # DIR COUNTFILE [CONFIGURE-ARG…]
	local dir=$1 count=$2 status=0
	shift 2
	sp_configured "$dir" "$@" || return 1
	make -C "$dir" -s -j "$jobs" all || return 1
	make -C "$dir" -s -k -j "$jobs" check ${SP_TESTS:+TESTS="$SP_TESTS"} >"$dir/check.out" 2>&1 || status=$?
	grep -v -E '^(PASS|  CC|  CCLD|  GEN)' "$dir/check.out"
	[ $status = 0 ] || [ ! -e "$dir/test-suite.log" ] || cat "$dir/test-suite.log"
	awk '/^# PASS: / {p += $3} /^# XFAIL: / {p += $3} /^# SKIP: / {s += $3} /^# (FAIL|XPASS|ERROR): / {f += $3}
		END {print p + 0, f + 0, s + 0}' "$dir/check.out" >"$count"
	return $status
}

sp_clang() {
	sp_configured "$build/clang" CC=clang CFLAGS="-O0 -g" &&
		make -C "$build/clang" -s -k -j "$jobs" all && make -C "$build/clang" -s -k -j "$jobs" check TESTS=
}

sp_distcheck() {
	sp_configured "$build/gcc" && make -C "$build/gcc" -s -j "$jobs" distcheck DISTCHECK_CONFIGURE_FLAGS=-q
}

sp_lint_shell() {
	(cd "$top" && grep -l -r -m 1 -E '^#!/bin/(ba)?sh|^# shellcheck shell=' scripts packaging/sbin packaging/completion packaging/debian .ci tests \
		--exclude-dir=node_modules --exclude-dir=corpus --exclude-dir=attacks | sort | xargs shellcheck -x)
}

sp_lint_man() { # warnings and errors; style is a matter of taste
	local f out status=0
	for f in "$top"/man/*.[1-9]*; do
		case $f in *.am | *.in) continue ;; esac
		out=$(mandoc -Tlint -Wwarning "$f" 2>/dev/null) || {
			echo "$out"
			status=1
		}
	done
	return $status
}

sp_attack_units() { # attacks/NAME: the unit tests that read it, and its own runner
	(cd "$top" && grep -l -r -E "$1(/|\"|\$)" tests/unit --include='*.c' | sed 's/\.c$//')
	[ ! -e "$top/tests/$1/run.py" ] || echo "tests/$1/run.py"
}

sp_attack_e2e() { # attacks/NAME: the end-to-end files that read it
	(cd "$top" && grep -l -r -E "$1(/|\"|\$)|\"${1#attacks/}\"" tests/e2e --include='test_*.py')
}

sp_lint_attacks() { # every corpus is read by a test, and every check that can be taken out still stands
	local d status=0
	"$top/tests/tools/removal.py" --look || status=1
	for d in "$top"/tests/attacks/*/; do
		[ -d "$d" ] || continue
		d=attacks/$(basename "$d")
		if [ -z "$(sp_attack_units "$d")$(sp_attack_e2e "$d")" ] && ! grep -q -r "$d" "$top"/tests/check "$top"/*/Makemodule.am; then
			echo "no test reads tests/$d"
			status=1
		fi
	done
	return $status
}

sp_sources() {
	(cd "$top" && find lib runtime proto policy mask recorder identity control pam_module authkeys forcecmd exec session-agent \
		cli -name '*.c' | sort)
}

# It does not read system headers; the loops that are macros of theirs it has to see.
sp_lint_cppcheck() {
	local queue
	queue=$(echo '#include <sys/queue.h>' | "${CC:-cc}" -E - | sed -n 's|^# 1 "\(/.*/queue\.h\)".*|\1|p' | head -n 1)
	[ -n "$queue" ] || return 1
	mkdir -p "$build/cppcheck"
	printf '#include "%s"\n#define json_array_foreach(a, i, v) %s\n' "$queue" \
		'for (i = 0; i < json_array_size(a) && (v = json_array_get(a, i)) != NULL; i++)' >"$build/cppcheck/macros.h"
	(cd "$top" && sp_sources | cppcheck --quiet --error-exitcode=1 --enable=warning,portability,performance --inline-suppr \
		--suppress=missingIncludeSystem --suppress=unmatchedSuppression --cppcheck-build-dir="$build/cppcheck" \
		--include="$build/cppcheck/macros.h" -j "$jobs" --std=c11 -I. --template=gcc --file-list=-)
}

# A file whose preprocessed text is known to be clean is not looked at again.
sp_tidy_one() { # FILE [CHECKS]
	local flags=(-std=gnu11 -D_GNU_SOURCE -DPACKAGE_VERSION='""' "-I$top" "-I$build/gcc" -I/usr/include/hs) key stamp d
	for d in LIBEXECDIR SYSCONFDIR RUNDIR LOGDIR STATEDIR; do
		flags+=("-DSP_$d=\"/\"")
	done
	key=$( (echo "${2:-}" && cat "$top/.clang-tidy" && clang -E "${flags[@]}" "$top/$1" 2>/dev/null) | sha256sum | cut -d' ' -f1)
	stamp=$build/tidy/$key
	[ -e "$stamp" ] && return 0
	clang-tidy --quiet --warnings-as-errors='*' ${2:+"--checks=$2"} "$top/$1" -- "${flags[@]}" 2>/dev/null || return 1
	touch "$stamp"
}

sp_lint_tidy() { # [CHECKS]
	sp_configured "$build/gcc" || return 1
	mkdir -p "$build/tidy"
	export -f sp_tidy_one
	export top build
	# shellcheck disable=SC2016 # the inner shell expands it
	sp_sources | xargs -P "$jobs" -I{} bash -c 'sp_tidy_one "$1" "$2" || { echo "clang-tidy: $1"; exit 1; }' - {} "${1:-}"
}

# Follows paths through functions. It does not know that LIST_REMOVE of the first changes the head: code that frees a whole
# list keeps the next, or takes the head off by hand.
sp_analyze() {
	sp_lint_tidy '-*,clang-analyzer-*,-clang-analyzer-security.insecureAPI.*,-clang-analyzer-optin.performance.Padding'
}

sp_package_build() {
	"$top/scripts/package" --lintian
}

sp_package_units() {
	local root=$build/package/root status=0 unit score out
	rm -rf "$root"
	dpkg-deb -x "$(ls "$build"/package/sallyport_*.deb)" "$root" || return 1
	for unit in "$root"/lib/systemd/system/*.service; do
		out=$(systemd-analyze verify --root="$root" --man=no "$unit" 2>&1 | grep -F "$(basename "$unit")" |
			grep -v 'Unit .*\.target not found')
		if [ -n "$out" ]; then
			echo "$out"
			status=1
		fi
		score=$(systemd-analyze security --offline=true --no-pager "$unit" 2>/dev/null | sed -n 's/.*Overall exposure level.*: \([0-9.]*\) .*/\1/p')
		echo "$(basename "$unit"): exposure ${score:-unknown}"
		awk -v s="${score:-10}" 'BEGIN {exit !(s <= 3.5)}' || status=1
	done
	return $status
}

sp_e2e_ready() {
	[ "$(id -u)" = 0 ] || {
		echo "the end-to-end tests need root (sudo scripts/test e2e)"
		return 1
	}
	"$top/scripts/package" && sp_deps_oidc "$top" "$build" && sp_deps_pgclient "$top" "$build" && sp_configured "$build/gcc" &&
		make -C "$build/gcc" -s -j "$jobs" all && make -C "$build/gcc" -s -j "$jobs" tests/tools/pgproxy_harness tests/tools/make_record
}

sp_e2e() { # COUNTFILE PYTEST-ARG…
	local count=$1 status=0 xml=$build/logs/e2e.xml
	shift
	sp_e2e_ready || return 1
	rm -rf "$xml" "$build/logs/e2e.d"
	SP_BUILDDIR=$build/gcc /usr/bin/python3 -m pytest -p no:cacheprovider -q --maxfail="${SALLYPORT_MAXFAIL:-25}" --tb=short --durations=10 \
		--junitxml="$xml" "$@" || status=$?
	/usr/bin/python3 - "$xml" >"$count" <<'END'
import sys, xml.etree.ElementTree as tree
s = tree.parse(sys.argv[1]).getroot().find("testsuite").attrib
bad = int(s["failures"]) + int(s["errors"])
print(int(s["tests"]) - bad - int(s["skipped"]), bad, s["skipped"])
END
	return $status
}

sp_attack() { # attacks/NAME COUNTFILE
	local units files p=0 f=0 s=0 a b c status=0
	units=$(sp_attack_units "$1" | tr '\n' ' ')
	files=$(sp_attack_e2e "$1")
	if [ -n "$units" ]; then
		SP_TESTS=$units sp_make_check "$build/gcc" "$2.unit" || status=1
		if read -r a b c <"$2.unit"; then p=$((p + a)) f=$((f + b)) s=$((s + c)); fi
	fi
	if [ -n "$files" ]; then
		# shellcheck disable=SC2086 # words on purpose
		(cd "$top" && sp_e2e "$2.e2e" $files) || status=1
		if read -r a b c <"$2.e2e"; then p=$((p + a)) f=$((f + b)) s=$((s + c)); fi
	fi
	echo "$p $f $s" >"$2"
	return $status
}
