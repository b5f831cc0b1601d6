"""What one association may be used for: octets, records, new traffic keys; and who comes when too
many do is told when to come again."""
import re, ssl, subprocess, threading, time

import pytest

from node import NAME, Node, read_answer
from test_session import Visit, client, device, request


@pytest.fixture(scope="module")
def node():
    with Node(options="association.octets = 20000\nassociation.update_records = 20\nsession.time = 600") as n:
        yield n
        assert n.stop() == 0


def test_new_keys_after_so_many_records(node):
    """Seen by the stock client: KeyUpdate in both directions, and it goes on."""
    e = device(node, "keys")
    many = b"".join(request(e) for _ in range(29)) + request(e).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    # one request a record, as many as it is asked for
    p = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{node.port}", "-servername", NAME, "-tls1_3", "-msg", "-ign_eof",
                          "-CAfile", node.dir / "node/ca.pem", "-cert", e.folder / "cert.pem", "-key", e.folder / "key.pem"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    for r in many.split(b"\r\n\r\n")[:-1]:
        p.stdin.write(r + b"\r\n\r\n")
        p.stdin.flush()
        time.sleep(0.02)
    said = p.communicate(timeout=20)[0].decode(errors="replace")
    assert said.count("HTTP/1.1 200") == 30, said[-2000:]
    ours, theirs = (len(re.findall(arrow + r" TLS 1\.3, Handshake \[length 0005\], KeyUpdate", said)) for arrow in ("<<<", ">>>"))
    assert ours >= 2 and theirs >= 2, (ours, theirs)
    # TLS 1.2 has no such thing, and works as ever
    old = client(e, "-msg", version="-tls1_2")
    assert "HTTP/1.1 200" in old and "KeyUpdate" not in old


def test_no_new_keys_without_need():
    with Node() as n:
        e = device(n, "keys")
        said = client(e, "-msg", say=b"".join(request(e) for _ in range(29)) + request(e).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert said.count("HTTP/1.1 200") == 30 and "KeyUpdate" not in said
        assert n.stop() == 0


def until_closed(v, at_most):
    n = 0
    try:
        while n < at_most and v.ask() == 2000:
            n += 1
    except (OSError, ConnectionError, ssl.SSLError):
        pass
    return n


def test_octets_are_those_of_the_association(node):
    e = device(node, "octets")
    v = Visit(e)
    first = until_closed(v, 400)
    assert 10 < first < 100
    # taken up in the middle: the sum is the same
    v = Visit(e)
    half = sum(v.ask() == 2000 for _ in range(first // 2))
    w = Visit(e, v.close())
    assert w.resumed
    rest = until_closed(w, 400)
    assert abs(half + rest + 2 - first) <= 2, (first, half, rest)


def test_records_are_those_of_the_connection():
    with Node(options="association.records = 60") as n:
        e = device(n, "records")
        v = Visit(e)
        served = until_closed(v, 400)
        assert 15 <= served <= 60
        # a new connection has its own
        assert Visit(e).status == 2000
        assert n.stop() == 0


def test_who_is_one_too_many_is_told_when():
    """Forty come at once, ten a second are taken: each is told a time of its own, obeys, and gets in."""
    with Node(options="gate.admissions = 10\ngate.workers = 1") as n:
        e = device(n, "storm")
        admitted, told, tries = [], [], []

        def come():
            for attempt in range(1, 8):
                raw = __import__("socket").create_connection(("127.0.0.1", n.port), timeout=20)
                s = e.tls.wrap_socket(raw, server_hostname=NAME)
                s.sendall(request(e))
                a = read_answer(s)
                if a.http == 200:
                    admitted.append(time.time())
                    tries.append(attempt)
                    s.close()
                    return
                assert a.http == 503 and a.headers["connection"] == "close" and 1 <= int(a.headers["retry-after"]) <= 600
                told.append(int(a.headers["retry-after"]))
                s.close()
                time.sleep(int(a.headers["retry-after"]))
        time.sleep(1.1)  # another second than that of the registration
        threads = [threading.Thread(target=come) for _ in range(40)]
        [t.start() for t in threads]
        [t.join(30) for t in threads]
        assert len(admitted) == 40, "somebody was locked out"
        # on a slow machine they come later, and fewer are too many
        assert len(set(told)) >= 2 and max(tries) <= 4, (told, tries)
        bins = [sum(int(at) == s for at in admitted) for s in range(int(min(admitted)), int(max(admitted)) + 1)]
        assert max(bins) <= 22, bins
        # who was shed is not in the register, nor was anything recorded of it
        opened = [x for x in n.audit() if x["kind"] == 5 and x.get("text") == "opened"]
        assert len(opened) == 41
        assert n.stop() == 0
