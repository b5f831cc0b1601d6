#!/usr/bin/python3
"""T15: the key store is carried to another machine (another machine identity), with its passphrase,
whole or in parts; a key of another role is used; a caller takes what belongs to others."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import atexit, os, shutil, subprocess, time

from attack import Refusals, Twin, end
from node import Node

# A root without a machine identity, as one that was just made, has one of ours for as long as this takes.
MACHINE, HERE, THERE = pathlib.Path("/etc/machine-id"), "fedcba9876543210fedcba9876543210\n", "0123456789abcdef0123456789abcdef\n"
OURS = not MACHINE.exists()
if OURS:
    MACHINE.write_text(HERE)
    atexit.register(MACHINE.unlink)

r = Refusals()
with Twin() as t:
    other = t.top / "elsewhere"
    shutil.copy2(t.top / "key", other)
    control = other.read_bytes() == t.key
    print("control: the key works wherever it is carried")


def elsewhere(n, seconds=6):
    """Start it where /etc/machine-id is another one; what status says."""
    ident = n.top / "machine-id"
    ident.write_text(THERE)
    start = f"exec {n.build}/holdfastd -d {n.dir}"
    if OURS:
        MACHINE.write_text(THERE)
    argv = ["sh", "-c", start] if OURS else ["unshare", "--mount", "sh", "-c", f"mount --bind {ident} {MACHINE} && {start}"]
    p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=open(n.log_path, "ab"), stderr=subprocess.STDOUT)
    said, stop = "", time.time() + seconds
    while time.time() < stop and "state" not in said:
        time.sleep(0.2)
        said = n.cli("status", check=False)[1]
    code, keys = n.cli("key", "list", check=False)
    p.terminate()
    p.wait(15)
    if OURS:
        MACHINE.write_text(HERE)
    return said, code


def start_here(n):
    try:
        n.start(wait=6)
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

# without binding (init --no-machine) it does move: the check can tell, and doctor says so
with Node(init=("--no-machine",)) as n:
    warned = "NOT bound" in n.cli("inspect", n.dir / "keeper/keystore")
    assert n.stop() == 0
    said, code = elsewhere(n)
    r.say("a key store made without binding opens elsewhere, and inspect says that it will", "open" in said and code == 0 and warned)
end(control, r.all, "keys moved")
