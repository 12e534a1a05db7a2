# SPDX-License-Identifier: Apache-2.0
"""Tokens that name the user's key elsewhere than in nonce, as CI systems make them: through a real sshd, by stock ssh."""
import json
import subprocess

import pytest

import bastion
from bastion import wait_for

FOLDER = "/srv/ci"
# The provider is a fake one: of GitHub, GitLab and key-bound tokens there is none to be had here.
PROVIDER = r"""
import json, os, sys, time
sys.path[:0] = ["/mnt/tests/attacks/tokens", "/mnt/tests/tools"]
import pktoken
from forge import Forge
from issuers import Issuers
folder = sys.argv[1]
issuers = Issuers(folder)
forge = Forge(issuers)
cases = {"aud": {"issuer": "aud"}, "bound": {"issuer": "bound"}, "keyed": {"issuer": "keyed"},
         "plain": {"issuer": "aud", "gq": False}, "old": {"issuer": "aud", "proof": "old-message"},
         "nobody": {"issuer": "aud", "claims": {"sub": "u-mallory"}}}
pktoken.write_private(folder + "/key", forge.users["ecdsa"][0])
os.chmod(folder + "/key", 0o600)
for name, case in cases.items():
    _, kind, base64 = next(forge.build(case))
    with open(f"{folder}/{name}-cert.pub", "w") as f:
        f.write(f"{kind} {base64}\n")
wanted = [e for e in json.loads(issuers.settings())["issuers"] if e["issuer"].rsplit("/", 1)[1] in cases]
print(json.dumps(wanted), flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def ci(shared):
    """{name of an issuer: its URL}; the certificates are in FOLDER, for alice to read."""
    b = shared
    b.run(["sh", "-c", f"mkdir -p {FOLDER} && chmod 755 {FOLDER}"])
    provider = b.popen(["/usr/bin/python3", "-B", "-c", PROVIDER, FOLDER], stdout=subprocess.PIPE, text=True)
    entries = json.loads(provider.stdout.readline())
    b.run(["sh", "-c", f"chown -R lap-alice {FOLDER}/key && chown root {FOLDER}/*.pem && chmod 644 {FOLDER}/ca.pem {FOLDER}/*-cert.pub"])
    more = "".join(f"  - {json.dumps(e)}\n" for e in entries)
    b.write("/etc/sallyport/sallyport.yaml", bastion.SALLYPORT_YAML.replace("issuers:\n", "issuers:\n" + more, 1))
    b.restart("identity")
    b.wait_ready("identity")
    yield {e["issuer"].rsplit("/", 1)[1]: e["issuer"] for e in entries}
    provider.kill()
    provider.wait()
    b.write("/etc/sallyport/sallyport.yaml", bastion.SALLYPORT_YAML)
    b.restart("identity")
    b.wait_ready("identity")


def ssh(b, name, *words):
    """With that certificate and nothing else."""
    return b.ssh("alice", *words, options=("-F", "none", "-o", "IdentitiesOnly=yes", "-o", f"IdentityFile={FOLDER}/key",
                                           "-o", f"CertificateFile={FOLDER}/{name}-cert.pub"))


@pytest.mark.parametrize("name", ["aud", "bound", "keyed"])
def test_each_kind_logs_in(b, ci, name):  # pylint: disable=redefined-outer-name
    done = wait_for("the keys of the issuer", lambda: (lambda d: d.returncode == 0 and d)(ssh(b, name, "whoami")))
    assert ci[name] in done.stdout and "u-alice" in done.stdout, done.stdout
    assert ssh(b, name, "psql orders -XAtc 'select 1'").stdout == "1\n"


@pytest.mark.parametrize("name", ["plain", "old", "nobody"])
def test_and_no_other(b, ci, name):  # pylint: disable=redefined-outer-name,unused-argument
    done = ssh(b, name, "whoami")
    assert done.returncode == 255 and "Permission denied" in done.stderr, done
