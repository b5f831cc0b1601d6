#!/usr/bin/python3
"""T15: the key store is carried to another machine (another machine identity), with its passphrase,
whole or in parts; a key of another role is used; a caller takes what belongs to others."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import shutil, time

from attack import Refusals, Twin, end
from machine import come_home, start_elsewhere
from node import Node

r = Refusals()
with Twin() as t:
    other = t.top / "elsewhere"
    shutil.copy2(t.top / "key", other)
    control = other.read_bytes() == t.key
    print("control: the key works wherever it is carried")


def elsewhere(n, seconds=6):
    """Start it on another machine; what status says."""
    start_elsewhere(n)
    said, stop = "", time.time() + seconds
    while time.time() < stop and "state" not in said:
        time.sleep(0.2)
        said = n.cli("status", check=False)[1]
    code, keys = n.cli("key", "list", check=False)
    n.stop()
    come_home()
    return said, code


def locked_elsewhere(n, seconds=10):
    start_elsewhere(n)
    end = time.time() + seconds
    while "another machine" not in n.cli("status", check=False)[1]:
        assert time.time() < end, n.log_text()[-2000:]
        time.sleep(0.1)


def start_here(n):
    try:
        n.start(unless="locked because")
        return True
    except RuntimeError:
        return False


with Node() as n:
    n.enrol("a", "Ca", "device", True, "--identity", "a@demo.example")
    assert n.stop() == 0
    said, code = elsewhere(n)
    r.say("the whole folder, passphrase and all, on another machine", "locked" in said and code == 1,
          next((l.strip() for l in said.splitlines() if "because" in l), said[:80]))
    r.say("back on its own machine it opens (the check can tell)", start_here(n))
    r.say("with its keys", "psk/a@demo.example" in n.cli("key", "list"))
    n.stop()
    # the header says that it is bound to nothing: the header is sealed
    store = n.dir / "keeper/keystore"
    whole = store.read_bytes()
    freed = bytearray(whole)
    freed[14:16] = b"\0\0"
    with open(store, "r+b") as f:
        f.write(freed)
    said, code = elsewhere(n)
    r.say("its binding taken out of the header", "locked" in said and code == 1)
    with open(store, "r+b") as f:
        f.write(whole)
    r.say("put right again it opens", start_here(n))
    n.stop()

# administrators rebind it (holdfast rebind): one alone, with what else lies about, does not
class Thief:
    """Who has the folder, the passphrase and one administrator's file, on another machine."""

    def __init__(self, n):
        self.n, self.tries = n, 0

    def shares(self, *who):
        """A request, and the shares of these for it."""
        self.tries += 1
        at = [self.n.top / f"{what}-{self.tries}" for what in ("shares", "request")]
        self.n.cli("rebind", "request", *at)
        out = []
        for i, w in enumerate(who):
            out.append(self.n.top / f"share-{self.tries}-{i}")
            self.n.cli("rebind", "share", *at, out[-1], "--administrator", w, directory=False)
        return out

    def open(self, *shares):
        code, out = self.n.cli("rebind", "open", *[x for s in shares for x in ("--share", s)], check=False)
        return code != 0 and self.n.cli("key", "list", check=False)[0] != 0, out.strip()


def shares_of(store):
    """Place and octets of the shares in a key store's header."""
    sp, cse = (int.from_bytes(store[i:i + 2], "big") for i in (124, 126))
    at = 128 + sp + cse
    return at + 4, store[at + 4:at + 4 + int.from_bytes(store[at:at + 4], "big")]


def with_second(n):
    """The node's first administrator and another, as files outside of its folder."""
    mine, second = n.top / "first", n.top / "second"
    for f in ("administrator", "administrator.pass"):
        (n.dir / f).rename(n.top / f.replace("administrator", "first"))
    (n.top / "second.pass").write_text("a passphrase of the second")
    n.cli("administrator", "create", second, "second")
    n.cli("administrator", "add", second, "--administrator", mine)
    return mine, second


with Node() as n, Node(port=n.port, start=False) as own:
    mine, second = with_second(n)
    n.enrol("b", "Cb", "device", True, "--identity", "b@demo.example")
    assert n.stop() == 0
    own.start()
    with_second(own)
    own.stop()
    locked_elsewhere(n)
    thief = Thief(n)
    r.say("one administrator's share, where two are needed", *thief.open(*thief.shares(mine)))
    r.say("his share twice", *thief.open(*(2 * thief.shares(mine))))
    kept = thief.shares(second)  # overheard at an attempt that was given up
    r.say("his share, and one that the other had given for an earlier request", *thief.open(*thief.shares(mine), *kept))
    n.stop()
    # in the header there are shares of what the thief's own node is bound to
    store = n.dir / "keeper/keystore"
    whole = store.read_bytes()
    at, his = shares_of(whole)
    theirs = shares_of((own.dir / "keeper/keystore").read_bytes())[1]
    assert len(his) == len(theirs) > 300
    with open(store, "r+b") as f:
        f.seek(at)
        f.write(theirs)
    locked_elsewhere(n)
    r.say("shares of a node of his own in its header", *thief.open(*thief.shares(own.top / "first", own.top / "second")))
    n.stop()
    with open(store, "r+b") as f:
        f.write(whole)
    locked_elsewhere(n)
    refused, said = thief.open(*thief.shares(mine, second))
    r.say("both of them open it (the check can tell)", not refused, said)
    n.stop()
    come_home()

# without binding (init --no-machine) it does move: the check can tell, and doctor says so
with Node(init=("--no-machine",)) as n:
    warned = "NOT bound" in n.cli("inspect", n.dir / "keeper/keystore")
    assert n.stop() == 0
    said, code = elsewhere(n)
    r.say("a key store made without binding opens elsewhere, and inspect says that it will", "open" in said and code == 0 and warned)
end(control, r.all, "keys moved")
