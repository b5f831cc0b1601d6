#!/usr/bin/python3
"""T3: keys are replaced by other ones, or by an older copy of the key store."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import shutil, subprocess, time

from attack import Refusals, Twin, end
from node import Node


def with_store(n, change):
    """Stop, change the key store, start again: True when keys can still be used."""
    assert n.stop() == 0
    keep = n.top / "keep"
    shutil.rmtree(keep, ignore_errors=True)
    shutil.copytree(n.dir / "keeper", keep)
    owner = (n.dir / "keeper").stat()
    change(n.dir / "keeper")
    try:
        n.start(wait=4)
        up = n.enrol("probe%d" % time.time(), "Cprobe%d" % time.time()) is not None
    except (RuntimeError, OSError):
        up = False
    said = [l for l in n.log_text().splitlines() if "keeper" in l][-3:]
    if n.process:
        try:
            n.stop()
        except Exception:
            n.kill()
    for f in keep.iterdir():
        data = f.read_bytes()
        with open(n.dir / "keeper" / f.name, "wb") as out:
            out.write(data)
    return up, said


r = Refusals()
with Twin() as t:
    (t.top / "key").write_bytes(b"k" * 32)
    control = (t.top / "key").read_bytes() == b"k" * 32
    print("control: the key file was replaced and nothing noticed")

with Node() as n, Node(start=False) as other:
    n.enrol("a", "Ca")
    old = {f.name: f.read_bytes() for f in (n.dir / "keeper").iterdir()}
    n.enrol("b", "Cb", "device", True, "--identity", "b@demo.example")

    def put(name, data):
        def change(folder):
            with open(folder / name, "wb") as f:
                f.write(data)
        return change

    def flip(name, at):
        def change(folder):
            data = bytearray((folder / name).read_bytes())
            data[at % len(data)] ^= 1
            with open(folder / name, "wb") as f:
                f.write(data)
        return change

    up, _ = with_store(n, lambda folder: None)
    r.say("unchanged: keys are usable (the check can tell)", up)
    up, said = with_store(n, put("keystore", old["keystore"]))
    r.say("an older copy of the key store", not up, said[-1][:120] if said else "")
    up, _ = with_store(n, put("keystore", (other.dir / "keeper/keystore").read_bytes()))
    r.say("another node's key store", not up)
    for at in (20, 200, -40):
        up, _ = with_store(n, flip("keystore", at))
        r.say(f"one octet changed at {at}", not up)
    up, _ = with_store(n, lambda folder: (folder / "counter").unlink())
    r.say("the counter removed", not up)
    up, _ = with_store(n, lambda folder: None)
    r.say("put right again: keys are usable", up)
end(control, r.all, "keys replaced")
