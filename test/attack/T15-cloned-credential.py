#!/usr/bin/python3
"""T15: keys and credentials are taken from one device and used in another.

A copy of a device's profile is used from another address while the device is connected.
Control: a node that watches no places; the copy works unseen. Target: the copy is noticed
in the audit log; with clone.action = refuse it does not get in; with end both are out."""
import sys, pathlib, socket, time
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from attack import end
from node import Node, Entity, NAME


class Copy(Entity):
    """The same profile from another place: 127.0.0.2."""

    def connect(self, timeout=10):
        self.close()
        raw = socket.create_connection(("127.0.0.1", self.node.port), timeout=timeout,
                                       source_address=("127.0.0.2", 0))
        self.connection = self.context().wrap_socket(raw, server_hostname=NAME)
        return self.connection


def attack(options):
    """(the copy got an answer, the device still gets one, the log knows of it)"""
    with Node(options=options + "\nstore.engine = memory") as node:
        device = node.enrol("lamp", "Clamp")
        assert device.register().rsc == 2001
        copy = Copy(node, device.folder, device.originator)
        try:
            works = copy.retrieve("/cse-in/ae-Clamp").rsc == 2000
        except OSError:
            works = False
        time.sleep(1.5)  # a sweep
        try:
            still = device.retrieve("/cse-in/ae-Clamp").rsc == 2000
        except OSError:
            still = False
        seen = any("clone alarm" in str(r) for r in node.audit())
        copy.close(), device.close()
        return works, still, seen


control = attack("clone.places = 0") == (True, True, False)
wanted = {"record": (True, True, True), "refuse": (False, True, True), "end": (False, False, True)}
found = {word: attack(f"clone.action = {word}") for word in wanted}
for word in wanted:
    print(f"clone.action = {word}: copy works, device works, on record: {found[word]}")
end(control, found == wanted, "T15 a copied credential")
