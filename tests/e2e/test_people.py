# SPDX-License-Identifier: Apache-2.0
"""sallyport-people(8), libnss_sallyport(8): people who are in no file of this machine's, found and let in by every program."""
import pytest

from bastion import FORCECMD, ISSUER

PEOPLE = "/var/lib/sallyport/people"


@pytest.fixture(scope="module", name="m")
def machine(shared):
    """With two laptops: heidi who left, and the heidi who came."""
    for name in ("heidi", "heidi2"):
        shared.run(["sh", "-c", f"""set -e; useradd -m -s /bin/bash lap-{name}; mkdir -m 700 /home/lap-{name}/.ssh
printf 'Host bastion\\n  IdentityFile ~/.ssh/op/id\\n' >/home/lap-{name}/.ssh/config; chown -R lap-{name}: /home/lap-{name}/.ssh"""])
        shared.login(name)
    yield shared
    shared.run(["sh", "-c", f"rm -rf {PEOPLE} {PEOPLE}.db /home/heidi /home/heidi2 /home/ivan; userdel -r lap-heidi; userdel -r lap-heidi2"],
               check=False)


def people(b, *words, check=True):
    return b.run(["sallyport", "people", *words], check=check)


def getent(b, *words):
    done = b.run(["getent", *words], check=False)
    return done.returncode, done.stdout.strip()


@pytest.fixture(name="table")
def clean_table(b, m):  # pylint: disable=unused-argument
    m.run(["sh", "-c", f"rm -rf {PEOPLE} {PEOPLE}.db /home/heidi /home/heidi2 /home/ivan"])
    people(m, "range", "20000-29999")  # the many people of the tests have the default one within theirs, by useradd(8)
    return m


def add_heidi(b, name="heidi", *more):
    return people(b, "add", name, "--issuer", ISSUER, "--subject", name, *more).stdout.split()


def test_found_by_every_program(table):
    b = table
    for database in ("passwd", "group"):
        line = [x for x in b.read("/etc/nsswitch.conf").splitlines() if x.startswith(database + ":")]
        assert line and line[0].split()[1:3] == ["files", "sallyport"], line
    assert getent(b, "passwd", "heidi") == (2, "")  # no table yet
    text = b.read("/etc/nsswitch.conf")
    b.write("/etc/nsswitch.conf", text.replace(" sallyport", ""))
    done = people(b, "group", "night-watch", "--gid", "20500")
    assert done.stdout == "night-watch 20500\n" and "sallyport-enable" in done.stderr
    b.write("/etc/nsswitch.conf", text)
    done = people(b, "group", "crew")
    assert done.stdout == "crew 20000\n" and not done.stderr
    assert add_heidi(b, "heidi", "--groups", "crew,night-watch", "--full-name", "Heidi Example") == ["heidi", "20001"]
    want = f"heidi:*:20001:20001:Heidi Example:/home/heidi:{FORCECMD}"
    assert getent(b, "passwd", "heidi") == (0, want)
    assert getent(b, "passwd", "20001") == (0, want)
    assert getent(b, "group", "crew") == (0, "crew:*:20000:heidi")
    assert getent(b, "group", "20001") == (0, "heidi:*:20001:")
    assert getent(b, "initgroups", "heidi")[1].split() == ["heidi", "20000", "20500"]
    assert b.run(["id", "heidi"]).stdout.strip() == \
        "uid=20001(heidi) gid=20001(heidi) groups=20001(heidi),20000(crew),20500(night-watch)"
    assert b.run(["id", "-G"], user="heidi").stdout.split() == ["20001", "20000", "20500"]
    assert b.run(["stat", "-c", "%U %G %a", "/home/heidi"]).stdout.split() == ["heidi", "heidi", "700"]
    # The machine's own are as they were, and nobody is listed.
    assert b.run(["id", "root"]).stdout == "uid=0(root) gid=0(root) groups=0(root)\n"
    assert want not in getent(b, "passwd")[1].splitlines() and "crew:" not in getent(b, "group")[1]
    people(b, "enumerate", "yes")
    assert want in getent(b, "passwd")[1].splitlines() and "crew:*:20000:heidi" in getent(b, "group")[1].splitlines()


@pytest.mark.parametrize("program", [
    ["runuser", "-u", "heidi", "--", "id", "-nG"], ["su", "-s", "/bin/sh", "heidi", "-c", "id -nG"],
    ["chroot", "--userspec=heidi:heidi", "/", "id", "-nG"], ["setpriv", "--reuid=heidi", "--regid=heidi", "--init-groups", "id", "-nG"],
    ["sudo", "-u", "heidi", "id", "-nG"],
])
def test_becomes(table, program):
    """Programs that become somebody, with their groups, PAM's account check of su and sudo included."""
    people(table, "group", "crew")
    add_heidi(table, "heidi", "--groups", "crew")
    assert table.run(program).stdout.split() == ["heidi", "crew"]


def test_logs_in(table):
    b = table
    add_heidi(b)
    done = b.ssh("heidi", "whoami")
    assert done.returncode == 0 and "heidi" in done.stdout, done.stderr
    assert b.psql("heidi", "select 41 + 1", "-At").stdout == "42\n"
    people(b, "disable", "heidi")
    assert getent(b, "passwd", "heidi")[1].endswith(":/usr/sbin/nologin")
    done = b.ssh("heidi", "whoami")
    assert done.returncode != 0 and "This account is disabled." in done.stdout + done.stderr
    people(b, "enable", "heidi")
    done = b.ssh("heidi", "whoami")
    assert done.returncode == 0, done.stderr


def test_a_name_that_is_another_persons(table):
    """A new heidi with the old one's address is not the old one, to files and to logins; a renamed one is who she was."""
    b = table
    assert add_heidi(b) == ["heidi", "20000"]
    done = b.ssh("heidi", "whoami", laptop="heidi2")
    assert done.returncode != 0 and "another person's" in done.stdout + done.stderr
    people(b, "remove", "heidi")
    assert getent(b, "passwd", "heidi") == (2, "") and getent(b, "passwd", "20000") == (2, "")
    new = ["add", "heidi", "--issuer", ISSUER, "--subject", "heidi2"]
    done = people(b, *new, check=False)
    assert done.returncode == 1 and "/home/heidi is 20000's" in done.stderr
    assert people(b, *new, "--home", "/home/heidi2").stdout == "heidi 20001\n"
    done = b.ssh("heidi", "whoami", laptop="heidi2")
    assert done.returncode == 0, done.stderr
    done = b.ssh("heidi", "whoami")
    assert done.returncode != 0 and "another person's" in done.stdout + done.stderr
    assert people(b, "add", "heidi-old", "--issuer", ISSUER, "--subject", "heidi", "--home",
                  "/home/heidi").stdout == "heidi-old 20000\n"
    people(b, "change", "heidi-old", "--name", "heidi-e")
    assert getent(b, "passwd", "20000")[1].startswith("heidi-e:")
    rows = [x.split("\t")[:4] for x in people(b, "list", "--all").stdout.splitlines()]
    assert rows == [["20000", "person", "heidi-e", "active"], ["20001", "person", "heidi", "active"]]


@pytest.mark.parametrize("words, why", [
    (["root"], "no name"), (["sudo"], "no name"), (["Heidi"], "no name"), (["sallyport-admin"], "no name"),
    (["alice"], "/etc/passwd"), (["ivan", "--uid", "1000"], "not within"), (["ivan", "--home", "home"], "a home begins"),
    (["ivan", "--groups", "sudo"], "nobody and no group"), (["ivan", "--full-name", "a:b"], "a full name"),
])
def test_never_part_of_the_system(table, words, why):
    done = people(table, "add", *words, "--issuer", "https://i", "--subject", "s", check=False)
    assert done.returncode == 1 and why in done.stderr
    assert people(table, "list").stdout == ""


def test_ids_of_containers(table):
    """subuid(5): an id that somebody else may use within their containers is not given."""
    b = table
    before = b.read("/etc/subuid")
    try:
        b.write("/etc/subuid", before + "keeper:20001:10\n")
        ivan = ["ivan", "--issuer", "https://i", "--subject", "s"]
        done = people(b, "add", *ivan, "--uid", "20010", check=False)
        assert done.returncode == 1 and "20010 is keeper's in /etc/subuid" in done.stderr
        assert people(b, "group", "crew").stdout == "crew 20000\n"
        assert people(b, "add", *ivan).stdout == "ivan 20011\n"
        people(b, "remove", "ivan")
        people(b, "remove", "crew")
        people(b, "range", "20001-20010")
        done = people(b, "group", "crew", check=False)
        assert done.returncode == 1 and "no id from 20001 to 20010 is left" in done.stderr
    finally:
        b.write("/etc/subuid", before)


def test_ids_are_the_same_on_another_machine(table):
    """What list prints, import takes in, with those who were removed."""
    b = table
    people(b, "group", "crew")
    add_heidi(b, "heidi", "--groups", "crew")
    people(b, "add", "ivan", "--issuer", "https://i", "--subject", "s", "--no-create-home")
    people(b, "remove", "ivan")
    rows = people(b, "list", "--all").stdout
    b.write("/root/people.list", rows)
    b.run(["sh", "-c", f"rm -rf {PEOPLE} {PEOPLE}.db"])
    done = people(b, "import", "/root/people.list", check=False)
    assert done.returncode == 1 and "20000 is not within 200000-299999" in done.stderr and people(b, "list").stdout == ""
    people(b, "range", "20000-29999")
    people(b, "import", "/root/people.list")
    assert people(b, "list", "--all").stdout == rows
    assert b.run(["id", "-Gn", "heidi"]).stdout.split() == ["heidi", "crew"] and b.ssh("heidi", "whoami").returncode == 0
    assert people(b, "add", "judy", "--issuer", "https://i", "--subject", "j", "--no-create-home").stdout == "judy 20003\n"


def test_a_table_that_is_not_there_or_broken(table):
    """The machine's own people are found all the same; whoever is only in the table is not, and does not log in."""
    b = table
    add_heidi(b)
    hidden = b.run(["bwrap", "--dev-bind", "/", "/", "--tmpfs", "/var/lib/sallyport", "sh", "-c",
                    "id alice && getent passwd heidi"], check=False)
    assert hidden.returncode == 2 and "alice" in hidden.stdout
    for how in (f"truncate -s 4000 {PEOPLE}", f"head -c 100000 /dev/urandom >{PEOPLE}", f": >{PEOPLE}", f"chmod 666 {PEOPLE}"):
        people(b, "write")
        assert getent(b, "passwd", "heidi")[0] == 0
        b.run(["sh", "-c", how])
        assert getent(b, "passwd", "heidi") == (2, "")
        assert b.run(["id", "alice"]).returncode == 0
    assert b.ssh("heidi", "whoami").returncode != 0
    assert b.ssh("alice", "whoami").returncode == 0
    people(b, "write")
    assert b.ssh("heidi", "whoami").returncode == 0
