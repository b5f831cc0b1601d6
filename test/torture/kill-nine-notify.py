#!/usr/bin/python3
"""kill-nine-notify: kill -9 of core, courier and all, while notifications leave: what an
acknowledged create owes arrives; what arrives twice is the same, with the same identifier; order
is kept; the audit log and the store verify, the end is clean.

The target refuses now and then, and closes connections without an answer."""
import os, pathlib, random, signal, sys, time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / p) for p in ("lib", "scenario")]
from node import Node
from receiver import Receiver
from test_lab import Plain

KILLS = 100 if os.environ.get("TORTURE_LONG") else 24
ROLES = ["core", "courier", "core", "courier", "gate", "all"]


def moody(got):
    """A tenth is not taken."""
    if "nev" in got.sgn and random.random() < 0.1:
        return 503, {}, b""
    return None


def create(e, value):
    """Until it is acknowledged: sent again with the same identifier."""
    end = time.time() + 60
    while time.time() < end:
        try:
            a = e.create("/cse-in/dev/c", 4, {"m2m:cin": {"con": value}}, rqi=f"q-{value}")
        except (OSError, ConnectionError):
            e.close()
            time.sleep(0.02)
            continue
        if a.rsc in (2001, 4105):  # the lab remembers no requests: a name given twice is the first
            return
        time.sleep(0.02)
    raise RuntimeError(f"{value}: no answer")


def kill(n, role):
    pids = n.pids()
    victims = [p for v in pids.values() for p in v] + [n.process.pid] if role == "all" else pids.get(role, [])[:1]
    for pid in victims:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    if role == "all":
        n.process.wait()
        n.start(30)
    else:
        n.wait_ready(30)


def main():
    random.seed(11)
    with Receiver(moody) as r, Node(lab=True) as n:
        e = Plain(n, "Cdev")
        assert e.register("dev").rsc == 2001
        assert e.create("/cse-in/dev", 3, {"m2m:cnt": {"rn": "c"}}).rsc == 2001
        a = e.create("/cse-in/dev/c", 23, {"m2m:sub": {"rn": "s", "nu": [r.url], "enc": {"net": [3]}, "pn": 2}})
        assert a.rsc == 2001, a
        acknowledged = []
        for i in range(KILLS):
            for k in range(random.randrange(1, 12)):
                create(e, f"{i}-{k}")
                acknowledged.append(f"{i}-{k}")
            kill(n, ROLES[i % len(ROLES)])
        told = lambda: [g for g in r.got if "nev" in g.sgn]
        value = lambda g: g.sgn["nev"]["rep"]["m2m:cin"]["con"]
        end = time.time() + 60
        while time.time() < end and not {value(g) for g in told()} >= set(acknowledged):
            time.sleep(0.1)
        time.sleep(2)
        lost = set(acknowledged) - {value(g) for g in told()}
        by_rqi = {}
        for g in told():
            by_rqi.setdefault(g.rqi, set()).add(g.body)
        changed = [k for k, v in by_rqi.items() if len(v) > 1]
        # one identifier for each instance that was made
        made = {}
        for g in told():
            made.setdefault(g.sgn["nev"]["rep"]["m2m:cin"]["ri"], set()).add(g.rqi)
        doubled = [k for k, v in made.items() if len(v) > 1]
        first = list(dict.fromkeys(int(g.sgn["nev"]["rep"]["m2m:cin"]["ri"][3:]) for g in told()))
        again = len(told()) - len(by_rqi)
        e.close()
        code, verdict = n.cli("audit", "verify", check=False)
        store, whole = n.cli("store", "verify", check=False)
        stopped = n.stop()
        print(f"{KILLS} kills: {len(acknowledged)} acknowledged, {len(lost)} lost, {len(by_rqi)} notifications, "
              f"{again} sent again, {len(changed)} changed, {len(doubled)} under two identifiers, "
              f"order {'kept' if first == sorted(first) else 'BROKEN'}, audit verify exit {code}, "
              f"store verify exit {store}, stop exit {stopped}")
        if lost or changed or doubled or first != sorted(first) or code or store or stopped or not again:
            print(sorted(lost)[:10], changed[:5], doubled[:5], verdict, whole)
            return 1
    return 0


sys.exit(main())
