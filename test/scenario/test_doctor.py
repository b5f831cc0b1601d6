"""What `holdfast doctor` says of each failure that the keeper can have, row by row: the check that tells it, and the words
a maker reads. Each failure is made for real."""
import json, os

import pytest

from machine import come_home, start_elsewhere
from node import Node
from program import FOR_SIGN, KEYS, Program
from test_rebind import administrators
from tokens import SoftHsm, Swtpm
from waiting import in_time


def rows(n):
    return {c["check"]: c for c in json.loads(n.cli("-o", "json", "doctor", check=False)[1])}


def told(n, check, result, says, means="", repair=""):
    """The row of that check; it is waited for."""
    def right():
        row.update(rows(n)[check])
        return row["result"] == result and says in row["says"]
    row = {}
    assert in_time(right), row
    assert means in row["means"] and repair in row["repair"], row


# --- the files of the key store: (failure, what is done to them, what the keeper says, what it means, what to do) -------

def flip(at):
    def change(keystore, counter, old):
        octets = bytearray(keystore.read_bytes())
        octets[at] ^= 1
        keystore.write_bytes(octets)
    return change


def cut(keystore, counter, old):
    os.truncate(keystore, keystore.stat().st_size // 2)


def roll_back(keystore, counter, old):
    keystore.write_bytes(old)


def take(which):
    def change(keystore, counter, old):
        (keystore, counter)[which].unlink()
    return change


FILES = [
    ("rolled back", roll_back, "older than the counter", "put back", "newest keystore"),
    ("cut", cut, "LOCKED", "nothing of it is believed", "restore a backup"),
    ("bit-flipped in the header", flip(60), "LOCKED", "", ""),
    ("bit-flipped in a record", flip(-40), "altered", "nothing of it is believed", "restore a backup"),
    ("key store removed", take(0), "there is no key store", "is not there", "put it back"),
    ("counter removed", take(1), "counter beside the key store is missing", "newest", "put the counter back"),
]


@pytest.fixture(scope="module")
def node():
    with Node() as n:
        n.people = administrators(n, "bob", "carol")
        yield n
        n.stop()


def test_each_failure_of_the_files(node):
    n = node
    told(n, "unlocked", "ok", "open")
    keystore, counter = n.dir / "keeper/keystore", n.dir / "keeper/counter"
    old = keystore.read_bytes()
    for i in range(2):
        n.cli("key", "create", f"more{i}")
    n.stop()
    good = keystore.read_bytes(), counter.read_bytes()
    owner = keystore.stat()
    for name, change, says, means, repair in FILES:
        change(keystore, counter, old)
        n.spawn()
        told(n, "unlocked", "FAIL", says, means, repair)
        assert n.stop() == 0  # locked, it still ends well
        for f, octets in zip((keystore, counter), good):
            f.write_bytes(octets)
            os.chown(f, owner.st_uid, owner.st_gid)
            f.chmod(0o600)
    # copied to another machine
    start_elsewhere(n)
    told(n, "unlocked", "FAIL", "bound to another machine", "copied here", "holdfast rebind request")
    for row in ("audit", "anchor"):  # not looked at is not failed
        told(n, row, "skipped", "locked")
    n.stop()
    come_home()
    # the control: as it was, it opens
    n.start()
    told(n, "unlocked", "ok", "open")
    # read by others
    told(n, "keeper_files", "ok", "closed to everybody")
    (n.dir / "keeper").chmod(0o755)
    told(n, "keeper_files", "FAIL", "others may look into it", "keeper's alone", "chmod 700")
    (n.dir / "keeper").chmod(0o700)


def test_each_refused_order(node):
    n = node
    first, bob, carol = n.people
    alone = ("--administrator", bob)
    told(n, "orders", "ok", "no order was refused")
    n.cli("key", "create", "gone")
    # an administrator alone where two are needed
    assert n.cli("key", "destroy", "user/gone", *alone, check=False)[0] == 1
    told(n, "orders", "warn", "fewer persons had signed", "changed nothing", "holdfast order sign")
    # a stale one: another order was taken since; and one that was taken, sent again
    paper = n.top / "paper"
    n.cli("key", "destroy", "user/gone", *alone, "--order", paper)
    n.cli("order", "sign", paper, "--administrator", carol)
    n.cli("key", "create", "between")
    assert n.cli("order", "send", paper, check=False)[0] == 1
    told(n, "orders", "warn", "a second time, too late, or after another one", repair="make it anew")
    # an altered one
    octets = bytearray(paper.read_bytes())
    octets[-1] ^= 1
    paper.write_bytes(octets)
    assert n.cli("order", "send", paper, check=False)[0] == 1
    told(n, "orders", "warn", "changed after it was signed")


def test_quota_and_anothers_keys():
    me = os.geteuid()
    with Node(start=False) as n:
        n.socket = n.top / "programs.sock"
        with open(n.dir / "holdfast.conf", "a") as f:
            f.write(f"door.programs = {n.socket}\n")
        n.start()
        for check in ("shares", "callers"):
            assert rows(n)[check]["result"] == "ok"
        with Program(n.socket, me) as p:
            for _ in range(120):  # 50 a second
                p.ask(KEYS, bytes(4))
        told(n, "shares", "warn", "more than its share", "cannot take", "keeper.share_program")
        n.cli("key", "create", "app/theirs", "--user", me + 1)
        with Program(n.socket, me) as p:
            p.sign(f"app/{me + 1}/theirs", FOR_SIGN, b"mine?")
        told(n, "callers", "warn", "what is not his", "gave nothing out", "check its user")
        n.stop()


def test_a_token_that_is_away():
    with SoftHsm() as token, Node(init=token.init_args()) as n:
        told(n, "tokens", "ok", "all of them are there")
        n.stop()
        token.remove()
        n.spawn()
        n.wait_ready(listening=False)
        told(n, "tokens", "FAIL", "token.1 is away", "all else goes on", "put it back")
        n.stop()


def test_a_tpm_in_another_state():
    with Swtpm(pcrs="16,23") as tpm, Node(init=tpm.init_args()) as n:
        told(n, "tokens", "ok", "all of them are there")
        n.stop()
        tpm.tool("tpm2_pcrextend", "23:sha256=" + "a5" * 32)
        n.spawn()
        n.wait_ready(listening=False)
        told(n, "tokens", "FAIL", "refuses its keys", "another measured state", "holdfast keeper test")
        n.stop()
