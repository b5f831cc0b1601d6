"""What one enrolled peer may take: how fast, how much. Others do not feel it."""
import pytest

from node import Node


@pytest.fixture(scope="module")
def node():
    with Node(options="store.engine = memory\npeer.requests = 20") as n:
        yield n


def test_a_peer_that_asks_too_fast(node):
    fast, slow = node.enrol("fast", "Cfast"), node.enrol("slow", "Cslow")
    for e in (fast, slow):
        assert e.register().rsc == 2001
    statuses = [fast.retrieve("/cse-in/ae-Cfast").rsc for _ in range(300)]
    assert statuses[:60] == [2000] * 60 and 100 < statuses.count(5207) <= 240, statuses
    assert set(statuses) == {2000, 5207}
    # a second association does not help, and another peer is served
    again = type(fast)(node, fast.folder, "Cfast")
    assert [again.retrieve("/cse-in/ae-Cfast").rsc for _ in range(20)].count(5207) > 10
    assert [slow.retrieve("/cse-in/ae-Cslow").rsc for _ in range(20)] == [2000] * 20
    # one record speaks for all
    records = [r for r in node.audit() if "peer.requests" in str(r)]
    assert len(records) == 1 and "Cfast" in str(records[0]), records
    for e in (fast, slow, again):
        e.close()


def test_the_control_a_node_without_the_limit():
    with Node(options="store.engine = memory\npeer.requests = 0") as n:
        e = n.enrol("fast", "Cfast")
        assert e.register().rsc == 2001
        assert {e.retrieve("/cse-in/ae-Cfast").rsc for _ in range(300)} == {2000}
        e.close()


@pytest.mark.parametrize("engine", ["memory", "sqlite"])
def test_a_peer_that_takes_too_much(engine):
    with Node(options=f"store.engine = {engine}\npeer.resources = 6\npeer.octets = 20000") as n:
        greedy, other = n.enrol("greedy", "Cgreedy"), n.enrol("other", "Cother")
        for e in (greedy, other):
            assert e.register().rsc == 2001
        path = "/cse-in/ae-Cgreedy"
        made = [greedy.create(path, 3, {"m2m:cnt": {"rn": f"c{i}"}}).rsc for i in range(8)]
        assert made == [2001] * 5 + [5207] * 3, made
        assert other.create("/cse-in/ae-Cother", 3, {"m2m:cnt": {"rn": "c"}}).rsc == 2001
        if engine == "sqlite":
            assert n.stop() == 0
            n.start()
            greedy.close()
            assert greedy.create(path, 3, {"m2m:cnt": {"rn": "after"}}).rsc == 5207
        assert greedy.delete(path + "/c0").rsc == 2002
        assert greedy.create(path + "/c1", 4, {"m2m:cin": {"con": "x" * 30000}}).rsc == 5207
        assert greedy.create(path + "/c1", 4, {"m2m:cin": {"con": "x" * 10000}}).rsc == 2001
        assert greedy.update(path + "/c1", {"m2m:cnt": {"lbl": ["x" * 1000] * 12}}).rsc == 5207
        for e in (greedy, other):
            e.close()
