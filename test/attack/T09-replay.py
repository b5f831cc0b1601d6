#!/usr/bin/python3
"""T9: a request is repeated on the same and on a new association, after a restart, out of the
window; an honest retry gets its first answer."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import socket, time

from attack import Refusals, Twin, end
from node import Node, NAME

r = Refusals()
with Twin() as t:
    for _ in range(3):
        t.ask("POST", "/pay", {"con": "5"}, rqi="same")
    control = len(t.ask("GET", "/pay")[1]) == 3
    print("control: one payment, sent three times, was executed three times")

with Node(options="replay.window = 10") as n:
    d = n.enrol("d", "Cdev")
    d.register()
    cnt = "/cse-in/ae-Cdev/c"
    d.create("/cse-in/ae-Cdev", 3, {"m2m:cnt": {"rn": "c"}})
    count = lambda: d.retrieve(cnt).json["m2m:cnt"]["cni"]
    body = {"m2m:cin": {"con": "pay 5"}}
    first = d.create(cnt, 4, body, rqi="same")
    assert first.rsc == 2001
    again = d.create(cnt, 4, body, rqi="same")
    r.say("repeated on the same association: not executed again", count() == 1)
    r.say("an honest retry gets its first answer", again.rsc == 2001 and again.json == first.json)
    d.close()
    d.create(cnt, 4, body, rqi="same")
    r.say("repeated on a new association", count() == 1)
    a = d.create(cnt, 4, {"m2m:cin": {"con": "pay 500"}}, rqi="same")
    r.say("the same identifier with other content", a.rsc == 4105 and count() == 1, f"rsc {a.rsc}")
    stranger = n.enrol("x", "Cx")
    a = stranger.create(cnt, 4, body, rqi="same")
    r.say("repeated by another originator: access is decided anew", a.rsc == 4103 and count() == 1, f"rsc {a.rsc}")
    old = time.strftime("%Y%m%dT%H%M%S", time.gmtime(time.time() - 4000))
    a = d.create(cnt, 4, body, headers={"X-M2M-OT": old})
    r.say("recorded long ago (originating timestamp)", a.rsc == 4008, f"rsc {a.rsc}")
    a = d.create(cnt, 4, body, headers={"X-M2M-RET": old})
    r.say("its expiration is past", a.rsc == 4008, f"rsc {a.rsc}")
    # the recorded TLS octets, sent once more
    recorded = []
    s = socket.create_connection(("127.0.0.1", n.port))
    c = d.context()
    import ssl
    inbound, outbound = ssl.MemoryBIO(), ssl.MemoryBIO()
    obj = c.wrap_bio(inbound, outbound, server_hostname=NAME)

    def pump():
        data = outbound.read()
        if data:
            recorded.append(data)
            s.sendall(data)

    while True:
        try:
            obj.do_handshake()
            pump()
            break
        except ssl.SSLWantReadError:
            pump()
            inbound.write(s.recv(65536))
    text = b'{"m2m:cin":{"con":"pay 5"}}'
    obj.write(b"POST " + cnt.encode() + b" HTTP/1.1\r\nHost: x\r\nX-M2M-Origin: Cdev\r\nX-M2M-RI: tls\r\nX-M2M-RVI: 3\r\n"
              b"Content-Type: application/json;ty=4\r\nContent-Length: %d\r\n\r\n" % len(text) + text)
    pump()
    s.recv(65536)
    s.close()
    before = count()
    r.say("(the recorded exchange was executed once)", before == 2)
    s = socket.create_connection(("127.0.0.1", n.port))
    for data in recorded:
        try:
            s.sendall(data)
            time.sleep(0.2)
        except OSError:
            break
    s.close()
    r.say("the recorded octets of a connection sent again", count() == before)
    d.close()
    n.stop()
    n.start()
    d.create(cnt, 4, body, rqi="same")
    r.say("repeated after a restart", count() == before)
    d.close()
    stranger.close()
    # a credential whose changes must carry their time: no repetition counts, however late
    e = n.enrol("s", "Cstrict", "device", False, "--replay", "strict")
    stamp = lambda: time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    e.ask("POST", "/cse-in", {"m2m:ae": {"rn": "ae-Cstrict", "api": "Nx", "rr": False, "srv": ["3"]}}, 2, headers={"X-M2M-OT": stamp()})
    e.create("/cse-in/ae-Cstrict", 3, {"m2m:cnt": {"rn": "c"}}, headers={"X-M2M-OT": stamp()})
    recorded = dict(headers={"X-M2M-OT": stamp()}, rqi="late")
    a = e.create("/cse-in/ae-Cstrict/c", 4, body, **recorded)
    r.say("with its time (is executed)", a.rsc == 2001, f"rsc {a.rsc}")
    a = e.create("/cse-in/ae-Cstrict/c", 4, body)
    r.say("without a time", a.rsc == 4000, f"rsc {a.rsc}")
    time.sleep(11)
    e.close()
    a = e.create("/cse-in/ae-Cstrict/c", 4, body, **recorded)
    r.say("repeated after the window", a.rsc == 4008, f"rsc {a.rsc}")
    r.say("and was executed once", e.retrieve("/cse-in/ae-Cstrict/c", headers={"X-M2M-OT": stamp()}).json["m2m:cnt"]["cni"] == 1)
    e.close()
    records = n.audit()
    for rsc, rqi in ((4105, "same"), (4103, "same"), (4008, "late")):
        r.say(f"the refusal {rsc} is on record", any(x.get("rsc") == rsc and x.get("rqi") == rqi for x in records))
    r.say("the audit chain is whole", n.cli("audit", "verify", check=False)[0] == 0)
end(control, r.all, "replay")
