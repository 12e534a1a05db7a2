# SPDX-License-Identifier: Apache-2.0
"""P7: what sshd itself says (sshd -T), what a person's own files may not do, and PAM. The channels are in test_channel_matrix.py."""
import os
import shlex
import subprocess

import pexpect
import pytest

import bastion
from bastion import wait_for

# What is left of TCP forwarding is what the line of AuthorizedKeysCommand opens: test_forward.py.
REFUSED = {"allowtcpforwarding": "local", "permitlisten": "none", "allowstreamlocalforwarding": "no", "allowagentforwarding": "no",
           "x11forwarding": "no",
           "permittunnel": "no", "permituserenvironment": "no", "permituserrc": "no", "passwordauthentication": "no",
           "kbdinteractiveauthentication": "no", "hostbasedauthentication": "no", "gatewayports": "no"}


@pytest.mark.parametrize("keyword", REFUSED)
def test_sshd_says_so_itself(b, keyword):
    done = b.run(["/usr/sbin/sshd", "-T", "-C", "user=alice,host=laptop,addr=192.0.2.7,laddr=192.0.2.2,lport=22"])
    assert f"\n{keyword} {REFUSED[keyword]}\n" in done.stdout


# What the installed file says of her account, and what an administrator's other files might say of it.
SHUT = {"permituserenvironment": ("no", "yes"), "authenticationmethods": ("publickey", "password"), "pubkeyauthentication": ("yes", "no"),
        "pubkeyacceptedalgorithms": ("ecdsa-sha2-nistp256-cert-v01@openssh.com,ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519"),
        "passwordauthentication": ("no", "yes"), "kbdinteractiveauthentication": ("no", "yes"),
        "hostbasedauthentication": ("no", "yes"), "gssapiauthentication": ("no", "yes"), "permitemptypasswords": ("no", "yes"),
        "authorizedkeysfile": ("none", ".ssh/authorized_keys"), "authorizedprincipalsfile": ("none", ".ssh/principals"),
        "authorizedprincipalscommand": ("none", "/bin/true"), "trustedusercakeys": ("none", "/etc/ssh/other_ca.pub"),
        "authorizedkeyscommand": ("/usr/libexec/sallyport/sallyport-authkeys %u %t %k", "/bin/true"),
        "authorizedkeyscommanduser": ("sallyport-authkeys", "nobody"),
        "forcecommand": ("/usr/libexec/sallyport/sallyport-forcecmd", "/bin/true"),
        "allowtcpforwarding": ("local", "yes"), "allowstreamlocalforwarding": ("no", "yes"), "allowagentforwarding": ("no", "yes"),
        "x11forwarding": ("no", "yes"), "permittunnel": ("no", "yes"), "permitlisten": ("none", "any"),
        "gatewayports": ("no", "yes"), "permituserrc": ("no", "yes")}


@pytest.fixture(scope="module")
def opened(shared):
    """sshd -T for alice, where all that is read after the installed file opens every door."""
    lines = [f"{keyword} {value}" for keyword, (_, value) in SHUT.items()]
    matched = [line for line in lines if not line.startswith("permituserenvironment")]
    shared.write("/run/open_sshd_config", "\n".join(["Include /etc/ssh/sshd_config.d/00-sallyport.conf", "Match all",
                 "AuthorizedPrincipalsCommandUser nobody", *matched, ""]))
    shared.write("/run/open_globally", "\n".join(["Include /etc/ssh/sshd_config.d/00-sallyport.conf",
                 "AuthorizedPrincipalsCommandUser nobody", *lines, ""]))
    who = "user=%s,host=laptop,addr=192.0.2.7,laddr=192.0.2.2,lport=22"
    return {path: {user: shared.run(["/usr/sbin/sshd", "-T", "-f", path, "-C", who % user]).stdout
                   for user in ("alice", "ops")} for path in ("/run/open_sshd_config", "/run/open_globally")}


@pytest.mark.parametrize("keyword", SHUT)
def test_no_other_file_opens_it(opened, keyword):
    shut, want = SHUT[keyword][0], f"\n{keyword} {SHUT[keyword][0]}\n"
    for path, said in opened.items():
        assert want in said["alice"], path
        # The other files are read: an administrator's account does see them.
        assert keyword == "permituserenvironment" or want not in said["ops"], f"{path}: {keyword} is {shut} anyway"


def test_every_keyword_of_the_file_is_tried(b):
    text = b.read("/etc/ssh/sshd_config.d/00-sallyport.conf")
    words = [line.split()[0].lower() for line in text.splitlines() if line.strip()]
    # What the file says of hosts is in test_jump.py.
    assert set(words) - {"#", "match", "hostcertificate", "permitrootlogin", "denygroups"} == set(SHUT)


def test_user_rc_and_environment_files_are_not_read(b):
    b.run(["sh", "-c", "mkdir -p -m 700 /home/alice/.ssh; echo 'touch /tmp/pwned' >/home/alice/.ssh/rc; "
           "echo 'LD_PRELOAD=/tmp/x.so' >/home/alice/.ssh/environment; echo 'touch /tmp/pwned' >/home/alice/.bashrc; "
           "cp /home/lap-ops/.ssh/id_ed25519.pub /home/alice/.ssh/authorized_keys; chown -R alice: /home/alice"])
    try:
        assert b.ssh("alice", "whoami").returncode == 0
        assert b.run(["test", "-e", "/tmp/pwned"], check=False).returncode != 0
        done = b.ssh("alice", "whoami", laptop="ops")
        assert done.returncode == 255, "her own authorized_keys file opened her account"
    finally:
        b.run(["sh", "-c", "rm -rf /home/alice/.ssh /home/alice/.bashrc /tmp/pwned"])


def test_client_tools(b):
    """sftp and scp as people type them."""
    for argv in (["sftp", "-b", "/dev/null", "alice@bastion"], ["scp", "/etc/hostname", "alice@bastion:/tmp/pwned"],
                 ["scp", "-O", "/etc/hostname", "alice@bastion:/tmp/pwned"], ["scp", "alice@bastion:/etc/passwd", "/tmp/pwned"]):
        done = b.run(argv, user="lap-alice", check=False)
        assert done.returncode != 0, argv
        assert b.run(["test", "-e", "/tmp/pwned"], check=False).returncode != 0


def test_a_session_cannot_reach_the_daemons(b):
    """What the sockets of the daemons say to a person."""
    for path in ("pam.sock", "monitor.sock", "control/control.sock", "recorder/recorder.sock", "identity/identity.sock"):
        code = ("import socket;s=socket.socket(socket.AF_UNIX);s.settimeout(3);s.connect('/run/sallyport/%s');"
                "s.sendall(b'\\0\\0\\0\\x06\\x01\\x03\\0\\0\\0\\x01');print('reply',len(s.recv(4096)))" % path)
        done = b.run(["/usr/bin/python3", "-c", code], user="alice", check=False)
        assert "reply" not in done.stdout or "reply 0" in done.stdout, path


def test_connection_to_the_database_without_the_bastion(b):
    """The password is what keeps alice from the database: without it the server does not let her in."""
    done = b.run(["psql", "-w", "host=db1.internal dbname=orders user=app_rw sslmode=require", "-c", "select 1"], user="alice",
                 check=False)
    assert done.returncode != 0




# --- nothing of the person's own runs before Sallyport does ----------------------------------------------------

STARTUP_FILES = {".bashrc": "touch /tmp/ran", ".bash_profile": "touch /tmp/ran", ".bash_login": "touch /tmp/ran",
                 ".profile": "touch /tmp/ran", ".bash_logout": "touch /tmp/ran", ".zshenv": "touch /tmp/ran",
                 ".zshrc": "touch /tmp/ran", ".cshrc": "touch /tmp/ran", ".tcshrc": "touch /tmp/ran",
                 ".login": "touch /tmp/ran", ".kshrc": "touch /tmp/ran", ".config/fish/config.fish": "touch /tmp/ran",
                 ".ssh/rc": "touch /tmp/ran", ".ssh/environment": "LD_PRELOAD=/home/alice/evil.so\nBASH_ENV=/home/alice/.bashrc",
                 ".pam_environment": "LD_PRELOAD DEFAULT=/home/alice/evil.so\nBASH_ENV DEFAULT=/home/alice/.bashrc\n"
                                     "ENV DEFAULT=/home/alice/.bashrc\nPATH DEFAULT=/home/alice/bin",
                 ".inputrc": "$include /tmp/ran", ".psqlrc": "\\! touch /tmp/ran", ".lesskey": "#env\nLESSSECURE=0"}
EVIL_C = ('#include <fcntl.h>\n__attribute__((constructor)) static void f(void) { open("/tmp/ran", O_WRONLY | O_CREAT, 0666); }\n')


@pytest.fixture
def traps(b):
    """A home full of files that mark the host when anything runs or loads them."""
    script = ["set -e; cd /home/alice; mkdir -p .ssh .config/fish bin"]
    for name, text in STARTUP_FILES.items():
        script.append(f"printf '%s\\n' {shlex.quote(text)} >{name}")
    script += ["cc -shared -fPIC -o evil.so -xc - ; chown -R alice: /home/alice; chmod 700 .ssh; rm -f /tmp/ran"]
    b.run(["sh", "-c", "\n".join(script)], stdin=EVIL_C)
    yield b
    b.run(["sh", "-c", "cd /home/alice && rm -rf evil.so bin .config " + " ".join(STARTUP_FILES) + " .ssh; rm -f /tmp/ran"])


def ran(b):
    return b.run(["test", "-e", "/tmp/ran"], check=False).returncode == 0


def test_the_traps_work(traps):
    """Else the next test shows nothing: a shell and the loader do fall into them."""
    for argv in (["bash", "-lc", "true"], ["bash", "-ic", "true"], ["env", "LD_PRELOAD=/home/alice/evil.so", "true"]):
        traps.run(["rm", "-f", "/tmp/ran"])
        traps.run(argv, user="alice", check=False)
        assert ran(traps), argv


@pytest.mark.parametrize("words", [[], ["whoami"], ["psql orders -c 'select 1'"], ["nosuch"], ["/bin/sh"]])
@pytest.mark.parametrize("tty", [False, True])
def test_no_file_of_hers_runs(traps, words, tty):
    if tty:
        child = traps.ssh_tty("alice", *words)
        child.expect(pexpect.EOF)
        child.close()
    else:
        traps.ssh("alice", *words, stdin="")
    assert not ran(traps)


def test_another_login_shell_is_refused(traps):
    """sshd would run the forced command through it: nothing of hers runs, and she is told what an administrator does."""
    for shell in ("/bin/bash", "/bin/sh", "/usr/bin/sallyport-forcecmd"):
        traps.run(["usermod", "-s", shell, "alice"])
        try:
            if traps.run(["test", "-x", shell], check=False).returncode != 0:
                assert traps.ssh("alice", "whoami").returncode == 255  # sshd itself
                continue
            done = traps.ssh("alice", "whoami")
            assert done.returncode not in (0, 255)
            want = "usermod -s /usr/libexec/sallyport/sallyport-forcecmd alice"
            assert want in done.stdout + done.stderr
            assert want in traps.daemon_logs()
            assert "alice@" not in done.stdout and not ran(traps)
        finally:
            traps.run(["usermod", "-s", bastion.FORCECMD, "alice"])
    assert traps.ssh("alice", "whoami").returncode == 0


@pytest.mark.parametrize("argv", [["-sallyport-forcecmd"], ["sallyport-forcecmd", "-c", "touch /tmp/ran"],
                                  ["sh", "-c", "touch /tmp/ran"], ["-sallyport-forcecmd", "-c"],
                                  ["sallyport-forcecmd", "-l", "-i", "/tmp/x"]])
def test_as_a_login_shell_it_does_nothing_else(traps, argv):
    """As login(1), su(1) and cron would start it, outside any login that was verified."""
    code = "import os,sys;os.execv('%s', %r)" % (bastion.FORCECMD, argv)
    done = traps.run(["/usr/bin/python3", "-c", code], user="alice", check=False)
    assert done.returncode == 254 and done.stdout == "" and "sallyport:" in done.stderr
    assert not ran(traps)


def test_the_login_shell_cannot_be_changed_by_its_owner(b):
    assert bastion.FORCECMD not in b.read("/etc/shells")
    done = b.run(["chsh", "-s", "/bin/bash"], user="alice", check=False, stdin="")
    assert done.returncode != 0
    assert b.run(["getent", "passwd", "alice"]).stdout.strip().endswith(":" + bastion.FORCECMD)


# --- what a client may set -------------------------------------------------------------------------------------


def test_sshd_takes_only_the_locale_from_clients(b):
    done = b.run(["/usr/sbin/sshd", "-T", "-C", "user=alice,host=laptop,addr=192.0.2.7,laddr=192.0.2.2,lport=22"])
    names = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("acceptenv ")]
    assert set(names) <= {"LANG", "LC_*"}


def test_the_locale_reaches_nothing(b):
    """LC_* gets as far as sallyport-forcecmd; the tool sees a name of a locale or nothing."""
    sent = {"LANG": "../../../tmp/ran", "LC_ALL": "C.UTF-8", "LC_EVIL": "evil-value", "LD_PRELOAD": "/home/alice/evil.so",
            "PSQLRC": "/tmp/ran", "PAGER": "touch /tmp/ran", "LOCPATH": "/tmp"}
    options = [x for name in sent for x in ("-o", f"SendEnv={name}")]
    argv = b.argv(b.ssh_argv("alice", ["psql orders -X"], options=options), "lap-alice", env=sent)
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as p:
        find = "for p in $(pgrep -u alice -x psql); do tr '\\0' '\\n' </proc/$p/environ; done"
        environ = bastion.wait_for("psql", lambda: b.run(["sh", "-c", find], check=False).stdout)
        p.communicate("select 1;\n", timeout=30)
    assert "LANG=C.UTF-8\n" in environ
    for name in ("LC_EVIL", "LD_PRELOAD", "PSQLRC", "LOCPATH", "LC_ALL"):
        assert f"\n{name}=" not in "\n" + environ
    assert not any(value in environ for name, value in sent.items() if name != "LC_ALL")


# --- the PAM lines ---------------------------------------------------------------------------------------------


def test_without_the_module_nobody_but_administrators_comes_in(b):
    """A required line, and a jump over it for administrators: they get in even when the module cannot be loaded."""
    path = b.run(["sh", "-c", "ls /lib/*/security/pam_sallyport.so /usr/lib/*/security/pam_sallyport.so 2>/dev/null | head -1"]).stdout.strip()
    b.run(["mv", path, path + ".away"])
    try:
        assert b.ssh("ops", "id -un").stdout == "ops\n"
        done = b.ssh("alice", "whoami")
        assert done.returncode != 0 and "audit session" not in done.stdout
    finally:
        b.run(["mv", path + ".away", path])
    assert b.ssh("alice", "whoami").returncode == 0


def test_no_other_service_of_pam_is_ours(b):
    """What lets people in by ssh must not come to count for sudo, su, cron or a console."""
    done = b.run(["grep", "-rl", "sallyport", "/etc/pam.d"])
    assert sorted(os.path.basename(path) for path in done.stdout.split()) == ["sallyport", "sshd"], done.stdout
    for service in ("sudo", "su", "cron", "login"):
        done = b.run(["sh", "-c", f"test ! -e /etc/pam.d/{service} || grep -E 'sallyport|^@include sshd' /etc/pam.d/{service}"],
                     check=False)
        assert done.stdout == "", service


def test_a_held_request_ends_with_its_channel(b):
    """The connection may stay, with other channels: nobody is left who would see what an approved statement does."""
    control = "/tmp/held.sock"
    master = b.popen(b.ssh_argv("alice", [], options=["-M", "-S", control, "-N"]), "lap-alice", stdin=subprocess.DEVNULL,
                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for("the connection", lambda: b.run(["test", "-S", control], check=False).returncode == 0)
        for tty in (False, True):
            mark = f"held {tty}"
            p = b.popen(b.ssh_argv("alice", [f"psql orders -X -c \"update orders set item = '{mark}' where id = 7\""],
                                   options=["-S", control, *(["-tt"] if tty else [])]), "lap-alice", stdin=subprocess.DEVNULL,
                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wait_for("the request", lambda m=mark: m in b.ssh("bob", "approvals").stdout)
            p.kill()
            p.wait()
            wait_for("the request to be gone", lambda m=mark: m not in b.ssh("bob", "approvals").stdout)
        assert master.poll() is None
    finally:
        master.kill()
        master.wait()
    assert "held" not in b.db("select string_agg(item, ',') from orders where id = 7", "orders").stdout
