#!/usr/bin/python3
"""T15: keys and credentials are taken from one device and used in another.

A copy of a device's profile is used from another address while the device is connected; by certificate, by
pre-shared key, and by what the device got by joining.
Control: a node that watches no places; the copies work unseen. Target: each copy is noticed
in the audit log; with clone.action = refuse it does not get in; with end both are out."""
import sys, pathlib, json, socket, time
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from attack import end
from node import Node, Entity, NAME, OpensslClient, PskEntity

ELSEWHERE = "127.0.0.2"


class Copy(Entity):
    """The same profile from another place."""

    def connect(self, timeout=10):
        self.close()
        raw = socket.create_connection(("127.0.0.1", self.node.port), timeout=timeout, source_address=(ELSEWHERE, 0))
        self.connection = self.context().wrap_socket(raw, server_hostname=NAME)
        return self.connection


class PskCopy(PskEntity):
    def connect(self, timeout=10):
        self.close()
        words = [(self.folder / f"psk.{n}").read_text().strip() for n in ("identity", "key")]
        self.connection = OpensslClient(self.node.port, ["-psk_identity", words[0], "-psk", words[1], "-tls1_3", "-bind", ELSEWHERE])
        return self.connection


def devices(node):
    """kind -> (the device, its copy)"""
    claim = json.loads(node.cli("-o", "json", "ticket", "create", "--ids", "Cjoined"))["claim"]
    node.cli("join", claim, "--id", "Cjoined", "--out", node.top / "joined", directory=False)
    made = {"certificate": node.enrol("lamp", "Clamp"), "pre-shared key": node.enrol("bell", "Cbell", "device", True, "--identity", "bell@demo.example"),
            "joined": Entity(node, node.top / "joined", "Cjoined")}
    return {k: (e, (PskCopy if isinstance(e, PskEntity) else Copy)(node, e.folder, e.originator)) for k, e in made.items()}


def works(e):
    try:
        return e.retrieve(f"/cse-in/ae-{e.originator}").rsc == 2000
    except (OSError, ConnectionError):
        return False


def attack(options):
    """kind -> (the copy got an answer, the device still gets one, the log knows of it)"""
    with Node(options=options + "\nstore.engine = memory\njoin.enabled = yes") as node:
        all_of_them = devices(node)
        for device, _ in all_of_them.values():
            assert device.register().rsc == 2001
        copies = {k: works(copy) for k, (_, copy) in all_of_them.items()}
        time.sleep(1.5)  # a sweep
        still = {k: works(device) for k, (device, _) in all_of_them.items()}
        alarms = [str(r) for r in node.audit() if "clone alarm" in str(r)]
        found = {k: (copies[k], still[k], any(device.originator in a or device.originator[1:] + "@" in a for a in alarms))
                 for k, (device, _) in all_of_them.items()}
        for device, copy in all_of_them.values():
            copy.close(), device.close()
        return found


control = set(attack("clone.places = 0").values()) == {(True, True, False)}
wanted = {"record": (True, True, True), "refuse": (False, True, True), "end": (False, False, True)}
found = {word: attack(f"clone.action = {word}") for word in wanted}
for word in wanted:
    for kind, what in found[word].items():
        print(f"clone.action = {word}, {kind}: copy works, device works, on record: {what}")
end(control, all(set(found[w].values()) == {wanted[w]} for w in wanted), "T15 a copied credential")
