#!/usr/bin/python3
"""T3: keys are replaced by other ones, or by an older copy of the key store; certificates of the
node by those of another; an enrolled key by a second enrolment."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import shutil, time

from attack import Refusals, Twin, attempt, end, is_success
from node import Node


def with_files(n, change, folder="keeper"):
    """Stop, change files, start again. (a key can be used, what the log said). What was refused is
    put back as it was before the change."""
    if n.process:
        assert n.stop() == 0
    keep = n.top / "keep"
    shutil.rmtree(keep, ignore_errors=True)
    shutil.copytree(n.dir / folder, keep)
    before = len(n.log_text())
    change(n.dir / folder)
    up = True
    try:
        n.start(wait=10, unless="locked because")
        n.enrol("probe%d" % time.time_ns(), "Cprobe%d" % time.time_ns())
    except (RuntimeError, OSError):
        up = False
    try:  # nobody answers at a locked node: no long wait
        device.connect(timeout=2)
        up |= is_success(device.retrieve("/cse-in/ae-Ca"))
    except OSError:
        pass
    device.close()
    said = [l for l in n.log_text()[before:].splitlines() if " error " in l or " warn " in l]
    if n.process:
        try:
            n.stop()
        except Exception:
            n.kill()
    if not up:
        for f in keep.iterdir():
            (n.dir / folder / f.name).write_bytes(f.read_bytes())
            shutil.chown(n.dir / folder / f.name, owner if folder == "keeper" else 0, owner if folder == "keeper" else 0)
    return up, (said[0][22:] if said else "")


def put(name, data):
    def change(folder):
        with open(folder / name, "r+b") as f:
            f.write(data)
            f.truncate()
    return change


def flip(name, at):
    def change(folder):
        data = bytearray((folder / name).read_bytes())
        data[at % len(data)] ^= 1
        put(name, bytes(data))(folder)
    return change


def all_of(*changes):
    return lambda folder: [c(folder) for c in changes]


r = Refusals()
with Twin() as t:
    (t.top / "key").write_bytes(b"k" * 32)
    control = (t.top / "key").read_bytes() == b"k" * 32 and t.ask("GET", "/x")[0] == 200
    print("control: the key file was replaced, and it serves on")

with Node() as n, Node() as other:
    stranger = other.enrol("x", "Cx")
    other.stop()
    owner = (n.dir / "keeper/keystore").stat().st_uid
    device = n.enrol("a", "Ca")
    assert device.register().rsc == 2001
    device.close()
    assert n.stop() == 0
    old = {f.name: f.read_bytes() for f in (n.dir / "keeper").iterdir()}
    n.start()
    n.enrol("b", "Cb", "device", True, "--identity", "b@demo.example")

    # by management: a second key for who has one
    for what in (["--id", "Ca"], ["--id", "Cb", "--psk", "--identity", "b@demo.example"], ["--id", "Cc", "--psk", "--identity", "b@demo.example"]):
        code, out = n.cli("enrol", "device", "again", *what, "--out", n.top / "again", check=False)
        r.say(f"enrolment of another key for {what[-1]} as {what[1]}", code != 0, out.strip().splitlines()[-1][:80])
    failed = [x for x in n.audit() if x["kind"] == 6 and str(x.get("rule", "")).startswith("ENROL") and x.get("rsc") != 2000]
    r.say(f"the refused enrolments are on record ({len(failed)})", len(failed) == 3)

    up, said = with_files(n, lambda folder: None)
    r.say("unchanged: keys are usable (the check can tell)", up, said)
    up, said = with_files(n, put("keystore", old["keystore"]))
    r.say("an older copy of the key store", not up, said)
    for name, what in (("keystore", "another node's key store"), ("counter", "another node's counter")):
        up, said = with_files(n, put(name, (other.dir / "keeper" / name).read_bytes()))
        r.say(what, not up, said)
    up, said = with_files(n, all_of(*(put(f, (other.dir / "keeper" / f).read_bytes()) for f in ("keystore", "counter"))))
    r.say("another node's key store and counter", not up, said)
    for at in (20, 500, -1):  # every octet: test/unit/keeper_vault.c
        up, said = with_files(n, flip("keystore", at))
        r.say(f"one octet of the key store changed at {at}", not up, said)
    up, said = with_files(n, put("keystore", (n.dir / "keeper/keystore").read_bytes()[:-16]))
    r.say("the key store cut", not up, said)
    for name in ("counter", "keystore"):
        up, said = with_files(n, lambda folder: (folder / name).unlink())
        r.say(f"the {name} removed", not up, said)
    up, said = with_files(n, lambda folder: None)
    r.say("put right again: keys are usable", up, said)

    # all of another node's, with its passphrase: a key store that opens, and opens nothing here
    passphrase = (n.dir / "credential").read_bytes()
    (n.dir / "credential").write_bytes((other.dir / "credential").read_bytes())
    up, said = with_files(n, all_of(*(put(f, (other.dir / "keeper" / f).read_bytes()) for f in ("keystore", "counter"))))
    r.say("another node's key store, counter and passphrase", not up, said)
    (n.dir / "credential").write_bytes(passphrase)

    # public files of the node: whom it trusts and who it says it is
    for name, what in (("node.pem", "the node's certificate by that of another node"), ("ca.pem", "the CA's certificate by that of another node")):
        (n.dir / "node" / name).rename(n.top / name)
        shutil.copy2(other.dir / "node" / name, n.dir / "node" / name)
        try:
            n.start(wait=10, unless="locked because")
        except RuntimeError:
            pass
        good = attempt(device, lambda: device.retrieve("/cse-in/ae-Ca"))
        # who was enrolled by that other node, and trusts its CA
        stranger.node.port = n.port
        alien = attempt(stranger, lambda: stranger.retrieve("/cse-in"))
        r.say(f"{what}: neither its own device nor the other's is served", not is_success(good) and alien is None)
        device.close(), stranger.close()
        n.stop() if n.process else None
        (n.top / name).rename(n.dir / "node" / name)
    n.start()
    r.say("put right again: served", is_success(attempt(device, lambda: device.retrieve("/cse-in/ae-Ca"))))
    device.close()
    n.stop()
    # both files of an earlier day: a counter on the same disk cannot see that, the witness does
    both = all_of(put("keystore", old["keystore"]), put("counter", old["counter"]))
    up, said = with_files(n, both)
    r.say("key store and counter of an earlier time together", not up, said)
    with open(n.dir / "holdfast.conf", "a") as f:
        f.write("keeper.witness = none\n")
    up, said = with_files(n, both)
    r.say("without a witness they are taken (the check can tell)", up, said)
end(control, r.all, "keys replaced")
