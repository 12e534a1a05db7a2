# SPDX-License-Identifier: Apache-2.0
"""Command lines run by real shells in a sandbox where every program says that it ran; see tests/attacks/argv/README."""
import json
import os
import re
import shutil
import subprocess
import tempfile

# Programs that are only a name there.
STUBS = """rm ls cat dd cp mv grep tail head touch mkdir chmod chown curl wget nc python3 perl vim less man git tar sudo su
doas ssh scp rsync systemctl reboot shutdown kill id whoami ps df du free uptime date hostname uname wc sort uniq cut tr
tee base64 gzip zip make gcc sleep watch parallel runuser systemd-run unshare nsenter chroot ionice expr seq basename
dirname which logger mount psql docker kubectl f g foo bar a b c x y z evil one two""".split()
# Programs that are themselves there, and run others.
REAL = "env xargs nice nohup timeout stdbuf setsid find flock awk sed sh bash dash".split()
EXTRA_SHELLS = "zsh ksh mksh ash busybox".split()


def _real(name):
    return shutil.which(name, path=os.environ.get("SP_WITNESS_PATH", "") + ":/usr/bin:/bin")


def shells():
    """The shells there are to ask, by the name they are called by."""
    return ["dash", "bash"] + [s for s in EXTRA_SHELLS if s != "busybox" and _real(s)]


class Witness:
    """One shell in its sandbox. run(lines) says what each of them executed, as lists [path, argv0, argv1 ...]."""

    def __init__(self, shell, program):
        self.shell = shell
        self.dir = tempfile.mkdtemp(prefix="witness")
        for d in ("bin", "real", "log"):
            os.mkdir(f"{self.dir}/{d}")
        shutil.copy(program, f"{self.dir}/bin/.witness")
        for name in STUBS + REAL + EXTRA_SHELLS:
            os.link(f"{self.dir}/bin/.witness", f"{self.dir}/bin/{name}")
        for name in REAL + EXTRA_SHELLS:
            if _real(name):
                shutil.copy(os.path.realpath(_real(name)), f"{self.dir}/real/{name}")
        open(f"{self.dir}/log/log", "w").close()

    def close(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def _command(self):
        return ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv",
                "--ro-bind", "/usr/lib", "/usr/lib", "--symlink", "usr/lib", "/lib", "--ro-bind-try", "/usr/lib64",
                "/usr/lib64", "--symlink", "usr/lib64", "/lib64", "--ro-bind", f"{self.dir}/bin", "/usr/bin",
                "--symlink", "usr/bin", "/bin", "--symlink", "bin", "/usr/sbin", "--symlink", "usr/bin", "/sbin",
                "--ro-bind", f"{self.dir}/real", "/real", "--bind", f"{self.dir}/log", "/log", "--dev", "/dev",
                "--proc", "/proc", "--tmpfs", "/tmp", "--tmpfs", "/w", "--tmpfs", "/etc", "--chdir", "/w",
                "/usr/bin/.witness", "--drive", self.shell, "/w"]

    def run(self, lines):
        """Lines that kill the driver itself give None."""
        results = []
        while len(results) < len(lines):
            rest = lines[len(results):]
            out = subprocess.run(self._command(), input=b"".join(line + b"\0" for line in rest), stdout=subprocess.PIPE,
                                 check=False).stdout
            ran, first = [], len(results)
            for record in out.split(b"\x1e")[:-1]:
                if record.startswith(b"\0"):
                    assert len(results) == first + int(record[1:])
                    results.append(ran)
                    ran = []
                else:
                    ran.append(record.split(b"\0")[:-1])
            if len(results) < len(lines):
                results.append(None)
        return results


def facts(program, lines, typed=False):
    """What policy/shell.h says of lines, none of which holds a NUL."""
    p = subprocess.run([program] + (["--typed"] if typed else []), input=b"".join(line + b"\0" for line in lines),
                       stdout=subprocess.PIPE, check=True)
    found = [json.loads(x) for x in p.stdout.split(b"\n") if x]
    assert len(found) == len(lines)
    return found


def _pattern(words):
    out = b""
    for w in words:
        if w["open"]:
            out += rb"(?:[^\x00]*\x00)*"
            continue
        for part in re.split("(\x01)", w["text"]):
            out += (rb"[0-9]*" if w["number"] else rb"[^\x00]*") if part == "\x01" else re.escape(part.encode())
        out += rb"\x00"
    return out


def explains(command, ran):
    """Whether a command of the facts is what ran: by its name, and each argument."""
    name = command["words"][0]["text"].encode().rsplit(b"/", 1)[-1]
    if name != ran[0].rsplit(b"/", 1)[-1]:
        return False
    return re.fullmatch(_pattern(command["words"][1:]), b"".join(a + b"\0" for a in ran[2:]), re.S) is not None


def _is_means(fact, ran):
    """Whether it is the shell by which flock, watch or su run a line of theirs, which is in the facts by itself."""
    words = {w["text"].encode() for c in fact["commands"] for w in c["words"]}
    return ran[0].endswith(b"/sh") and ran[2:3] == [b"-c"] and len(ran) == 4 and ran[3].strip() in words


def unexplained(fact, ran):
    """What ran although the line was understood and did not say so."""
    if fact["refused"] or fact["reasons"] or ran is None:
        return []
    return [r for r in ran if not any(explains(c, r) for c in fact["commands"]) and not _is_means(fact, r)]


TOKENS = [b" ", b" ", b" ", b";", b"&", b"|", b"&&", b"||", b"\n", b"(", b")", b"{ ", b" }", b"'", b'"', b"`", b"$(", b"$((",
          b"${x:-", b"}", b"\\", b"\\\n", b"$x", b'"$x"', b"$@", b"$1", b"*", b"?", b"[a]", b"~", b"{a,b}", b"{}", b"#", b"!",
          b"=", b"x=1 ", b"<", b">", b">>", b"2>&1", b"<<E\n", b"\nE\n", b"<<'E'\n", b"<<<", b"if ls; then ", b"; fi",
          b"for i in a b; do ", b"; done", b"case a in a) ", b";; esac", b"f() { ", b"f ", b"rm x", b"ls ", b"cat ", b"echo ",
          b"env ", b"xargs ", b"sh -c ", b"eval ", b"exec ", b"command ", b"find . -exec ", b" \\;", b" {} +", b"nice ",
          b"timeout 1 ", b"-n ", b"--", b"-I{} ", b"'rm y'", b'"rm z"', b"$'rm'", b"%s", b"trap ", b" EXIT", b"printf ",
          b"test ", b"[ ", b" ]", b"-eq", b"read x", b"set -- ", b"export ", b"a", b"1", b"\t", b"^", b",", b"..", b"/bin/"]


def chance(rnd, corpus, count):
    """Lines made from known ones: cut, joined, tokens put in and taken out; and lines of nothing but tokens."""
    for _ in range(count):
        if rnd.random() < 0.3:
            line = b"".join(rnd.choice(TOKENS) for _ in range(rnd.randrange(2, 12)))
        else:
            line = rnd.choice(corpus)
            for _ in range(rnd.randrange(1, 4)):
                at, what = rnd.randrange(len(line) + 1), rnd.random()
                if what < 0.5:
                    line = line[:at] + rnd.choice(TOKENS) + line[at:]
                elif what < 0.7:
                    line = line[:at] + line[at + rnd.randrange(1, 4):]
                elif what < 0.85:
                    line = line[:at] + rnd.choice(corpus)[rnd.randrange(8):]
                else:
                    line = rnd.choice([b"sh -c '%s'", b"$(%s)", b"`%s`", b"{ %s; }", b"(%s)", b"eval '%s'", b"if ls; then %s; fi",
                                       b"echo \"$(%s)\"", b"cat <<E\n$(%s)\nE", b"f() { %s; }; f a", b"! %s", b"%s | cat"]) % line
        if b"\0" not in line:
            yield line
