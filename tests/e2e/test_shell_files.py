# SPDX-License-Identifier: Apache-2.0
"""Files that programs of a decided shell open and write: on record where a rule wants it, and nobody else's."""
import re
import shlex

import pexpect
import pytest

import bastion
from bastion import wait_for

ULID = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}\b")
SOURCE = "/mnt/tests/attacks/filewatch/use.c"
EVENT = re.compile(r'  file +connection="(\w+)" text="([^"]*)" status="([^"]*)" params="(\[.*?\])"(?: rule="([^"]*)")?(?: bytes=(\d+))?')

POLICY = bastion.POLICY_YAML.replace("rules:\n", """  shell: { kind: shell }
  free: { kind: shell }
rules:
  - name: people-shell
    who: [engineers]
    do:
      interactive: true
      unresolved: true
      argv: ["/usr/bin/* **", "/usr/sbin/* **", "/usr/lib/** **", "/opt/** **"]
    effect: allow
  - name: watch-files
    who: [engineers]
    on: [shell]
    do: { argv: ["/usr/bin/true"] }
    effect: allow
    session: { record_files: { read: [/srv/watched/**, /mnt/bound/**, /etc/motd, "/srv/flat/*"], write: ["/srv/watched/**", "/srv/out/**", /mnt/bound/**] } }
""", 1)


def take(m, text):
    said = len(m.read("/var/log/control.log"))
    m.set_policy(text)
    wait_for("the policy to be taken", lambda: "is in force" in m.read("/var/log/control.log")[said:])


@pytest.fixture(scope="module")
def m(shared):
    take(shared, POLICY)
    shared.run(["sh", "-c", f"""set -e; umask 022
mkdir -p /opt/files /opt/exec /srv/watched/deep /srv/flat/deep /srv/out /srv/else /mnt/bound
cc -O1 -w -pthread -o /opt/files/use {SOURCE}; cc -O1 -w -pthread -static -o /opt/files/use-static {SOURCE}
cc -O1 -o /opt/exec/become /mnt/tests/attacks/exec/become.c; chmod 4755 /opt/exec/become
echo secret >/srv/watched/one; echo deep >/srv/watched/deep/two; echo flat >/srv/flat/three; echo flat >/srv/flat/deep/four
echo motd >/etc/motd; echo else >/srv/else/five; chmod 1777 /srv/out /srv/else; chmod 777 /srv/watched/deep; chmod 666 /srv/watched/deep/two
ln /srv/watched/one /srv/else/linked"""])
    yield shared
    shared.set_policy(bastion.POLICY_YAML)


def sh(m, command, connection="shell", **kwargs):
    return m.ssh("alice", f"shell {connection} -c " + shlex.quote(command), **kwargs)


def sessions(m):
    return sorted(set(ULID.findall(m.sallyport("sessions").stdout)))


def events(m, number=-1):
    return m.sallyport("replay", "--events", sessions(m)[number]).stdout


def files(text):
    """(path, status) and the rest of each file on record."""
    return {(path, status): (params, rule, size) for _, path, status, params, rule, size in EVENT.findall(text)}


def used(m, command, **kwargs):
    done = sh(m, command, **kwargs)
    return done, files(events(m))


def ended(m, before, number=-1):
    """What the session that began after those has on record, once it is over."""
    wait_for("the session to be there", lambda: len(sessions(m)) > before)
    wait_for("the record to be closed", lambda: "session_end" in events(m, number))
    return events(m, number)


def interactive(m, connection="shell"):
    child = m.ssh_tty("alice", f"shell {connection}")
    child.expect(r"\$ ")
    return child


def leave(child):
    child.sendline("exit")
    child.expect(pexpect.EOF)
    child.close()


def watcher(m, child):
    """The pid of the watcher of this shell, as root outside of the session sees it."""
    child.sendline("echo shell-$$-")
    child.expect(r"shell-(\d+)-")
    shell = child.match.group(1)
    child.expect(r"\$ ")
    found = m.run(["sh", "-c", f"warden=$(ps -o ppid= -p {shell}); for p in $(pgrep -P $warden); do "
                   "ls -l /proc/$p/fd 2>/dev/null | grep -q fanotify && echo $p; done; true"]).stdout.split()
    assert len(found) == 1, found
    return found[0]


def test_what_is_read_and_written_is_on_record(m):
    done, seen = used(m, "cat /srv/watched/one /srv/watched/deep/two; echo abc >/srv/out/made; echo x >>/srv/watched/deep/two")
    assert done.stdout == "secret\ndeep\n", done
    params, rule, size = seen["/srv/watched/one", "opened"]
    uid = m.run(["id", "-u", "alice"]).stdout.strip()
    assert rule == "watch-files" and size == "" and f'"uid={uid}"' in params and '"exe=/usr/bin/cat"' in params, params
    assert re.search(r'"pid=\d+"', params) and '"opened=1"' in params
    params, rule, size = seen["/srv/out/made", "written"]
    assert size == "4" and '"written=1"' in params and '"exe=/usr/bin/bash"' in params
    assert any(path == "/srv/watched/deep/two" and "written" in status for path, status in seen), seen
    m.run(["sh", "-c", "echo deep >/srv/watched/deep/two"])


def test_and_nothing_else(m):
    done, seen = used(m, "cat /srv/else/five /srv/flat/three /srv/flat/deep/four /srv/out/made; echo x >/srv/else/w")
    assert done.returncode == 0, done
    assert set(seen) == {("/srv/flat/three", "opened")}, seen  # one * is one part of a path; /srv/out only when written


def test_what_others_do_is_not_on_record(m):
    before = len(sessions(m))
    child = interactive(m)
    child.sendline("echo mine >/srv/out/mine")
    child.expect(r"\$ ")
    m.run(["sh", "-c", "cat /srv/watched/one; echo theirs >/srv/out/theirs"])
    m.run(["cat", "/srv/watched/deep/two"], user="alice")
    assert sh(m, "cat /srv/watched/one", connection="free").returncode == 0
    leave(child)
    wait_for("the record to be closed", lambda: "session_end" in events(m, before))
    paths = {path for path, _ in files(events(m, before))}
    assert "/srv/out/mine" in paths and not paths & {"/srv/watched/one", "/srv/out/theirs", "/srv/watched/deep/two"}, paths
    assert not files(events(m))  # of the connection without such a rule


def path_of(way):
    return "/srv/else/linked" if way == "link" else "/srv/out/" + way if way.startswith("write-") else "/srv/watched/w-" + way


@pytest.mark.parametrize("program", ["use", "use-static"])
def test_every_way_to_use_a_file_is_seen(m, program):
    ways = m.run(["/opt/files/use"]).stdout.split()
    assert len(ways) >= 20
    for way in ways:
        if way != "link":
            m.run(["sh", "-c", f"echo secret-{way} >{path_of(way)}; chmod 666 {path_of(way)}"])
    done, seen = used(m, "".join(f"/opt/files/{program} {way} {path_of(way)}; " for way in ways))
    for way in ways:
        path = path_of(way)
        if way.startswith("write-"):
            assert m.read(path) != f"secret-{way}\n" and any(p == path and "written" in s for p, s in seen), (way, seen)
        elif way == "link":
            assert '"linked"' in seen[path, "opened"][0] and "secret\n" in done.stdout, (way, done)
        elif f"secret-{way}\n" in done.stdout or way != "handle":  # which needs a capability
            assert f"secret-{way}\n" in done.stdout and (path, "opened") in seen, (way, done, seen)


def test_names_that_lead_to_it(m):
    _, seen = used(m, "ln -s /srv/watched/one /srv/else/s; cat /srv/else/s; cd /srv/watched/deep && cat ../one two; rm /srv/else/s")
    assert ("/srv/watched/one", "opened") in seen and ("/srv/watched/deep/two", "opened") in seen
    _, seen = used(m, "echo a >/srv/else/a; mv /srv/else/a /srv/watched/deep/a; cat /srv/watched/deep/a; rm /srv/watched/deep/a")
    assert ("/srv/watched/deep/a", "opened") in seen
    _, seen = used(m, "exec 3>/srv/watched/deep/gone; rm /srv/watched/deep/gone; echo x >&3; exec 3>&-")
    assert any(path == "/srv/watched/deep/gone" and '"deleted"' in more[0] for (path, _), more in seen.items()), seen
    done = sh(m, "mount --bind /srv/watched /srv/else; unshare -rm true; cat /proc/1/root/srv/watched/one")
    assert "secret" not in done.stdout and done.returncode != 0


def test_what_root_mounts_later(m):
    done = sh(m, "/opt/exec/become /usr/bin/mount -t tmpfs none /mnt/bound; for i in $(seq 20); do echo x >/srv/out/t; "
              "/opt/exec/become /usr/bin/cp /srv/out/t /mnt/bound/t; sleep 0.1; done; cat /mnt/bound/t; "
              "/opt/exec/become /opt/files/use handle /mnt/bound/t")
    assert done.stdout == "x\nx\n", done
    text = events(m)
    assert re.search(r'text="/mnt/bound/t" status="(opened, )?written"', text), text
    assert re.search(r'text="/mnt/bound/t" status="opened" params=".*exe=/opt/files/use"', text), text  # by its handle


def test_ten_thousand_files(m):
    m.run(["mkdir", "-m", "777", "-p", "/srv/watched/deep/many"])
    done = sh(m, "/opt/files/use many /srv/watched/deep/many 10000")
    assert done.returncode == 0, done
    text = events(m)
    seen = {path for path, status in files(text) if path.startswith("/srv/watched/deep/many/") and "written" in status}
    assert len(seen) == 10000 or "files: gap: more files were used" in text, len(seen)
    assert len(seen) > 1000
    m.run(["rm", "-r", "/srv/watched/deep/many"])


def test_more_than_the_kernel_keeps_is_a_gap_on_record(m):
    m.run(["mkdir", "-m", "777", "-p", "/srv/watched/deep/flood"])
    most = int(m.read("/proc/sys/fs/fanotify/max_queued_events"))
    before = len(sessions(m))
    child = interactive(m)
    pid = watcher(m, child)
    m.run(["kill", "-STOP", pid])
    child.sendline(f"/opt/files/use many /srv/watched/deep/flood {most + 100}; echo flooded-$((1 + 1))")
    child.expect("flooded-2", timeout=60)  # it waits for nobody
    m.run(["kill", "-CONT", pid])
    leave(child)
    text = ended(m, before)
    assert "files: gap: more files were used" in text
    m.run(["rm", "-r", "/srv/watched/deep/flood"])


def test_a_rule_that_changes(m):
    before = len(sessions(m))
    child, old = interactive(m), interactive(m, "free")
    take(m, POLICY.replace("on: [shell]\n    do: { argv: [\"/usr/bin/true\"] }", "do: { argv: [\"/usr/bin/true\"] }")
         .replace("/srv/watched/**, /mnt/bound/**, /etc/motd", "/srv/else/**"))

    def has_five():
        child.sendline("cat /srv/else/five")
        child.expect(r"\$ ")
        return "/srv/else/five" in {path for path, _ in files(events(m, before))}
    wait_for("the new rule to hold in the session", has_five, every=0.3)
    child.sendline("cat /srv/watched/one")
    child.expect("secret")
    child.expect(r"\$ ")
    leave(child)

    def is_told():
        old.sendline("ls /")
        return old.expect(["start a new one", r"\$ "]) == 0
    wait_for("the older session to be told", is_told)
    leave(old)
    wait_for("the record to be closed", lambda: "session_end" in events(m, before))
    paths = {path for path, _ in files(events(m, before))}
    assert "/srv/else/five" in paths and "/srv/watched/one" not in paths, paths
    take(m, POLICY)


def test_what_is_left_when_the_session_is_ended(m):
    before = len(sessions(m))
    child = interactive(m)
    child.sendline("exec 3>/srv/out/held; echo abcd >&3; (trap '' HUP TERM; exec 4>/srv/out/kept; sleep 1000) & echo up-$((1 + 1))")
    child.expect("up-2")
    wait_for("the other file", lambda: m.run(["test", "-e", "/srv/out/kept"], check=False).returncode == 0)
    child.kill(9)
    child.close(force=True)
    seen = files(ended(m, before))
    assert seen["/srv/out/held", "written"][2] == "5" and ("/srv/out/kept", "written") in seen, seen


def test_without_its_watcher_a_session_ends(m):
    before = len(sessions(m))
    child = interactive(m)
    m.run(["kill", "-KILL", watcher(m, child)])
    child.expect("can no longer be put on record")
    child.expect(pexpect.EOF)
    child.close()
    assert "files: gap: not all that programs of this session used" in ended(m, before)


def test_no_watch_no_session(m):
    hold = m.popen(["python3", "-c", "import ctypes, sys\nc = ctypes.CDLL(None)\n"
                    "while c.syscall(300, 0x200, 0) >= 0: pass\nprint('full', flush=True)\nsys.stdin.read()"],
                   user="alice", stdin=-1, stdout=-1, text=True)
    try:
        assert hold.stdout.readline() == "full\n"
        done = sh(m, "echo it runs")
        assert done.returncode != 0 and "it runs" not in done.stdout and "cannot be watched here" in done.stderr, done
        assert sh(m, "echo it runs", connection="free").stdout == "it runs\n"
    finally:
        hold.kill()
        hold.wait()


def test_searched_and_exported(m):
    sh(m, "cat /srv/watched/one")
    last = sessions(m)[-1]
    found = m.sallyport("search", "/srv/watched/one").stdout
    assert re.search(last + r".* file +/srv/watched/one", found), found
    out = m.sallyport("export", "--format", "json", "--output", "/tmp/files-export.json", last, check=False)
    assert out.returncode == 0, out
    text = m.read("/tmp/files-export.json")
    assert '"class_uid": 1001' in text or '"class_uid":1001' in text
    m.run(["rm", "/tmp/files-export.json"])
