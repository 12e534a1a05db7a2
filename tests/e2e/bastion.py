# SPDX-License-Identifier: Apache-2.0
"""A whole bastion in a private root: the packages installed as on any machine, real sshd, auditd, PostgreSQL
and OpenID provider, and three people with unmodified ssh clients. Nothing of it is left when it stops.

    with Bastion() as b:
        b.login("alice")
        print(b.ssh("alice", "whoami").stdout)

Environment: SALLYPORT_BUILD (where scripts/package put the .deb, default build/), SALLYPORT_AUDITD_LOCK
(one auditd at a time a machine), SALLYPORT_E2E_LOG (where logs are kept when it stops).
"""
import fcntl
import glob
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import pexpect

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("SALLYPORT_BUILD", TOP + "/build")
AUDITD_LOCK = os.environ.get("SALLYPORT_AUDITD_LOCK", "/run/lock/sallyport-auditd.lock")
ISSUER = "https://idp.internal:8443"
DB_HOST, DB_PORT, DB_PASSWORD = "db1.internal", 5432, "orders-s3cret-never-shown"
PEOPLE = ("alice", "bob", "carol")
DAEMONS = {"identity": "sallyport-identity", "control": "sallyport-control", "recorder": "sallyport-recorder",
           "ssh": "sallyport-ssh", "sallyportd": "sallyportd"}
UNITS = "/lib/systemd/system"
PG_BIN, PG_DATA = "/usr/lib/postgresql/15/bin", "/var/lib/postgresql/e2e"
WAIT = float(os.environ.get("SALLYPORT_E2E_WAIT", "20"))  # seconds before anything that should happen has not
FORCECMD = "/usr/libexec/sallyport/sallyport-forcecmd"  # as login shell: sshd runs a forced command through the shell
CA_DIR = "/etc/sallyport/ca"
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1b[=>]|\r")

HOSTS = f"""127.0.0.1 localhost
127.0.0.1 bastion
127.0.0.2 {DB_HOST}
127.0.0.3 idp.internal
"""

SALLYPORT_YAML = f"""version: 1
issuers:
  - issuer: {ISSUER}
    client_id: sallyport
    user: {{ claim: email, domain: example.com }}
    ca: {CA_DIR}/ca.pem
"""

POLICY_YAML = f"""version: 1
groups:
  engineers: {{ claim: groups, has: eng }}
  dba: {{ claim: groups, has: dba }}
connections:
  orders:
    kind: postgres
    address: {DB_HOST}:{DB_PORT}
    database: orders
    tls: {{ mode: verify-full, ca: {CA_DIR}/ca.pem }}
    login: {{ user: app_rw, password: {{ file: /etc/sallyport/secrets/orders }} }}
    labels: {{ env: prod, data: pii }}
    durability: process
rules:
  - name: engineers-read
    who: [engineers, dba]
    on: {{ labels: {{ env: prod }} }}
    do: {{ sql: [select, show, explain] }}
    effect: allow
    mask:
      columns: ["customers.email", "*.ssn"]
      detect: [credit_card, email, us_ssn, iban, secret]
      with: partial
  - name: writes-need-a-dba
    who: [engineers]
    on: {{ labels: {{ env: prod }} }}
    do: {{ sql: [insert, update, delete] }}
    effect: approve
    approve: {{ by: [dba], count: 1, within: 15m }}
  - name: never-unbounded
    do: {{ sql: [drop, truncate, update_without_where, delete_without_where] }}
    effect: deny
    message: Use a migration for this.
tests:
  - {{ who: {{ groups: [eng] }}, on: orders, run: "select 1", expect: allow }}
  - {{ who: {{ groups: [eng] }}, on: orders, run: "delete from customers", expect: deny }}
"""

CUSTOMERS = [  # id, name, email, ssn, card, iban, phone, note
    (1, "Ada Young", "ada.young@example.net", "219-09-9999", "4111111111111111", "DE89370400440532013000"),
    (2, "Ben Okoro", "ben.okoro@example.net", "457-55-5462", "5500005555555559", "GB82WEST12345698765432"),
    (3, "Chen Lee", "chen.lee@example.net", "078-05-1121", "378282246310005", "FR1420041010050500013M02606"),
]
SECRETS_IN_ROWS = [v for row in CUSTOMERS for v in row[2:]]

SCHEMA = """create table customers (id int primary key, name text not null, email text, ssn text, card text, iban text);
create table orders (id serial primary key, customer int references customers, item text, amount numeric(10,2));
grant select, insert, update, delete on all tables in schema public to app_rw;
grant usage on all sequences in schema public to app_rw;
""" + "".join("insert into customers values (%d, '%s', '%s', '%s', '%s', '%s');\n" % c for c in CUSTOMERS) + """
insert into orders (customer, item, amount) select 1 + n % 3, 'item ' || n, n * 1.5 from generate_series(1, 50) n;
"""

PG_CONF = """listen_addresses = '127.0.0.2'
unix_socket_directories = '/run/pg-e2e'
ssl = on
ssl_cert_file = '/etc/sallyport/ca/db1.internal.pem'
ssl_key_file = '/var/lib/postgresql/db1.key'
password_encryption = scram-sha-256
log_statement = all
log_line_prefix = '%m [%p] %u@%d '
log_destination = stderr
log_timezone = UTC
fsync = off
"""
PG_HBA = "local all postgres peer\nhostssl all all 127.0.0.0/8 scram-sha-256\n"

SYSLOG_SINK = ("import os,socket\ns=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)\ns.bind('/dev/log')\n"
               "os.chmod('/dev/log',0o666)\nwhile True:\n print(s.recv(65536).decode('utf-8','replace').strip(),flush=True)")


class BastionError(Exception):
    pass


def plain(text):
    """Terminal output without its control sequences."""
    return ANSI.sub("", text)


def wait_for(what, check, timeout=WAIT, every=0.05):
    """The first true value of check(); BastionError when it does not come."""
    deadline = time.monotonic() + timeout
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > deadline:
            raise BastionError(f"waited {timeout:.0f} s for {what}")
        time.sleep(every)


class Process(subprocess.Popen):
    """A test that fails while it has one in a with statement does not wait for its end."""

    def __exit__(self, kind, value, traceback):
        if kind is not None and self.poll() is None:
            self.kill()
        super().__exit__(kind, value, traceback)


class Bastion:
    def __init__(self, deb=None, alg="RS256", log_size=None, id_token_ttl=3600, policy=POLICY_YAML, audit=True, say=None,
                 restart_sec=1.0):
        self.deb, self.alg, self.log_size, self.ttl, self.policy = deb, alg, log_size, id_token_ttl, policy
        self.say = say or (lambda text: None)
        self.want_audit, self.has_audit, self.restart_sec = audit, False, restart_sec
        self.holder = self.base = self.lock = self.out = None
        self.audit_enabled = None

    # -- life ---------------------------------------------------------------------------------------------

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        self.prepare()
        self.configure()
        self.enable()
        self.start_daemons()
        self.start_sshd()

    def prepare(self):
        """A machine with its peers and the package as dpkg leaves it: nothing configured, nothing of ours running."""
        if os.geteuid() != 0:
            raise BastionError("a private root needs root")
        self.deb = self.deb or self.find_deb()
        self.claim_auditd()
        self.base = tempfile.mkdtemp(prefix="sallyport-e2e.")
        self.out = self.base + ".out"
        os.mkdir(self.out)
        self.enter()
        self.say("private root ready")
        self.make_certificates()
        self.make_people()
        self.start_peers()
        self.plain_sshd()
        self.install()

    def stop(self):
        if self.holder is not None:
            self.keep_logs()
            self.holder.stdin.close()
            try:
                self.holder.wait(20)
            except subprocess.TimeoutExpired:
                self.holder.kill()
                self.holder.wait()
            self.holder.stdout.close()
            self.holder = None
        if self.audit_enabled is not None:
            subprocess.run(["auditctl", "-e", self.audit_enabled], stdout=subprocess.DEVNULL, check=False)
            self.audit_enabled = None
        for path in (self.base, self.out):
            if path:
                shutil.rmtree(path, ignore_errors=True)
        self.base = self.out = None
        if self.lock is not None:
            self.lock.close()
            self.lock = None

    @staticmethod
    def find_deb():
        found = [p for p in glob.glob(BUILD + "/package/sallyport_*.deb")]
        if len(found) != 1:
            raise BastionError(f"no package in {BUILD}/package: run scripts/package")
        return found[0]

    def claim_auditd(self):
        if not self.want_audit:
            return
        os.makedirs(os.path.dirname(AUDITD_LOCK), exist_ok=True)
        self.lock = open(AUDITD_LOCK, "w", encoding="ascii")  # pylint: disable=consider-using-with
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        status = subprocess.run(["auditctl", "-s"], capture_output=True, text=True, check=False)
        fields = dict(line.split()[:2] for line in status.stdout.splitlines() if len(line.split()) >= 2)
        self.has_audit = status.returncode == 0 and fields.get("pid") == "0"
        if self.has_audit:
            self.audit_enabled = fields["enabled"]
        else:
            print("bastion: this machine has an auditd of its own (or no audit): not starting one", file=sys.stderr)

    def enter(self):
        oidc = BUILD + "/oidc"
        binds = [(TOP + "/tests", "/mnt/tests", "ro"), (oidc, "/mnt/oidc", "ro"),
                 (os.path.dirname(self.deb), "/mnt/deb", "ro"), (self.out, "/mnt/out", "rw")]
        if os.path.isdir(BUILD + "/pgclient"):
            binds.append((BUILD + "/pgclient", "/mnt/pgclient", "ro"))
        config = {"base": self.base, "size": "3g", "lower": os.environ.get("SALLYPORT_E2E_LOWER", "/"), "binds": binds,
                  "log_size": self.log_size}
        path = self.out + "/config.json"
        with open(path, "w", encoding="utf-8") as f:
            json.dump(config, f)
        # pylint: disable-next=consider-using-with
        self.holder = subprocess.Popen(["unshare", "--mount", "--net", "/usr/bin/python3", TOP + "/tests/e2e/inside.py", path],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        self.reply()
        # Everything from here on runs as root: be sure that it is not on this machine's own root.
        if self.run(["cat", "/run/sallyport-e2e"], check=False).stdout != self.base + "\n":
            raise BastionError("commands would not run inside the private root")

    def reply(self):
        line = self.holder.stdout.readline()
        if not line:
            raise BastionError("the inside of the bastion ended")
        answer = json.loads(line)
        if "error" in answer:
            raise BastionError(answer["error"])
        return answer["ok"]

    def ask(self, **request):
        self.holder.stdin.write(json.dumps(request).encode() + b"\n")
        self.holder.stdin.flush()
        return self.reply()

    def keep_logs(self):
        keep = os.environ.get("SALLYPORT_E2E_LOG")
        if not keep:
            return
        os.makedirs(keep, exist_ok=True)
        self.run(["sh", "-c", "cp /var/log/*.log /mnt/out/ 2>/dev/null; cp /var/log/audit/audit.log /mnt/out/ 2>/dev/null"],
                 check=False)
        for path in glob.glob(self.out + "/*.log"):
            shutil.copy(path, keep)

    # -- commands inside ----------------------------------------------------------------------------------

    def argv(self, argv, user=None, env=None):
        enter = ["nsenter", "-t", str(self.holder.pid), "-m", "-n", "-r", "-w"]
        if user is None:
            return [*enter, "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", "TERM=xterm",
                    *(f"{k}={v}" for k, v in (env or {}).items()), *argv]
        return [*enter, "setpriv", "--reuid", user, "--regid", user, "--init-groups", "env", "-i", f"HOME=/home/{user}",
                "PATH=/usr/bin:/bin", "LANG=C.UTF-8", "TERM=xterm", f"USER={user}", f"LOGNAME={user}",
                *(f"{k}={v}" for k, v in (env or {}).items()), *argv]

    # pylint: disable-next=too-many-arguments
    def run(self, argv, user=None, stdin=None, env=None, check=True, timeout=60):
        done = subprocess.run(self.argv(argv, user, env), input=stdin, capture_output=True, text=True, errors="replace",
                              timeout=timeout, check=False, **({} if stdin is not None else {"stdin": subprocess.DEVNULL}))
        if check and done.returncode:
            raise BastionError(f"{shlex.join(argv)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def popen(self, argv, user=None, **kwargs):
        return Process(self.argv(argv, user), **kwargs)

    def write(self, path, text, mode="0644", owner="root:root"):
        """In one step, as an editor that cares would."""
        self.run(["sh", "-c", 'cat >"$1.tmp" && chmod "$2" "$1.tmp" && chown "$3" "$1.tmp" && mv "$1.tmp" "$1"', "-",
                  path, mode, owner], stdin=text)

    def read(self, path):
        return self.run(["cat", path]).stdout

    def service(self, name, argv=None, unit=None, env=None, restart_sec=1.0):
        spec = {"unit": unit} if unit else {"argv": argv}
        self.ask(op="add", name=name, spec={**spec, "env": env or {}, "restart_sec": restart_sec})
        return self.ask(op="start", name=name)["pid"]

    # -- making the machine -------------------------------------------------------------------------------

    def make_certificates(self):
        script = f"""set -e; umask 077; mkdir -p {CA_DIR} /etc/sallyport/secrets; chmod 755 /etc/sallyport {CA_DIR}; cd {CA_DIR}
new() {{ openssl genpkey -quiet -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }}
new /root/ca.key
openssl req -x509 -new -key /root/ca.key -subj "/CN=Example test CA" -days 3 -out ca.pem \
  -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
for name in {DB_HOST} idp.internal; do
  new /root/$name.key
  openssl req -new -key /root/$name.key -subj /CN=$name -out /root/$name.csr
  printf 'subjectAltName=DNS:%s\\n' $name >/root/$name.ext
  openssl x509 -req -in /root/$name.csr -CA ca.pem -CAkey /root/ca.key -CAcreateserial -days 3 -extfile /root/$name.ext -out $name.pem
done; chmod 644 *.pem"""
        self.run(["sh", "-c", script])
        self.write("/etc/hosts", HOSTS)

    def make_people(self):
        script = ["set -e", "groupadd -f sallyport-admin"]
        for name in PEOPLE:
            script += [f"useradd -m -s {FORCECMD} {name}", f"useradd -m -s /bin/bash lap-{name}",
                       f"mkdir -m 700 /home/lap-{name}/.ssh",
                       f"printf 'Host bastion\\n  IdentityFile ~/.ssh/op/id\\n' >/home/lap-{name}/.ssh/config",
                       f"chown -R lap-{name}: /home/lap-{name}/.ssh"]
        script += ["useradd -m -s /bin/bash -G sallyport-admin ops", "useradd -m lap-ops", "mkdir -m 700 /home/ops/.ssh",
                   "mkdir -m 700 /home/lap-ops/.ssh", "ssh-keygen -q -t ed25519 -N '' -f /home/lap-ops/.ssh/id_ed25519",
                   "cp /home/lap-ops/.ssh/id_ed25519.pub /home/ops/.ssh/authorized_keys",
                   "chown -R ops: /home/ops/.ssh", "chown -R lap-ops: /home/lap-ops/.ssh"]
        self.run(["sh", "-c", "\n".join(script)])

    def start_peers(self):
        self.service("syslog", ["/usr/bin/python3", "-c", SYSLOG_SINK])
        node = shutil.which("node") or "/usr/bin/node"
        self.service("idp", [os.path.realpath(node), "/mnt/oidc/provider.mjs", "--issuer", ISSUER, "--listen", "127.0.0.3",
                             "--cert", f"{CA_DIR}/idp.internal.pem", "--key", "/root/idp.internal.key", "--alg", self.alg,
                             "--id-token-ttl", str(self.ttl), "--keys", "/root/idp.jwks"], env={"NODE_NO_WARNINGS": "1"})
        if self.has_audit:
            self.run(["sh", "-c", "mkdir -p -m 700 /var/log/audit && rm -f /etc/audit/rules.d/* && "
                      "sed -i -e 's/^freq *=.*/freq = 1/' -e 's/^flush *=.*/flush = INCREMENTAL/' /etc/audit/auditd.conf"])
            self.service("auditd", ["/sbin/auditd", "-n"])
        self.start_postgres()
        wait_for("the identity provider", lambda: "ready" in self.run(["cat", "/var/log/idp.log"], check=False).stdout)

    def start_postgres(self):
        self.run(["sh", "-c", f"""set -e; install -m 600 -o postgres /root/{DB_HOST}.key /var/lib/postgresql/db1.key
mkdir -p /run/pg-e2e; chown postgres: /run/pg-e2e; rm -rf {PG_DATA}
cd /; setpriv --reuid postgres --regid postgres --init-groups {PG_BIN}/initdb -A peer -E UTF8 --locale=C.UTF-8 -N -D {PG_DATA} >/dev/null
cat >>{PG_DATA}/postgresql.conf; printf '{PG_HBA}' >{PG_DATA}/pg_hba.conf"""], stdin=PG_CONF)
        argv = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups", PG_BIN + "/postgres", "-D", PG_DATA]
        self.service("postgres", argv)
        wait_for("PostgreSQL", lambda: self.db("select 1", check=False).returncode == 0)
        self.db(f"create role app_rw login password '{DB_PASSWORD}'")
        self.db("create database orders")
        self.db(SCHEMA, "orders")

    def newer_deb(self):
        """The same package with a higher version, as its path inside."""
        with tempfile.TemporaryDirectory() as tree:
            subprocess.run(["dpkg-deb", "-R", self.deb, tree], check=True)
            with open(tree + "/DEBIAN/control", encoding="utf-8") as f:
                control = f.read()
            with open(tree + "/DEBIAN/control", "w", encoding="utf-8") as f:
                f.write(re.sub(r"(?m)^Version: (.*)$", r"Version: \1+newer1", control))
            subprocess.run(["dpkg-deb", "-b", "-Znone", tree, self.out + "/newer.deb"], check=True, stdout=subprocess.DEVNULL)
        return "/mnt/out/newer.deb"

    def install(self, path=None):
        done = self.run(["dpkg", "-i", path or "/mnt/deb/" + os.path.basename(self.deb)], check=False, timeout=120,
                        env={"DEBIAN_FRONTEND": "noninteractive"})
        if done.returncode:
            raise BastionError("dpkg -i failed:\n" + done.stdout + done.stderr)
        self.say("package installed")
        return done.stdout

    def configure(self):
        self.write("/etc/sallyport/sallyport.yaml", SALLYPORT_YAML)
        self.set_policy(self.policy)
        self.write("/etc/sallyport/secrets/orders", DB_PASSWORD + "\n", mode="0600")

    def set_policy(self, text, name="orders.yaml"):
        self.write(f"/etc/sallyport/policy.d/{name}", text, mode="0640", owner="root:sallyport-control")

    def plain_sshd(self):
        """sshd as Debian sets it up, whatever this machine's own is like."""
        self.run(["sh", "-c", "cp /usr/share/openssh/sshd_config /etc/ssh/sshd_config; rm -f /etc/ssh/sshd_config.d/*; "
                  "mkdir -p /run/sshd; ssh-keygen -A >/dev/null; "
                  "sed 's/^/bastion /' /etc/ssh/ssh_host_ed25519_key.pub >/etc/ssh/ssh_known_hosts"])

    def enable(self):
        return self.run(["sallyport-enable", "--shells"])

    def start_daemons(self):
        for name, unit in DAEMONS.items():
            self.service(name, unit=f"{UNITS}/{unit}.service", restart_sec=self.restart_sec)
        for name in DAEMONS:
            try:
                self.wait_ready(name)
            except BastionError as e:
                raise BastionError(f"{e}\n{self.daemon_logs()}") from None

    def wait_ready(self, name):
        """Until the daemon has told its service manager that it serves."""
        wait_for(f"{name} to be ready", lambda: self.ask(op="state")[name]["ready"])

    def daemon_logs(self):
        return self.run(["sh", "-c", "for n in syslog identity control recorder sallyportd sshd; do echo \"== $n\"; "
                         "tail -n 40 /var/log/$n.log 2>/dev/null; done"], check=False).stdout

    def start_sshd(self):
        self.service("sshd", ["/usr/sbin/sshd", "-D", "-e"])
        wait_for("sshd", lambda: ":0016 " in self.run(["cat", "/proc/net/tcp"]).stdout)

    # -- people -------------------------------------------------------------------------------------------

    def login(self, user, key="ecdsa", check=True):
        """What `opkssh login` does, on the person's laptop."""
        return self.run(["/usr/bin/python3", "/mnt/tests/tools/login.py", "--issuer", ISSUER, "--client-id", "sallyport",
                         "--user", user, "--ca", f"{CA_DIR}/ca.pem", "--out", f"/home/lap-{user}/.ssh/op", "--key", key],
                        user="lap-" + user, env={"PYTHONDONTWRITEBYTECODE": "1"}, check=check)

    @staticmethod
    def ssh_argv(user, words, tty=False, options=()):
        return ["ssh", *(["-t"] if tty else []), *options, f"{user}@bastion", *words]

    # pylint: disable-next=too-many-arguments
    def ssh(self, user, *words, stdin=None, options=(), timeout=60, laptop=None):
        """ssh USER@bastion WORDS (as a shell would pass them), no terminal."""
        return self.run(self.ssh_argv(user, words, options=options), user="lap-" + (laptop or user), stdin=stdin, check=False,
                        timeout=timeout)

    # pylint: disable-next=too-many-arguments
    def ssh_tty(self, user, *words, options=(), size=(40, 120), timeout=WAIT):
        """ssh -t USER@bastion WORDS on a terminal."""
        argv = self.argv(self.ssh_argv(user, words, tty=True, options=options), "lap-" + user)
        child = pexpect.spawn(argv[0], argv[1:], dimensions=size, timeout=timeout, encoding="utf-8",
                              codec_errors="replace", echo=False)
        child.delaybeforesend = 0.01
        return child

    def psql(self, user, sql, *more, **kwargs):
        """One statement through the bastion; -X -A -t for output that is easy to compare."""
        return self.ssh(user, "psql orders " + " ".join(["-X", *more, "-c", shlex.quote(sql)]), **kwargs)

    # -- witnesses ----------------------------------------------------------------------------------------

    def db(self, sql, database="postgres", check=True):
        """On the server itself, as its administrator."""
        return self.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "/run/pg-e2e", "-d", database],
                        user="postgres", stdin=sql, check=check)

    def pg_log(self):
        """What the server says it was asked to do, by anybody who came over the network."""
        found, text = [], self.read("/var/log/postgres.log")
        for line in text.splitlines():
            m = re.match(r"\S+ \S+ UTC \[\d+\] app_rw@orders LOG:  (?:statement|execute [^:]*|fastpath [^:]*): (.*)", line)
            if m:
                found.append(m.group(1))
            elif found and line.startswith("\t"):
                found[-1] += "\n" + line[1:]
        return found

    def sallyport(self, *words, check=True, timeout=60):
        return self.run(["sallyport", *words], check=check, timeout=timeout)

    def ausearch(self, *words):
        return self.run(["ausearch", "--input-logs", "-i", *words], check=False).stdout

    # -- daemons ------------------------------------------------------------------------------------------

    def pid(self, name):
        return self.ask(op="state")[name]["pid"]

    def kill(self, name, sig=signal.SIGKILL):
        """Kills it; its unit (Restart=always) starts it again after a second."""
        self.ask(op="signal", name=name, signal=sig)

    def stop_daemon(self, name):
        self.ask(op="stop", name=name)

    def start_daemon(self, name):
        return self.ask(op="start", name=name)["pid"]

    def restart(self, name):
        self.stop_daemon(name)
        return self.start_daemon(name)

    def wait_back(self, name, old_pid):
        wait_for(f"{name} to be back", lambda: self.pid(name) not in (0, old_pid))
        self.wait_ready(name)

    def session_pids(self):
        done = self.run(["pgrep", "-u", "sallyport-session", "-x", "sallyport-sessi"], check=False)
        mine = os.readlink(f"/proc/{self.holder.pid}/ns/net")
        return [int(p) for p in done.stdout.split() if self.same_net(p, mine)]

    @staticmethod
    def same_net(pid, net):
        try:
            return os.readlink(f"/proc/{pid}/ns/net") == net
        except OSError:
            return False
