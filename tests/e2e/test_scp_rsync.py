# SPDX-License-Identifier: Apache-2.0
"""scp -O and rsync to target hosts: unmodified clients, a real sshd as web1, and one that does not keep to the protocol."""
import hashlib
import os
import re
import subprocess

import pytest

import bastion
from bastion import wait_for

ULID = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}\b")
WEB, WEB_PORT = "files.internal", 2223
HOME = "/home/lap-alice"
CARD = "4111111111111111"
KEY = "/etc/sallyport/secrets/files"

SSHD = f"""Port {WEB_PORT}
ListenAddress 127.0.0.5
HostKey /etc/files/host
PidFile none
UsePAM no
PasswordAuthentication no
AuthorizedKeysFile /etc/files/%u.keys
StrictModes no
LogLevel VERBOSE
"""

CONNECTION = """  %s:
    kind: ssh
    address: %s:%d
    host_keys: ["%s"]
    login: { user: %s, key: { file: %s } }
    labels: { fleet: files }
"""

RULES = """  - name: files-tree
    who: [engineers]
    on: { labels: { fleet: files } }
    do: { file: [list, stat, read, write, create, mkdir, setstat, symlink], path: ["/srv/web", "/srv/web/**"] }
    effect: allow
  - name: files-clean
    who: [engineers]
    on: { labels: { fleet: files } }
    do: { file: [remove, rmdir], path: ["/srv/web/clean", "/srv/web/clean/**"] }
    effect: allow
  - name: files-cards
    who: [engineers]
    on: { labels: { fleet: files } }
    do: { file: [read], path: ["/srv/web/cards/**"] }
    effect: allow
    mask: { detect: [credit_card], with: partial }
  - name: files-held
    who: [engineers]
    on: { labels: { fleet: files } }
    do: { file: [write, create], path: ["/srv/web/held/**"] }
    effect: approve
    approve: { by: [dba], count: 1, within: 15m }
  - name: files-secret
    on: { labels: { fleet: files } }
    do: { file: [list, read, write, create, mkdir], path: ["/srv/web/part/secret", "/srv/web/part/secret/**"] }
    effect: deny
    message: Not the secrets.
"""

# A host that sends other things than it was asked for, as the request says.
EVIL = r"""#!/usr/bin/python3
import os, sys
asked = os.environ.get("SSH_ORIGINAL_COMMAND", "")
def ack():
    return os.read(0, 1)
ack()
if "name" in asked:
    os.write(1, b"C0644 7 .bashrc\n")
elif "slash" in asked:
    os.write(1, b"C0644 7 ../../x\n")
elif "dir" in asked:
    os.write(1, b"D0755 0 dir\n")
elif "twice" in asked:
    os.write(1, b"C0644 0 twice\n"); ack(); os.write(1, b"\0"); ack(); os.write(1, b"C0644 7 authorized_keys\n")
elif "size" in asked:
    os.write(1, b"C0644 9223372036854775808 size\n")
elif "escape" in asked:
    os.write(1, b"\1scp: \x1b]0;pwned\x07\x1b[2J 4111111111111111 no\n"); sys.exit(1)
ack(); os.write(1, b"hostile\0"); ack()
"""


def policy(b, rules=RULES):
    key = " ".join(b.read("/etc/files/host.pub").split()[:2])
    text = CONNECTION % ("web1", WEB, WEB_PORT, key, "files", KEY) + CONNECTION % ("evil", WEB, WEB_PORT, key, "evil", KEY)
    return bastion.POLICY_YAML.replace("rules:\n", text + "rules:\n" + rules, 1)


def use(b, text):
    if b.read("/etc/sallyport/policy.d/orders.yaml") == text:
        return
    said = len(b.read("/var/log/control.log"))
    b.set_policy(text)
    wait_for("the policy to be taken", lambda: "policy" in b.read("/var/log/control.log")[said:])
    assert "stays" not in b.read("/var/log/control.log")[said:], b.read("/var/log/control.log")[said:]


@pytest.fixture(scope="module")
def host(shared):
    script = f"""set -e; umask 077; mkdir -p /etc/files; cd /etc/files
for u in files evil; do id $u >/dev/null 2>&1 || useradd -m -s /bin/bash -p '*' $u; done
ssh-keygen -q -t ed25519 -N '' -f host; ssh-keygen -q -t ed25519 -N '' -f {KEY}
cp {KEY}.pub files.keys; (printf 'command="/etc/files/evil" '; cat {KEY}.pub) >evil.keys; chmod 755 . ; chmod 644 *.keys"""
    shared.run(["sh", "-c", script])
    shared.write("/etc/files/evil", EVIL, "0755")
    shared.write("/etc/files/sshd_config", SSHD)
    shared.write("/etc/hosts", bastion.HOSTS + f"127.0.0.5 {WEB}\n")
    shared.service("files", ["/usr/sbin/sshd", "-D", "-e", "-f", "/etc/files/sshd_config"])
    wait_for("the host", lambda: f":{WEB_PORT:04X} " in shared.run(["cat", "/proc/net/tcp"]).stdout)
    yield shared
    shared.stop_daemon("files")


@pytest.fixture
def h(host, b):  # pylint: disable=redefined-outer-name,unused-argument
    use(b, policy(b))
    b.run(["sh", "-c", f"""rm -rf /srv/web {HOME}/t; mkdir -p /srv/web/up /srv/web/cards /srv/web/held /srv/web/clean /srv/web/part/secret
echo hello >/srv/web/hello; echo "a b's" >"/srv/web/it's a file"; echo key >/srv/web/part/secret/key; echo open >/srv/web/part/open
echo 4111111111111111 >/srv/web/cards/card; chown -R files: /srv/web; mkdir -p {HOME}/t/tree/sub; cd {HOME}/t
echo one >one; echo "two" >"it's two"; echo deep >tree/sub/deep; echo top >tree/top; ln -s top tree/link; chmod 640 tree/top
touch -d 2001-02-03T04:05:06Z tree/top; chown -R lap-alice: {HOME}/t"""])
    return b


def scp(b, *words, timeout=60):
    return b.run(["scp", "-O", *words], user="lap-alice", check=False, timeout=timeout)


def rsync(b, *words, timeout=60):
    return b.run(["rsync", *words], user="lap-alice", check=False, timeout=timeout)


def at(path):
    return "alice@bastion:" + path


def events(b, session=None):
    """Of the last session, once its record is closed."""
    name = session or max(ULID.findall(b.sallyport("sessions").stdout))
    wait_for("the record to be closed", lambda: "SESSION_END" in b.sallyport("replay", "--events", name).stdout.upper())
    return b.sallyport("replay", "--events", name).stdout


def heard(b):
    return b.read("/var/log/files.log")


def untouched(b, before):
    assert heard(b) == before, "the host heard of it"


# scp -----------------------------------------------------------------------------------------------------------


def test_scp_up_and_down(h):
    done = scp(h, f"{HOME}/t/one", at("/web1/srv/web/up/"))
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert h.read("/srv/web/up/one") == "one\n"
    text = events(h)
    digest = hashlib.sha256(b"one\n").hexdigest()
    assert "/srv/web/up/one" in text and digest in text and "upload" in text and "complete" in text and "files-tree" in text
    assert "scp -t -- '/srv/web/up/'" in text and "advisory" in text
    done = scp(h, at("/web1/srv/web/hello"), f"{HOME}/t/got")
    assert done.returncode == 0 and h.read(f"{HOME}/t/got") == "hello\n", done.stderr
    text = events(h)
    assert hashlib.sha256(b"hello\n").hexdigest() in text and "download" in text and "complete" in text


def test_scp_to_a_new_name_and_to_a_directory(h):
    assert scp(h, f"{HOME}/t/one", at("/web1/srv/web/renamed")).returncode == 0
    assert h.read("/srv/web/renamed") == "one\n"
    assert scp(h, f"{HOME}/t/one", at("/web1/srv/web/up")).returncode == 0
    assert h.read("/srv/web/up/one") == "one\n"
    assert "/srv/web/up/one or /srv/web/up" in events(h)


def test_scp_many_names(h):
    done = scp(h, f"{HOME}/t/one", f"{HOME}/t/it's two", at("/web1/srv/web/up"))
    assert done.returncode == 0, done.stderr
    assert h.read("/srv/web/up/it's two") == "two\n" and h.read("/srv/web/up/one") == "one\n"
    done = scp(h, at("/web1/srv/web/it\\'s\\ a\\ file"), f"{HOME}/t/got")
    assert done.returncode == 0 and h.read(f"{HOME}/t/got") == "a b's\n", done.stderr


def test_scp_trees(h):
    done = scp(h, "-rp", f"{HOME}/t/tree", at("/web1/srv/web/up"))
    assert done.returncode == 0, done.stderr
    assert h.read("/srv/web/up/tree/sub/deep") == "deep\n"
    assert h.run(["stat", "-c", "%a %Y", "/srv/web/up/tree/top"]).stdout.split() == ["640", "981173106"]
    done = scp(h, "-r", "-p", at("/web1/srv/web/up/tree"), f"{HOME}/t/back")
    assert done.returncode == 0, done.stderr
    assert h.run(["diff", "-r", "/srv/web/up/tree", f"{HOME}/t/back"]).returncode == 0
    text = events(h)
    assert "/srv/web/up/tree/sub/deep" in text and text.count("download") == 3


def test_scp_denied_before_the_host_hears_of_it(h):
    before = heard(h)
    done = scp(h, f"{HOME}/t/one", at("/web1/srv/web/part/secret/"))
    assert done.returncode != 0 and "Not the secrets." in done.stderr, done.stderr
    done = scp(h, at("/web1/srv/web/part/secret/key"), f"{HOME}/t/got")
    assert done.returncode != 0 and "Not the secrets." in done.stderr, done.stderr
    done = scp(h, f"{HOME}/t/one", at("/web1/etc/one"))
    assert done.returncode != 0 and "No rule allows" in done.stderr, done.stderr
    done = scp(h, at("/web1/etc/passwd"), f"{HOME}/t/got")
    assert done.returncode != 0 and len(done.stderr.strip().splitlines()) == 1, done.stderr
    untouched(h, before)
    assert h.run(["ls", f"{HOME}/t/got"], check=False).returncode != 0
    assert h.run(["ls", "/srv/web/part/secret/one"], check=False).returncode != 0
    assert "refuse" in events(h)


def test_scp_a_tree_but_for_a_part(h):
    done = scp(h, "-r", at("/web1/srv/web/part"), f"{HOME}/t/got")
    assert done.returncode != 0 and "Not the secrets." in done.stderr, done.stderr
    assert h.read(f"{HOME}/t/got/open") == "open\n"
    assert h.run(["ls", f"{HOME}/t/got/secret"], check=False).returncode != 0
    h.run(["sh", "-c", f"mkdir -p {HOME}/t/part/secret; echo a >{HOME}/t/part/secret/a; echo b >{HOME}/t/part/b; chown -R lap-alice: {HOME}/t"])
    done = scp(h, "-r", f"{HOME}/t/part", at("/web1/srv/web/"))
    assert done.returncode != 0 and "Not the secrets." in done.stderr, done.stderr
    assert h.read("/srv/web/part/b") == "b\n"
    assert h.run(["ls", "/srv/web/part/secret/a"], check=False).returncode != 0


def test_scp_what_the_host_says(h):
    done = scp(h, at("/web1/srv/web/nothing"), f"{HOME}/t/got")
    assert done.returncode == 1 and "No such file" in done.stderr, done.stderr
    assert "No such file" in events(h)
    done = scp(h, f"{HOME}/t/one", at("/web1/srv/web/none/here/"))
    assert done.returncode == 1 and "here" in done.stderr, done.stderr


def test_scp_masked_is_refused(h):
    before = heard(h)
    done = scp(h, at("/web1/srv/web/cards/card"), f"{HOME}/t/got")
    assert done.returncode == 1 and "is masked" in done.stderr, done.stderr
    untouched(h, before)


NOT_PATHS = ["/web1/srv/web/../../etc/passwd", "/web1/srv/web/./hello", "/web1//srv/web/hello", "/web1/srv/web/*",
                                  "/nosuch/x", "web1", "/", "/web1", "/web1/srv/web/h[e]llo"]


def test_scp_paths_that_are_not_taken(h):
    before = heard(h)
    for path in NOT_PATHS:
        done = scp(h, at(path), f"{HOME}/t/got")
        assert done.returncode == 1 and len(done.stderr.strip().splitlines()) == 1, (path, done.stderr)
    untouched(h, before)


def raw(b, line, data, timeout=60):
    return subprocess.run(b.argv(b.ssh_argv("alice", [line]), "lap-alice"), input=data, capture_output=True, timeout=timeout,
                          check=False)


NOT_SCP = [b"C0644 1 ../x\n", b"C0644 1 a/b\n", b"C0644 -1 a\n", b"C0644 9223372036854775808 a\n", b"E\n",
           b"D0755 0 d\n", b"T1 0 1 0\n", b"C0644 1 \x1b[2J\n", b"xyz\n", b"C0644 1 " + b"a" * 3000, b""]


def test_scp_clients_that_do_not_keep_to_it(h):
    before = heard(h)
    for data in NOT_SCP:
        done = raw(h, "scp -t /web1/srv/web/up/", data)
        assert done.returncode == (0 if data == b"" else 1), (data, done.stderr)
        assert b"\x1b" not in done.stderr
    untouched(h, before)


def test_scp_hosts_that_send_other_things(h):
    for what in ("name", "slash", "dir", "twice", "size"):
        done = scp(h, at(f"/evil/srv/web/{what}"), f"{HOME}/t/")
        assert done.returncode == 1, (what, done.stderr)
        assert h.run(["find", f"{HOME}/t", f"{HOME}/.ssh", "-newer", "/srv/web/hello", "-size", "7c"]).stdout == "", what
        assert "sallyport: evil: " in done.stderr, (what, done.stderr)


def test_scp_escapes_of_a_host(h):
    done = scp(h, at("/evil/srv/web/escape"), f"{HOME}/t/")
    assert done.returncode == 1 and "\x1b" not in done.stderr and "pwned" in done.stderr, done.stderr
    assert CARD not in done.stderr and CARD not in events(h)


def test_scp_held_for_approval(h):
    p = h.popen(["scp", "-O", f"{HOME}/t/one", at("/web1/srv/web/held/")], user="lap-alice", stdin=subprocess.DEVNULL,
                stderr=subprocess.PIPE, text=True)
    found = []

    def listed():
        found[:] = re.findall(r"approve (\S+?);", p.stderr.readline())
        return found

    wait_for("the request", listed)
    assert h.run(["ls", "/srv/web/held/one"], check=False).returncode != 0
    assert h.ssh("bob", f"approve {found[0]}").returncode == 0
    assert p.wait(60) == 0, p.stderr.read()
    assert h.read("/srv/web/held/one") == "one\n"


def test_scp_large_and_cut_off(h):
    h.run(["sh", "-c", f"head -c 50000000 /dev/urandom >{HOME}/t/large; chown lap-alice: {HOME}/t/large"])
    assert scp(h, "-q", f"{HOME}/t/large", at("/web1/srv/web/up/")).returncode == 0
    assert scp(h, "-q", at("/web1/srv/web/up/large"), f"{HOME}/t/back").returncode == 0
    assert h.run(["cmp", f"{HOME}/t/large", f"{HOME}/t/back"]).returncode == 0
    done = raw(h, "scp -t /web1/srv/web/up/", b"C0644 100 cut\nabc")
    assert done.returncode != 0
    text = events(h)
    assert "partial" in text and hashlib.sha256(b"abc").hexdigest() in text


def test_scp_a_changed_policy_ends_it(h):
    p = h.popen(h.ssh_argv("alice", ["scp -t /web1/srv/web/up/"]), user="lap-alice", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE)
    assert os.read(p.stdout.fileno(), 1) == b"\0"
    p.stdin.write(b"C0644 100 slow\nabc")
    p.stdin.flush()
    assert os.read(p.stdout.fileno(), 1) == b"\0"
    use(h, policy(h, RULES.replace("write, create, mkdir, setstat", "stat")))
    assert p.wait(60) == 254
    assert b"policy has changed" in p.stderr.read()


# rsync -----------------------------------------------------------------------------------------------------------


def test_rsync_up_and_down(h):
    done = rsync(h, "-a", f"{HOME}/t/tree", at("/web1/srv/web/up/"))
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert h.read("/srv/web/up/tree/sub/deep") == "deep\n"
    assert h.run(["readlink", "/srv/web/up/tree/link"]).stdout == "top\n"
    text = events(h)
    assert "rsync /srv/web/up" in text and "upload" in text and "advisory" in text and "files-tree" in text and "exit 0" in text
    done = rsync(h, "-avz", at("/web1/srv/web/up/tree/"), f"{HOME}/t/back")
    assert done.returncode == 0 and "sub/deep" in done.stdout, done.stderr
    assert h.run(["diff", "-r", f"{HOME}/t/tree", f"{HOME}/t/back"]).returncode == 0
    assert "download" in events(h)


def test_rsync_large(h):
    h.run(["sh", "-c", f"head -c 50000000 /dev/urandom >{HOME}/t/large; chown lap-alice: {HOME}/t/large"])
    assert rsync(h, "-a", f"{HOME}/t/large", at("/web1/srv/web/up/")).returncode == 0
    assert rsync(h, "-a", at("/web1/srv/web/up/large"), f"{HOME}/t/back").returncode == 0
    assert h.run(["cmp", f"{HOME}/t/large", f"{HOME}/t/back"]).returncode == 0


@pytest.mark.parametrize("options", [
    "-rltzc --partial-dir=.p --timeout=30 --bwlimit=90000 --numeric-ids --max-size=1m --exclude=x -vvi --stats --progress --fsync",
    "-rtn --inplace --existing --size-only --modify-window=1 --compress-choice=zlib --checksum-choice=md5 -z -q",
    "-aHby --suffix=.old --link-dest=prev --delay-updates --temp-dir=tmp --compress-level=3 -z --usermap=0:files --chmod=u+w"])
def test_rsync_the_real_ones_options(h, options):
    use(h, policy(h, RULES.replace("mkdir, setstat", "mkdir, rename, link, setstat")))
    h.run(["sh", "-c", "mkdir -p /srv/web/up/tmp /srv/web/up/prev; chown -R files: /srv/web/up"])
    done = rsync(h, *options.split(), f"{HOME}/t/tree", at("/web1/srv/web/up/"))
    assert done.returncode == 0 and "sallyport" not in done.stderr, done.stderr
    assert (h.run(["cat", "/srv/web/up/tree/sub/deep"], check=False).stdout == "deep\n") == (not options.startswith("-rtn"))
    down = [o for o in options.split() if not o.startswith(("--temp-dir", "--link-dest", "--partial-dir"))]
    done = rsync(h, *down, at("/web1/srv/web/up/"), f"{HOME}/t/back")
    assert done.returncode == 0 and "sallyport" not in done.stderr, done.stderr


def test_rsync_links_stay_in_the_tree(h):
    h.run(["sh", "-c", f"ln -s /etc/passwd {HOME}/t/tree/out; ln -s ../../.. {HOME}/t/tree/up"])
    done = rsync(h, "-a", f"{HOME}/t/tree/", at("/web1/srv/web/up/"))
    assert done.returncode in (0, 23), done.stderr
    assert sorted(h.run(["ls", "/srv/web/up"]).stdout.split()) == ["link", "sub", "top"]


def test_rsync_delete_is_a_right_of_its_own(h):
    before = heard(h)
    done = rsync(h, "-a", "--delete", f"{HOME}/t/tree/", at("/web1/srv/web/up/"))
    assert done.returncode != 0 and "remove" in done.stderr, done.stderr
    untouched(h, before)
    h.run(["sh", "-c", "echo old >/srv/web/clean/old; chown -R files: /srv/web"])
    done = rsync(h, "-a", "--delete", f"{HOME}/t/tree/", at("/web1/srv/web/clean/"))
    assert done.returncode == 0, done.stderr
    assert sorted(h.run(["ls", "/srv/web/clean"]).stdout.split()) == ["link", "sub", "top"]
    done = rsync(h, "-a", "--remove-source-files", at("/web1/srv/web/hello"), f"{HOME}/t/got")
    assert done.returncode != 0 and h.read("/srv/web/hello") == "hello\n"


def test_rsync_needs_the_whole_tree(h):
    before = heard(h)
    for way in ([at("/web1/srv/web/part"), f"{HOME}/t/got"], [f"{HOME}/t/tree/", at("/web1/srv/web/part")]):
        done = rsync(h, "-a", *way)
        assert done.returncode != 0 and "Not the secrets." in done.stderr, done.stderr
    for way in ([at("/web1/home"), f"{HOME}/t/got"], [at("/web1/etc/passwd"), f"{HOME}/t/got"], [f"{HOME}/t/tree/", at("/web1/home/")]):
        done = rsync(h, "-a", *way)
        assert done.returncode != 0 and "No rule allows" in done.stderr, done.stderr
    done = rsync(h, "-a", at("/web1/srv/web/cards/"), f"{HOME}/t/got")
    assert done.returncode != 0 and "masked" in done.stderr, done.stderr
    done = rsync(h, "-a", at("/web1/srv/web/../etc/"), f"{HOME}/t/got")
    assert done.returncode != 0
    untouched(h, before)


NOT_OPTIONS = [["--rsync-path=id; rsync"], ["-M--log-file=/tmp/pwned"], ["--temp-dir=/tmp"], ["-s"], ["-L"],
               ["-R"], ["--files-from=:/etc/passwd"], ["--link-dest=/etc"], ["--write-devices"]]


def test_rsync_options_that_are_not_taken(h):
    before = heard(h)
    for option in NOT_OPTIONS:
        refused_option(h, option)
    untouched(h, before)
    assert h.run(["ls", "/tmp/pwned"], check=False).returncode != 0


def refused_option(h, options):
    source = [at("/web1/srv/web/up"), f"{HOME}/t/got"] if options[0] in ("-L", "--files-from=:/etc/passwd") else [
        f"{HOME}/t/tree", at("/web1/srv/web/up/")]
    done = rsync(h, "-a", *options, *source)
    assert done.returncode != 0 and "sallyport: " in done.stderr, (options, done.stderr)


def test_without_a_rule_nothing(h):
    use(h, policy(h, ""))
    before = heard(h)
    for done in (scp(h, f"{HOME}/t/one", at("/web1/srv/web/up/")), scp(h, at("/web1/srv/web/hello"), f"{HOME}/t/got"),
                 rsync(h, "-a", f"{HOME}/t/tree", at("/web1/srv/web/up/"))):
        assert done.returncode != 0 and "no such connection, or not allowed" in done.stderr, done.stderr
    untouched(h, before)
    shown = rsync(h, "-a", f"{HOME}/t/tree", at("/web1/srv/web/up/")).stderr
    assert len([line for line in shown.splitlines() if "sallyport" in line]) == 1
