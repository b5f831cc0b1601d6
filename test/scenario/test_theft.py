"""From nothing to a device that works, by one command on each side; and from a device that is stolen to one that is dead
everywhere: with the times. What people see of a claim is a text and a picture."""
import json, os, pty, re, socket, ssl, subprocess, time

import pytest

from node import NAME, Entity, Node

GATES = 3


@pytest.fixture(scope="module")
def node():
    with Node(options=f"gate.workers = {GATES}\njoin.enabled = yes") as n:
        yield n
        assert n.stop() == 0


def on_a_screen(n, *argv):
    """What a person sees."""
    mine, theirs = pty.openpty()
    p = subprocess.Popen([str(n.build / "holdfast"), "-d", str(n.dir), *argv], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
    os.close(theirs)
    out = b""
    while True:
        try:
            more = os.read(mine, 65536)
        except OSError:
            break
        if not more:
            break
        out += more
    os.close(mine)
    assert p.wait() == 0, out
    return out.decode().replace("\r\n", "\n")


def test_a_claim_is_a_text_and_a_picture(node):
    shown = on_a_screen(node, "ticket", "create", "--ids", "Cseen")
    claim = re.search(r"HOLDFAST1/\S+", shown).group(0)
    picture = subprocess.run(["qrencode", "-t", "ANSIUTF8", claim], capture_output=True, check=True).stdout.decode().rstrip("\n")
    assert len(picture) > 500 and picture in shown
    # nobody looks on: the text alone
    quiet = node.cli("ticket", "create", "--ids", "Cunseen")
    assert "HOLDFAST1/" in quiet and "\u2588" not in quiet


def test_one_command_on_each_side_and_the_end(node, capsys):
    began = time.time()
    claim = json.loads(node.cli("-o", "json", "ticket", "create", "--ids", "Cnew"))["claim"]      # the operator
    folder = node.top / "new"
    node.cli("join", claim, "--id", "Cnew", "--out", folder, directory=False)                     # the device
    joined = time.time() - began
    e = Entity(node, folder, "Cnew")
    assert e.register().rsc == 2001
    works = time.time() - began
    assert works < 5, works
    # it is at every gate, by associations that live
    twins = []
    while len({a["gate"] for a in json.loads(node.cli("-o", "json", "association", "list"))}) < GATES and len(twins) < 60:
        for _ in range(6):
            t = Entity(node, folder, "Cnew")
            assert t.retrieve("/cse-in/ae-Cnew").rsc == 2000
            twins.append(t)
    began = time.time()
    receipt = node.cli("revoke", "33-//demo.example/in-cse/Cnew")
    told = time.time() - began
    for t in (e, *twins):
        with pytest.raises((OSError, ConnectionError)):
            t.connection.settimeout(5)
            t.retrieve("/cse-in/ae-Cnew")
        t.close()
        with pytest.raises((OSError, ConnectionError, ssl.SSLError)):
            t.retrieve("/cse-in/ae-Cnew")
        t.close()
    dead = time.time() - began
    assert dead < 10 and "Cnew" in receipt, (dead, receipt)
    assert not json.loads(node.cli("-o", "json", "association", "list"))
    # nor does it come in again as somebody new
    code, out = node.cli("join", claim, "--id", "Cnew", "--out", node.top / "again", directory=False, check=False)
    assert code == 1 and not (node.top / "again").exists()
    with capsys.disabled():
        print(f"\n  joined in {joined:.2f} s, at work in {works:.2f} s; stolen: told in {told:.2f} s, found dead at {1 + len(twins)} "
              f"associations of {GATES} gates and at as many new ones in {dead:.2f} s")


class Copy(Entity):
    """The same profile from another place."""

    def connect(self, timeout=10):
        self.close()
        raw = socket.create_connection(("127.0.0.1", self.node.port), timeout=timeout, source_address=("127.0.0.2", 0))
        self.connection = self.context().wrap_socket(raw, server_hostname=NAME)
        return self.connection


def test_doctor_names_who_was_seen_in_two_hands(node):
    def row():
        return {c["check"]: c for c in json.loads(node.cli("-o", "json", "doctor", check=False)[1])}["clones"]
    assert row()["result"] == "ok", row()
    e = node.enrol("twin", "Ctwin")
    assert e.register().rsc == 2001
    copy = Copy(node, e.folder, "Ctwin")
    assert copy.retrieve("/cse-in/ae-Ctwin").rsc == 2000  # clone.action = record
    seen = row()
    assert seen["result"] == "warn" and "Ctwin" in seen["says"] and "holdfast revoke" in seen["repair"], seen
    for x in (e, copy):
        x.close()
