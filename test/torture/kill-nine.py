#!/usr/bin/python3
"""kill-nine: kill -9 of any single process, or of all, during load: no acknowledged create is
lost, none is executed twice, the audit log verifies, the end is clean.

A create whose answer did not come is sent again with the same request identifier; names are
given by the node, so that a second execution would be a second instance. Holdfast is started
again at once, while workers of the parent that died may still be ending."""
import os, pathlib, random, re, signal, sys, threading, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import node as lib
from node import Node

KILLS = 400 if os.environ.get("TORTURE_LONG") else 100
ROLES = ["gate", "core", "keeper", "courier", "door", "parent", "all"]
PATIENCE = 60  # seconds for one create


class Writer(threading.Thread):
    """Creates without pause, until told; what was begun is brought to its end."""

    def __init__(self, entity, number):
        super().__init__(daemon=True)
        self.entity, self.number, self.over = entity, number, False
        self.names, self.sent_again, self.problem = {}, 0, None

    def one(self, value):
        end = time.time() + PATIENCE
        while time.time() < end:
            try:
                a = self.entity.create("/cse-in/ae-Cdev/data", 4, {"m2m:cin": {"con": value}}, rqi=f"q-{value}")
            except (OSError, ConnectionError):
                self.entity.close()
                self.sent_again += 1
                time.sleep(0.02)
                continue
            if a.rsc == 2001:
                self.names[value] = a.json["m2m:cin"]["rn"]
                return
            if a.rsc < 5000:
                raise RuntimeError(f"{value}: {a}")
            time.sleep(0.02)
        raise RuntimeError(f"{value}: no answer within {PATIENCE} s")

    def run(self):
        n = 0
        try:
            while not self.over:
                self.one(f"w{self.number}-{n}")
                n += 1
        except Exception as e:
            self.problem = repr(e)


def victims(node, role):
    pids = node.pids()
    if role == "parent":
        return [node.process.pid]
    if role == "all":
        return [p for v in pids.values() for p in v] + [node.process.pid]
    return pids.get(role, [])[:1]


def kill(node, role):
    for pid in victims(node, role):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    if role in ("parent", "all"):
        node.process.wait()
        node.start(30)
    else:
        node.wait_ready(30)


def missing(entity, names):
    """Names that are not there, or not what was written."""
    def right(value, name):
        a = entity.retrieve(f"/cse-in/ae-Cdev/data/{name}")
        return a.rsc == 2000 and a.json["m2m:cin"]["con"] == value
    return [v for v, n in names.items() if not right(v, n)]


def main():
    random.seed(7)
    began = time.time()
    with Node(options="peer.requests = 0") as node:  # it reads back as fast as it can
        device = node.enrol("d", "Cdev")
        assert device.register().rsc == 2001
        assert device.create("/cse-in/ae-Cdev", 3, {"m2m:cnt": {"rn": "data"}}).rsc == 2001
        device.close()
        writers = [Writer(lib.Entity(node, device.folder, "Cdev"), i) for i in range(3)]
        for w in writers:
            w.start()
        done = {r: 0 for r in ROLES}
        for i in range(KILLS):
            role = ROLES[i % len(ROLES)]
            time.sleep(random.uniform(0.02, 0.2))
            kill(node, role)
            done[role] += 1
            if i % 20 == 19:
                print(f"{i + 1} kills, {sum(len(w.names) for w in writers)} creates acknowledged, "
                      f"{sum(w.sent_again for w in writers)} sent again, {time.time() - began:.0f} s", flush=True)
        time.sleep(0.3)
        for w in writers:
            w.over = True
        for w in writers:
            w.join(PATIENCE + 5)
        names = {v: n for w in writers for v, n in w.names.items()}
        count = device.retrieve("/cse-in/ae-Cdev/data").json["m2m:cnt"]["cni"]
        problems = [w.problem for w in writers if w.problem]
        lost = missing(device, names)
        twice = count - len(names) + len(lost)
        device.close()
        code, verdict = node.cli("audit", "verify", check=False)
        store, whole = node.cli("store", "verify", check=False)
        stopped = node.stop()
        blamed = len(re.findall(r"source refused", node.log_text()))
        print(f"{KILLS} kills {done}: {len(names)} acknowledged ({sum(w.sent_again for w in writers)} sent again), "
              f"{len(lost)} lost, {twice} twice, {blamed} sources blamed, audit verify exit {code}, "
              f"store verify exit {store}, stop exit {stopped}")
        if lost or twice or code or store or stopped or blamed or problems or len(names) < KILLS:
            print(problems, lost[:10], verdict, whole)
            return 1
    return 0


sys.exit(main())
