"""A key store whose machine is gone opens on another one by shares of its administrators, and by nothing less."""
import shutil, time

import pytest

from machine import come_home, start_elsewhere
from node import Node
from waiting import until


def said(n, *argv):
    return n.cli(*argv, check=False)


class Ceremony:
    """Requests and shares, each in a file of its own."""

    def __init__(self, n):
        self.n, self.tries = n, 0

    def request(self):
        self.tries += 1
        return said(self.n, "rebind", "request", self.n.top / f"shares-{self.tries}", self.n.top / f"request-{self.tries}")

    def share(self, who, of=None):
        t = of or self.tries
        out = self.n.top / f"share-{who.name}-{t}-{time.time_ns()}"
        self.n.cli("rebind", "share", self.n.top / f"shares-{t}", self.n.top / f"request-{t}", out, "--administrator", who, directory=False)
        return out

    def open(self, *shares):
        return said(self.n, "rebind", "open", *[x for s in shares for x in ("--share", s)])


def administrators(n, *names):
    """The first has the node's file; the others are added. Their files."""
    files = [n.top / "admin-first"]
    shutil.copy(n.dir / "administrator", files[0])
    shutil.copy(n.dir / "administrator.pass", n.top / "admin-first.pass")
    for name in names:
        f = n.top / name
        (n.top / (name + ".pass")).write_text("passphrase of " + name)
        n.cli("administrator", "create", f, name)
        more = [x for g in files[:2] for x in ("--administrator", g)]
        n.cli("administrator", "add", f, *more)
        files.append(f)
    return files


@pytest.fixture
def moved():
    """A node with a device and three administrators, stopped; it is then started on another machine."""
    with Node() as n:
        people = administrators(n, "bob", "carol")
        device = n.enrol("p", "Cp", "device", True, "--identity", "p@demo.example")
        assert device.register().rsc == 2001
        device.close()
        assert "ok       rebind" in n.cli("doctor", check=False)[1]
        assert n.stop() == 0
        start_elsewhere(n)
        until(lambda: "locked" in said(n, "status")[1])
        try:
            yield n, people, device
        finally:
            n.stop()
            come_home()


def test_a_quorum_binds_it_to_the_new_machine(moved):
    n, (first, bob, carol), device = moved
    code, text = said(n, "key", "list")
    assert code == 1
    code, text = said(n, "doctor")
    assert "holdfast rebind request" in text, text
    c = Ceremony(n)
    # one person where two are needed
    assert c.request()[0] == 0
    code, text = c.open(c.share(bob))
    assert code == 1 and "too few" in text, text
    # one person twice
    assert c.request()[0] == 0
    code, text = c.open(c.share(bob), c.share(bob))
    assert code == 1, text
    # a share for another request; no share of his: an administrator of another node
    old = c.share(carol)
    assert c.request()[0] == 0
    code, text = c.open(c.share(bob), old)
    assert code == 1 and "wrong" in text, text
    (n.top / "eve.pass").write_text("passphrase of eve")
    n.cli("administrator", "create", n.top / "eve", "eve")
    with pytest.raises(RuntimeError, match="no share"):
        c.share(n.top / "eve")
    assert said(n, "key", "list")[0] == 1
    # two of three
    assert c.request()[0] == 0
    code, text = c.open(c.share(bob), c.share(carol))
    assert code == 0, text
    n.wait_ready()
    assert device.retrieve("/cse-in/ae-Cp").rsc == 2000
    device.close()
    assert "psk/p@demo.example" in n.cli("key", "list")
    # on record, with who it was; the log is whole
    until(lambda: any("REBIND this-machine by bob,carol" in str(r) for r in n.audit()))
    n.cli("audit", "verify")
    # once more here it opens by itself
    assert n.stop() == 0
    start_elsewhere(n)
    n.wait_ready()
    assert device.retrieve("/cse-in/ae-Cp").rsc == 2000
    device.close()
    # and there is nothing to rebind
    code, text = Ceremony(n).request()
    assert code == 1 and "not locked" in text, text
    # where it came from it is a copy now
    assert n.stop() == 0
    come_home()
    n.spawn()
    until(lambda: "locked" in said(n, "status")[1])
