# SPDX-License-Identifier: Apache-2.0
"""One bastion for all tests that leave it as it was; `fresh` makes another for those that don't."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bastion  # noqa: E402 pylint: disable=wrong-import-position


class Broken:
    """A bastion that did not start fails each test that asks for it, with the reason, once made."""

    reason = None


@pytest.fixture(scope="session")
def shared():
    if Broken.reason:
        pytest.fail(Broken.reason, pytrace=False)
    b = bastion.Bastion()
    try:
        b.start()
        for person in bastion.PEOPLE:
            b.login(person)
    except Exception as e:  # pylint: disable=broad-except
        Broken.reason = f"the bastion did not start: {e}"
        b.stop()
        pytest.fail(Broken.reason, pytrace=False)
    yield b
    b.stop()


@pytest.fixture
def b(shared):  # pylint: disable=redefined-outer-name
    """The shared bastion with its usual policy, everything running."""
    for name in (*bastion.DAEMONS, "sshd"):
        if not shared.pid(name):
            shared.start_daemon(name)
    for name in bastion.DAEMONS:
        shared.wait_ready(name)
    bastion.wait_for("logins to work", lambda: shared.ssh("alice", "whoami").returncode == 0, every=0.3)
    yield shared
    if shared.read("/etc/sallyport/policy.d/orders.yaml") != bastion.POLICY_YAML:
        shared.set_policy(bastion.POLICY_YAML)
        shared.sallyport("policy", "reload", check=False)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A failure comes with what the daemons said."""
    outcome = yield
    report = outcome.get_result()
    if report.failed and report.when == "call" and item.funcargs.get("b") is not None:
        report.sections.append(("daemons", item.funcargs["b"].daemon_logs()))
