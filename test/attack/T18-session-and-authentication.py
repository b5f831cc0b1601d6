#!/usr/bin/python3
"""T18: a forged originator, an expired or revoked credential, guessed identifiers, a session used
after its end."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import ssl, socket, time

from attack import Refusals, Twin, end
from node import Entity, Node, NAME

r = Refusals()
with Twin() as t:
    t.ask("POST", "/private", {"con": "of Ca"}, origin="Ca")
    control = t.ask("GET", "/private", origin="Cintruder")[1] == ['{"con": "of Ca"}']
    control &= t.ask("DELETE", "/private", origin="Ca")[0] == 200
    print("control: a forged originator reads and deletes")

with Node() as n:
    a, b = n.enrol("a", "Ca"), n.enrol("b", "Cb", "device", True, "--identity", "b@demo.example")
    a.register(), b.register()
    a.create("/cse-in/ae-Ca", 3, {"m2m:cnt": {"rn": "c"}})
    ri = a.create("/cse-in/ae-Ca/c", 4, {"m2m:cin": {"con": "of Ca"}}).json["m2m:cin"]["ri"]
    for origin in ("Ca", "/in-cse/Ca", "//demo.example/in-cse/Ca", "/in-cse", "//demo.example/in-cse", "S", "Sadmin", "", "all", "*", "C*"):
        for ask in (lambda: b.retrieve("/cse-in/ae-Ca/c", origin=origin), lambda: b.delete("/cse-in/ae-Ca", origin=origin),
                    lambda: b.create("/cse-in", 2, {"m2m:ae": {"api": "Nx", "rr": False, "srv": ["3"]}}, origin=origin)):
            x = ask()
            r.say(f"originator {origin!r} over another's association", x.rsc in (4000, 4106, 4107, 4117, 4126), f"rsc {x.rsc}")
    number = int("".join(c for c in ri if c.isdigit()))
    guessed = [b.retrieve(f"/cin{number + i}").rsc for i in range(-3, 4)]
    r.say("guessed resource identifiers", all(x in (4103, 4004) for x in guessed), f"{guessed}")
    # a session of one client may not be resumed, and no ticket is given
    c = a.context()
    s = c.wrap_socket(socket.create_connection(("127.0.0.1", n.port)), server_hostname=NAME)
    s.sendall(b"GET /cse-in HTTP/1.1\r\nHost: x\r\nX-M2M-RI: 1\r\nX-M2M-RVI: 3\r\nX-M2M-Origin: Ca\r\n\r\n")
    s.recv(65536)
    r.say("a session ticket", not (s.session and s.session.has_ticket))
    s.close()
    short = n.enrol("short", "Cshort")
    short.register()
    listed = n.cli("credential", "list")
    ident = [w for l in listed.splitlines() if "Cshort" in l for w in l.split() if w.startswith("33-")][0]
    live = Entity(n, short.folder, "Cshort")
    r.say("before revocation: served (the check can tell)", live.retrieve("/cse-in/ae-Cshort").rsc == 2000)
    n.cli("revoke", ident)
    try:
        x = live.retrieve("/cse-in/ae-Cshort")
        refused = x.rsc in (4106, 4107)
    except (OSError, ConnectionError):
        refused = True
    r.say("the live association of a revoked credential", refused)
    try:
        live.connect()
        refused = live.retrieve("/cse-in/ae-Cshort").rsc not in range(2000, 3000)
    except (OSError, ConnectionError):
        refused = True
    r.say("a new association with a revoked credential", refused)
    code, out = n.cli("enrol", "device", "again", "--id", "Ca", "--out", n.top / "x", check=False)
    r.say("a second credential for a taken identity", code != 0, out.strip().splitlines()[-1][:90])
    refusals = [x for x in n.audit() if x.get("rsc", x.get("status")) == 4106]
    r.say(f"the refusals are on record ({len(refusals)})", len(refusals) >= 5)
end(control, r.all, "session and authentication")
