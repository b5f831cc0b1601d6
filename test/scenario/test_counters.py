"""The counts of a container are exact, whoever writes at once (cni cbs st)."""
import threading

import pytest

from node import Node
from test_lab import Plain

WRITERS, EACH = 64, 12


@pytest.fixture(scope="module", params=["memory", "sqlite"])
def lab(request):
    with Node(lab=True, options=f"store.engine = {request.param}") as n:
        yield n
        assert n.stop() == 0


def at_once(lab, work):
    """work(entity, number) in 64 threads with a connection each; what they gave."""
    results, lock, start = [], threading.Lock(), threading.Barrier(WRITERS)

    def run(number):
        e = Plain(lab, "Cdev")
        e.connect()
        start.wait(20)
        got = work(e, number)
        e.close()
        with lock:
            results.append(got)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(WRITERS)]
    [t.start() for t in threads]
    [t.join(60) for t in threads]
    assert len(results) == WRITERS
    return [x for got in results for x in got]


def test_counts_are_exact(lab):
    dev = Plain(lab, "Cdev")
    assert dev.register("dev").rsc == 2001
    for rn, more in (("all", {}), ("few", {"mni": 50}), ("small", {"mbs": 1000})):
        assert dev.create("/cse-in/dev", 3, {"m2m:cnt": {"rn": rn, **more}}).rsc == 2001
    see = lambda rn: dev.retrieve(f"/cse-in/dev/{rn}").json["m2m:cnt"]

    def write(e, number):
        got = []
        for i in range(EACH):
            con = "x" * (number % 7 + 1)
            for rn in ("all", "few", "small"):
                a = e.create(f"/cse-in/dev/{rn}", 4, {"m2m:cin": {"con": con}})
                got.append((rn, a.rsc, a.json["m2m:cin"]["st"], a.json["m2m:cin"]["rn"], len(con)))
        return got

    written = at_once(lab, write)
    assert {g[1] for g in written} == {2001}
    for rn in ("all", "few", "small"):
        # each write has a state of its own, and none is left out
        assert sorted(g[2] for g in written if g[0] == rn) == list(range(1, WRITERS * EACH + 1))
        assert see(rn)["st"] == WRITERS * EACH
    octets = sum(g[4] for g in written if g[0] == "all")
    assert (see("all")["cni"], see("all")["cbs"]) == (WRITERS * EACH, octets)
    by_state = sorted((g[2], g[4]) for g in written if g[0] == "few")
    assert (see("few")["cni"], see("few")["cbs"]) == (50, sum(n for _, n in by_state[-50:]))
    kept = dev.retrieve("/cse-in/dev/small?rcn=8&ty=4").json["m2m:cnt"]["m2m:cin"]
    assert (see("small")["cni"], see("small")["cbs"]) == (len(kept), sum(c["cs"] for c in kept)) and see("small")["cbs"] <= 1000

    # half of them go while others come
    names = [g[3] for g in written if g[0] == "all"]

    def change(e, number):
        got = []
        for name in names[number::WRITERS * 2]:
            got.append(("gone", e.delete(f"/cse-in/dev/all/{name}").rsc))
            got.append(("come", e.create("/cse-in/dev/all", 4, {"m2m:cin": {"con": "yy"}}).rsc))
        return got

    changed = at_once(lab, change)
    left = dev.retrieve("/cse-in/dev/all?rcn=8&ty=4").json["m2m:cnt"]["m2m:cin"]
    assert set(changed) == {("gone", 2002), ("come", 2001)}
    assert (see("all")["cni"], see("all")["cbs"]) == (len(left), sum(c["cs"] for c in left)) == (WRITERS * EACH, see("all")["cbs"])
    dev.close()
    assert "every row opens" in lab.cli("store", "verify")
