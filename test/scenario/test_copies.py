"""Copies of a key store on one machine that share no witness: the TPM that its keys are on counts the starts of
keepers, and nobody takes that back. A copy that was used is told at the next start of the other one."""
import os, signal

import pytest

from copies import alarmed, copy_of
from node import Node
from tokens import Swtpm
from waiting import in_time, until


@pytest.fixture(scope="module")
def node():
    with Swtpm() as tpm, Node(init=tpm.init_args(), options="keeper.witness = none") as n:
        n.tpm = tpm
        yield n
        n.stop()


def again(n):
    assert n.stop() == 0
    n.start()
    until(lambda: "present" in n.cli("provider", "list"))


def test_starts_of_its_own_are_no_alarm(node):
    again(node)
    assert not in_time(lambda: alarmed(node), 1.5)
    for pid in node.pids()["keeper"]:
        os.kill(pid, signal.SIGKILL)
    assert in_time(lambda: "present" in node.cli("provider", "list", check=False)[1])
    assert not in_time(lambda: alarmed(node), 1.5)


def test_a_copy_that_was_used_is_told(node):
    assert node.stop() == 0
    second = copy_of(node, "second")
    try:
        second.start()
        assert in_time(lambda: "present" in second.cli("provider", "list"))
        assert not in_time(lambda: alarmed(second), 1.5)  # it is the first of the two
    finally:
        second.stop()
    node.start()
    assert in_time(lambda: alarmed(node), 8)
    assert any("has used a copy of this key store" in str(x) for x in node.audit())
    again(node)
    assert not in_time(lambda: alarmed(node), 1.5)  # told once, and on record
    second.start()
    assert in_time(lambda: alarmed(second), 8)  # and the copy hears of the node
    second.stop()
