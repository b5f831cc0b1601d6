#!/usr/bin/python3
"""kill-nine: kill -9 of any single process, or of all, during load, loses no acknowledged
create. 100 kills; each acknowledged create is looked for at the end."""
import os, pathlib, random, signal, sys, threading, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import node as lib
from node import Node

KILLS = 400 if os.environ.get("TORTURE_LONG") else 100
ROLES = ["gate", "core", "keeper", "courier", "door", "parent", "all"]


class Writer(threading.Thread):
    """Creates without pause; reconnects when its connection is gone; a create whose answer
    did not come is tried once more with the same request identifier."""

    def __init__(self, entity, number):
        super().__init__(daemon=True)
        self.entity, self.number, self.said, self.over = entity, number, [], False
        self.n = self.reconnects = 0

    def run(self):
        while not self.over:
            name = f"w{self.number}-{self.n}"
            try:
                a = self.entity.create("/cse-in/ae-Cdev/data", 4,
                                       {"m2m:cin": {"rn": name, "con": name}}, rqi=f"q-{name}")
            except (OSError, ConnectionError):
                self.entity.close()
                self.reconnects += 1
                time.sleep(0.05)
                continue
            if a.rsc == 2001:
                self.said.append(name)
                self.n += 1
            elif a.rsc >= 5000:
                time.sleep(0.02)
            else:
                print("unexpected", a)
                self.n += 1


def victims(node, role):
    pids = node.pids()
    if role == "parent":
        return [node.process.pid]
    if role == "all":
        return [p for v in pids.values() for p in v] + [node.process.pid]
    return pids.get(role, [])[:1]


def main():
    random.seed(7)
    with Node() as node:
        device = node.enrol("d", "Cdev")
        assert device.register().rsc == 2001
        assert device.create("/cse-in/ae-Cdev", 3, {"m2m:cnt": {"rn": "data"}}).rsc == 2001
        writers = [Writer(lib.Entity(node, device.folder, "Cdev"), i) for i in range(3)]
        for w in writers:
            w.start()
        done = {r: 0 for r in ROLES}
        for i in range(KILLS):
            role = ROLES[i % len(ROLES)]
            time.sleep(random.uniform(0.05, 0.25))
            for pid in victims(node, role):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            done[role] += 1
            if role in ("parent", "all"):
                node.process.wait()
                end = time.time() + 10
                while node_children_left(node) and time.time() < end:
                    time.sleep(0.02)
                node.start()
            else:
                node.wait_ready(20)
            if i % 20 == 19:
                print(f"{i + 1} kills, {sum(len(w.said) for w in writers)} creates acknowledged", flush=True)
        time.sleep(0.5)
        for w in writers:
            w.over = True
        for w in writers:
            w.join(15)
        said = [n for w in writers for n in w.said]
        device.close()
        lost = [n for n in said if device.retrieve(f"/cse-in/ae-Cdev/data/{n}").rsc != 2000]
        twice = len(said) - len(set(said))
        code, verdict = node.cli("audit", "verify", check=False)
        stopped = node.stop()
        print(f"{KILLS} kills {done}: {len(said)} acknowledged, {len(lost)} lost, {twice} twice, "
              f"audit verify exit {code}, stop exit {stopped}")
        if lost or twice or code or stopped or len(said) < KILLS:
            print(lost[:10], verdict)
            return 1
    return 0


def node_children_left(node):
    """Workers of a killed parent end by themselves."""
    found = 0
    for p in pathlib.Path("/proc").iterdir():
        if p.name.isdigit():
            try:
                command = (p / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if str(node.build) + "/holdfast-" in command and (p / "stat").read_text().split(")")[1].split()[0] != "Z":
                found += 1
    return found


sys.exit(main())
