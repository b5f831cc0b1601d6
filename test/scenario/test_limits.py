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
