#!/usr/bin/python3
"""T15: the state of a device's TPM (a virtual one's folder) is copied with the device's profile, and used
elsewhere: the copy holds the attestation key, and quotes what that key is asked for.

Control: a node that knows nothing of the TPM's counters, because key and state were only just accepted: the copy
counts as a factor, unseen. Target: its counters are behind what the device's own TPM said before, also before
the node was restarted: on record; with clone.action = refuse it does not count; with end both are out. The
device's own TPM loses its power twice, and counts."""
import sys, pathlib, json
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from attack import end
from node import Entity, Node
from quotes import CopiedMachine, LastingMachine, nonce, show

VALVE = "/cse-in/ae-Clamp/valve"


def opens(e):
    """The address that wants level 3: credential and state."""
    try:
        return e.retrieve(VALVE).rsc == 2000
    except (OSError, ConnectionError):
        return False


def refusal(e, machine):
    """Why its quote does not count; "" when it does."""
    try:
        code, said = show(e, machine.quote(nonce(e)))
        return "" if code == 200 else f"{code} {said['refused']}"
    except (OSError, ConnectionError):
        return "closed"


def alarms(node):
    return sum("counters of its TPM run backwards" in json.dumps(r) and "Clamp" in json.dumps(r) for r in node.audit())


def accept(node, device, machine):
    node.cli("state", "accept", device.id, machine.file("ak.pub"), "0,16", machine.digest())


def with_device(node, machine):
    e = node.enrol("lamp", "Clamp", "device", False, "--protection", "2")
    assert e.register().rsc == 2001
    assert e.create("/cse-in/ae-Clamp", 3, {"m2m:cnt": {"rn": "valve"}}).rsc == 2001
    node.cli("assurance", "require", "3", VALVE[1:])
    e.id = next(r["id"] for r in json.loads(node.cli("-o", "json", "credential", "list")) if r["id"].endswith("/Clamp"))
    accept(node, e, machine)
    assert not opens(e)
    return e


def attack(node, device, machine, copy, forgets=False):
    """(why the copy does not count, the device's own association counts yet, the log knows of it)"""
    thief = Entity(node, device.folder, device.originator)
    before = alarms(node)
    assert not refusal(device, machine) and opens(device) and alarms(node) == before  # honest
    if forgets:
        node.cli("state", "withdraw", device.id)
        accept(node, device, machine)
    why = refusal(thief, copy)
    assert opens(thief) == (why == "")
    found = why, opens(device), alarms(node) > before
    thief.close(), device.close()
    return found


def restarted(node, action):
    """Under another policy: what the device's TPM said lasts."""
    node.stop()
    conf = node.dir / "holdfast.conf"
    conf.write_text("".join(l + "\n" for l in conf.read_text().splitlines() if "clone.action" not in l) + f"clone.action = {action}\n")
    node.start()


with LastingMachine() as machine, Node(options="clone.places = 0\nclone.moves = 0") as node:
    device = with_device(node, machine)
    assert not refusal(device, machine) and opens(device)
    machine.kill()
    with CopiedMachine(machine.top / "state") as copy:
        for _ in range(2):
            machine.start()
            machine.digest()
            machine.kill()
        machine.start()
        control = attack(node, device, machine, copy, forgets=True)
        found = {}
        for word in ("record", "refuse", "end"):
            assert not refusal(device, machine)
            device.close()
            restarted(node, word)
            found[word] = attack(node, device, machine, copy)
            print(f"clone.action = {word}: why the copy does not count, device counts, on record: {found[word]}")
wanted = {"record": ("", True, True), "refuse": ("403 clone alarm: the counters of its TPM run backwards", True, True),
          "end": ("closed", False, True)}
end(control == ("", False, False), found == wanted, "T15 a copied TPM")
