# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the build, the tests and the demo need, from the distribution's own packages (Debian 12).
# Sourced; needs root only when something is missing. sp_deps_install [GROUP…]: build test lint package e2e bench.

sp_deps_build="build-essential autoconf automake libtool pkg-config ca-certificates
	libevent-dev libssl-dev libjansson-dev libcurl4-openssl-dev libaudit-dev libpam0g-dev libfyaml-dev
	libpg-query-dev libvectorscan-dev libpcre2-dev libsqlite3-dev libseccomp-dev libzstd-dev libsystemd-dev
	libvterm-dev libcap-dev linux-libc-dev xz-utils git"
sp_deps_test="libcmocka-dev libpam-wrapper libpamtest0-dev libnss-wrapper libuid-wrapper pamtester mandoc python3
	python3-jwcrypto python3-cryptography openssh-client openssl"
sp_deps_lint="clang clang-tidy clang-format cppcheck shellcheck mandoc"
sp_deps_package="debhelper devscripts fakeroot lintian dpkg-dev systemd libcap2-bin"
sp_deps_e2e="python3 python3-pytest python3-pexpect python3-yaml python3-jwcrypto python3-cryptography
	python3-paramiko python3-asyncssh python3-psycopg2 tlog
	openssh-server openssh-client auditd bubblewrap postgresql-15 postgresql-client-15 libcap2-bin
	iproute2 util-linux openssl rsync procps passwd sudo systemd systemd-container dbus unbound ldnsutils"

sp_deps_bench="pgbouncer sudo tlog"

# With this file apt installs servers without starting one on this machine; whoever had one of his own keeps it.
sp_deps_policy=/usr/sbin/policy-rc.d

sp_deps_missing() { # PACKAGE… : those that are not installed, one a line
	local p
	for p in "$@"; do
		case $(dpkg-query -W -f '${db:Status-Abbrev}' "$p" 2>/dev/null) in
		ii*) ;;
		*) echo "$p" ;;
		esac
	done
}

sp_deps_need_node() { # true when neither an installed node (18 or later) with npm nor Debian's is there
	command -v npm >/dev/null && command -v node >/dev/null &&
		[ "$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)" -ge 18 ] && return 1
	return 0
}

sp_deps_apt() { # PACKAGE… : apt-get without questions and without starting services
	local made_policy=no status=0
	[ "$(id -u)" = 0 ] || {
		echo "missing packages: $*" >&2
		echo "install them with: sudo apt-get install --no-install-recommends $*" >&2
		return 1
	}
	if [ ! -e $sp_deps_policy ]; then
		printf '#!/bin/sh\nexit 101\n' >$sp_deps_policy
		chmod 755 $sp_deps_policy
		made_policy=yes
	fi
	if [ -z "$(find /var/lib/apt/lists -name '*_Packages*' -mtime -2 2>/dev/null | head -n 1)" ]; then
		apt-get -q update || status=$?
	fi
	DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends \
		-o Dpkg::Options::=--force-confold install "$@" </dev/null || status=$?
	[ $made_policy = no ] || rm -f $sp_deps_policy
	return $status
}

sp_deps_install() {
	local group names="" missing
	[ $# -gt 0 ] || set -- build test lint package e2e
	for group in "$@"; do
		case $group in
		build) names+=" $sp_deps_build" ;;
		bench) names+=" $sp_deps_bench" ;;
		test) names+=" $sp_deps_test" ;;
		lint) names+=" $sp_deps_lint" ;;
		package) names+=" $sp_deps_package" ;;
		e2e)
			names+=" $sp_deps_e2e"
			! sp_deps_need_node || names+=" nodejs npm"
			;;
		*) echo "sp_deps_install: no group $group" >&2; return 2 ;;
		esac
	done
	# shellcheck disable=SC2086 # words on purpose
	missing=$(sp_deps_missing $names)
	[ -z "$missing" ] && return 0
	echo "installing: $(echo "$missing" | tr '\n' ' ')"
	# shellcheck disable=SC2086
	sp_deps_apt $missing
}

# What tests take from npm: exactly what a package-lock.json names, with its checksums. Kept until that changes.
sp_deps_npm() { # SRCDIR CACHEDIR NAME FILE : prints nothing, leaves CACHEDIR/NAME/{FILE,node_modules}
	local src=$1/tests/tools/$3 dir=$2/$3
	mkdir -p "$dir"
	if ! cmp -s "$src/package-lock.json" "$dir/package-lock.json" || [ ! -e "$dir/.complete" ]; then
		rm -f "$dir/.complete"
		cp "$src/package.json" "$src/package-lock.json" "$dir/"
		(cd "$dir" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error </dev/null) || return 1
		touch "$dir/.complete"
	fi
	cp "$src/$4" "$dir/"
}

sp_deps_oidc() { # SRCDIR CACHEDIR : the identity provider
	sp_deps_npm "$1" "$2" oidc provider.mjs
}

sp_deps_pgclient() { # SRCDIR CACHEDIR : programs that use a database as people's own do
	sp_deps_npm "$1" "$2" pgclient pgclient.mjs
}
