"""What one enrolled peer may take: how fast, how much. Others do not feel it."""
import os, signal, socket, ssl, time

import pytest

from node import NAME, Node


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


def test_a_peer_that_connects_too_often():
    with Node(options="store.engine = memory\npeer.associations = 3") as n:
        often, other = n.enrol("often", "Coften"), n.enrol("other", "Cother")

        def opened(e, times):
            good = 0
            for _ in range(times):
                try:
                    good += e.retrieve("/cse-in").rsc == 4103
                except (OSError, ConnectionError):
                    pass
                e.close()
            return good

        assert 12 <= opened(often, 60) < 40          # four seconds' worth, and what a second brings
        assert opened(other, 5) == 5
        assert any("opens associations too fast" in str(r) and "Coften" in str(r) for r in n.audit())
    with Node(options="store.engine = memory\npeer.associations = 0") as n:  # the control
        assert opened(n.enrol("often", "Coften"), 60) == 60


def strangers(node, source, times):
    """Handshakes that fail, from that address: how many were begun by the node at all."""
    begun = 0
    for _ in range(times):
        with socket.socket() as s:
            s.settimeout(5)
            s.bind((source, 0))
            s.connect(("127.0.0.1", node.port))
            try:
                s.sendall(b"\x16\x03\x01\x00\x05hello")
                begun += bool(s.recv(100))  # an alert; who is refused gets none
            except OSError:
                pass
    return begun


def test_a_source_whose_handshakes_fail():
    with Node(options="store.engine = memory\ngate.failures_per_address = 20\ngate.workers = 1") as n:
        e = n.enrol("d", "Cd")
        assert e.register().rsc == 2001
        assert strangers(n, "127.0.0.7", 60) in range(20, 23)
        assert strangers(n, "127.0.0.7", 5) == 0
        # who is connected stays, and who comes from elsewhere comes in
        assert e.retrieve("/cse-in/ae-Cd").rsc == 2000
        e.close()
        assert e.retrieve("/cse-in/ae-Cd").rsc == 2000
        e.close()
    with Node(options="store.engine = memory\ngate.failures_per_address = 0\ngate.workers = 1") as n:  # the control
        assert strangers(n, "127.0.0.7", 60) == 60


def hello():
    """What a stock client says first."""
    out = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname=NAME).do_handshake()
    return out.read()


def test_who_waited_in_vain_is_not_blamed():
    """A gate that is too slow is left by those who wait: their address is not locked out for that."""
    with Node(options="store.engine = memory\ngate.failures_per_address = 20\ngate.workers = 1\nlog.level = info") as n:
        e = n.enrol("d", "Cd")
        assert e.register().rsc == 2001
        e.close()
        gate, first = n.pids()["gate"][0], hello()
        os.kill(gate, signal.SIGSTOP)
        for _ in range(60):
            with socket.create_connection(("127.0.0.1", n.port)) as s:
                s.sendall(first)
        time.sleep(1.5)
        os.kill(gate, signal.SIGCONT)
        for _ in range(2):  # from that address; the second comes when all of them are done with
            assert e.retrieve("/cse-in/ae-Cd").rsc == 2000
            e.close()
        assert "it left before its turn" in n.log_text()
        # who makes it work in vain still is
        assert strangers(n, "127.0.0.1", 60) in range(20, 23)
        with pytest.raises((OSError, ConnectionError)):
            e.retrieve("/cse-in/ae-Cd")
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
