"""HTTP/2 on the same door: chosen by ALPN over TLS 1.3 only, by its preface in the lab; the same
requests and refusals; many at once; and what a hostile peer may do ends its own connection."""
import json, re, socket, ssl, subprocess, time

import pytest

import http2
from http2 import frame, fields
from node import Entity, NAME, Node

CIN = {"m2m:cin": {"con": "x"}}


@pytest.fixture(scope="module")
def node():
    with Node(lab=True, options="store.engine = memory\ngate.request_time = 3") as n:
        yield n
        assert n.stop() == 0


@pytest.fixture
def lab(node):
    c = http2.plain(node.lab_port)
    yield c
    c.sock.close()


def asks(rqi="1", **more):
    h = {"x-m2m-origin": "CAdmin", "x-m2m-ri": rqi, "x-m2m-rvi": "3", "accept": "application/json", **more}
    return list(h.items())


def get(c, path="/cse-in", rqi="1", **more):
    return c.answer(c.ask("GET", path, asks(rqi, **more)))


# --- chosen ------------------------------------------------------------------------------


def offered(e, *protocols, most=None):
    e.close()
    context = Entity.context(e)
    context.set_alpn_protocols(list(protocols))
    if most:
        context.maximum_version = most
    s = context.wrap_socket(socket.create_connection(("127.0.0.1", e.node.port), 10), server_hostname=NAME)
    name = s.selected_alpn_protocol()
    s.close()
    return name


def test_alpn(node):
    e = node.enrol("alpn", "Calpn")
    assert offered(e, "h2", "http/1.1") == "h2"
    assert offered(e, "http/1.1", "h2") == "h2"
    assert offered(e, "http/1.1") == "http/1.1"
    # TLS 1.2 has suites that HTTP/2 forbids
    assert offered(e, "h2", "http/1.1", most=ssl.TLSVersion.TLSv1_2) == "http/1.1"
    with pytest.raises(ssl.SSLError):
        offered(e, "h2", most=ssl.TLSVersion.TLSv1_2)
    with pytest.raises(ssl.SSLError):
        offered(e, "imap")
    # without the extension it is HTTP/1.1
    assert e.register().rsc == 2001
    e.close()


def test_curl_over_tls(node):
    e = node.enrol("curl", "Ccurl")
    assert e.register().rsc == 2001
    e.close()
    p = subprocess.run(["curl", "-s", "-i", "--http2", "--cacert", node.dir / "node/ca.pem", "--cert", e.folder / "cert.pem",
                        "--key", e.folder / "key.pem", "--resolve", f"{NAME}:{node.port}:127.0.0.1",
                        "-H", "X-M2M-Origin: Ccurl", "-H", "X-M2M-RI: 1", "-H", "X-M2M-RVI: 3", "-H", "Accept: application/json",
                        f"https://{NAME}:{node.port}/cse-in/ae-Ccurl"], capture_output=True, text=True, timeout=20)
    assert p.stdout.startswith("HTTP/2 200") and "x-m2m-rsc: 2000" in p.stdout, p.stdout


def test_a_forged_from_is_refused_on_both_versions(node):
    for version in (1, 2):
        e, other = node.enrol(f"f{version}", f"Cf{version}"), node.enrol(f"g{version}", f"Cg{version}")
        e.version = other.version = version
        assert e.register().rsc == 2001 and other.register().rsc == 2001
        assert e.retrieve(f"/cse-in/ae-Cg{version}", origin=f"Cg{version}").rsc == 4106
        assert e.retrieve(f"/cse-in/ae-Cg{version}").rsc == 4103
        assert e.retrieve(f"/cse-in/ae-Cf{version}").rsc == 2000
        for one in (e, other):
            one.close()


def test_nghttp_and_h2load(node):
    h = [x for k, v in asks() for x in ("-H", f"{k}: {v}")]
    url = f"http://127.0.0.1:{node.lab_port}/cse-in"
    p = subprocess.run(["nghttp", "-v", *h, url], capture_output=True, text=True, timeout=20)
    assert ":status: 200" in p.stdout and "x-m2m-rsc: 2000" in p.stdout, p.stdout[-2000:]
    p = subprocess.run(["h2load", "-n", "4000", "-c", "8", "-m", "32", *h, url], capture_output=True, text=True, timeout=60)
    assert "4000 succeeded, 0 failed" in p.stdout, p.stdout


# --- the same ------------------------------------------------------------------------------


def test_many_at_once_each_gets_its_own(lab):
    streams = {lab.ask("GET", "/cse-in", asks(f"r{i}")): f"r{i}" for i in range(60)}
    for stream, rqi in streams.items():
        status, found, body = lab.answer(stream)
        assert status == 200 and found["x-m2m-ri"] == rqi and json.loads(body)["m2m:cb"]["rn"] == "cse-in"


def test_content_both_ways(lab):
    status, found, _ = lab.answer(lab.ask("POST", "/cse-in", asks("c1", **{"content-type": "application/json;ty=3"}),
                                          json.dumps({"m2m:cnt": {"rn": "big"}}).encode()))
    assert (status, found["x-m2m-rsc"]) == (201, "2001")
    con = "k" * 500000
    status, found, _ = lab.answer(lab.ask("POST", "/cse-in/big", asks("c2", **{"content-type": "application/json;ty=4"}),
                                          json.dumps({"m2m:cin": {"con": con}}).encode()))
    assert (status, found["x-m2m-rsc"]) == (201, "2001")
    status, found, body = get(lab, "/cse-in/big/la", "c3")
    assert status == 200 and json.loads(body)["m2m:cin"]["con"] == con
    assert lab.answer(lab.ask("DELETE", "/cse-in/big", asks("c4")))[0] == 200


def test_too_large_a_content_is_refused_and_the_rest_lives(lab):
    stream = lab.ask("POST", "/cse-in", asks("c5", **{"content-type": "application/json;ty=3"}), b"a" * 70 * 16384)
    assert lab.answer(stream)[0] == 413
    assert get(lab)[0] == 200


@pytest.mark.parametrize("more,status", [
    ([("transfer-encoding", "chunked")], None), ([("connection", "close")], None), ([("te", "gzip")], None),
    ([("X-Upper", "a")], None), ([("host", "other")], 400), ([("x", "a\r\nb: c")], None), ([("x", "a\0b")], None),
    ([("content-length", "5")], None), ([("x-m2m-ri", "again")], 400), ([(":path", "/twice")], None), ([(":late", "x")], None),
    ([("x" * 30, "v")] * 80, 431), ([("x", "v" * 15000)] * 2, 431)])
def test_lists_that_two_readers_could_read_differently(lab, more, status):
    stream = lab.ask("GET", "/cse-in", asks() + more)
    if status:
        assert lab.answer(stream)[0] == status
        assert get(lab)[0] == 200
    else:  # refused before a request was made of it
        try:
            assert lab.answer(stream)[0] // 100 == 4
        except http2.Ended:
            pass


@pytest.mark.parametrize("pseudo", [[(":method", "GET"), (":path", "/cse-in")], [(":method", "GET"), (":scheme", "http"), (":authority", "x")],
                                    [(":method", "GET /x"), (":scheme", "http"), (":authority", "x"), (":path", "/cse-in")],
                                    [(":method", "GET"), (":scheme", "http"), (":authority", "x"), (":path", "/cse-in HTTP/1.1")],
                                    [(":method", "CONNECT"), (":authority", "x")],
                                    [(":method", "GET"), (":scheme", "http"), (":authority", "x"), (":path", "*")]])
def test_requests_that_are_none(lab, pseudo):
    stream, lab.next = lab.next, lab.next + 2
    lab.send(frame(http2.HEADERS, 5, stream, fields(*pseudo, *asks())))
    try:
        assert lab.answer(stream)[0] // 100 == 4
    except http2.Ended:
        pass


def test_more_streams_than_allowed_are_refused(lab):
    while 3 not in lab.settings:
        lab.take()
    assert lab.settings[3] == 64
    held = [lab.next + 2 * i for i in range(70)]
    block = fields((":method", "POST"), (":scheme", "http"), (":authority", "x"), (":path", "/cse-in"), *asks("h"))
    lab.send(b"".join(frame(http2.HEADERS, http2.END_HEADERS, s, block) for s in held))
    with pytest.raises(http2.Ended) as e:
        lab.answer(held[-1])
    assert e.value.code in (7, None, 1)  # REFUSED_STREAM, or the end


# --- hostile: the connection ends, nothing else does ---------------------------------------------


@pytest.mark.parametrize("name,octets", list(http2.floods(asks("f"))), ids=[n for n, _ in http2.floods(asks("f"))])
def test_a_flood_ends_its_own_connection(node, name, octets):
    good, bad = http2.plain(node.lab_port), http2.plain(node.lab_port)
    assert get(good)[0] == 200
    bad.sock.settimeout(10)
    try:
        bad.send(octets)
    except OSError:
        pass
    begun = time.time()
    ended = bad.until_end()
    if name in ("field bomb", "field table of 4 GB"):  # one stream's, or the connection's end
        assert ended != 0
    else:
        assert ended != "lives" and time.time() - begun < 6, ended
    bad.sock.close()
    # the others do not notice
    assert get(good)[0] == 200
    good.sock.close()
    assert node.process.poll() is None


def test_who_does_not_read_is_ended(node):
    c = http2.plain(node.lab_port, settings=((4, 0),))
    c.send(b"")
    streams = [c.ask("GET", "/cse-in", asks(f"w{i}")) for i in range(10)]
    c.sock.settimeout(15)
    begun = time.time()
    assert c.until_end() != "lives"
    assert 2 < time.time() - begun < 12
    c.sock.close()


def test_who_does_not_finish_is_ended(node):
    c = http2.plain(node.lab_port)
    c.send(frame(http2.HEADERS, http2.END_HEADERS, 1, fields((":method", "POST"), (":scheme", "http"), (":authority", "x"),
                                                            (":path", "/cse-in"), *asks("slow"))))
    c.sock.settimeout(15)
    begun = time.time()
    assert c.until_end() != "lives" and 2 < time.time() - begun < 12
    c.sock.close()


def test_nothing_crashed(node):
    assert not re.search(r"(?i)signal|crash|sanitizer", node.log_text())
