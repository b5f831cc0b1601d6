#!/usr/bin/python3
"""T8: messages are altered on the wire, octet by octet; rows are altered in the database."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import socket, sqlite3, ssl, threading, time

from attack import Refusals, Twin, end
from node import Entity, Node, NAME, read_answer


class Flipper:
    """A relay in the middle that changes one octet: the at-th that the client sends."""

    def __init__(self, port, at=None):
        self.port, self.at = port, at
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.near = self.listener.getsockname()[1]
        self.passed = 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        client, _ = self.listener.accept()
        server = socket.create_connection(("127.0.0.1", self.port))

        def back():
            try:
                while data := server.recv(65536):
                    client.sendall(data)
            except OSError:
                pass
            for s in (client,):
                try:
                    s.shutdown(socket.SHUT_WR)
                except OSError:
                    pass

        threading.Thread(target=back, daemon=True).start()
        try:
            while data := client.recv(65536):
                data = bytearray(data)
                if self.at is not None and self.passed <= self.at < self.passed + len(data):
                    data[self.at - self.passed] ^= 1
                self.passed += len(data)
                server.sendall(data)
        except OSError:
            pass
        for s in (server,):
            try:
                s.shutdown(socket.SHUT_WR)
            except OSError:
                pass


r = Refusals()
with Twin() as t:
    text = b'{"con":"pay 5"}'
    request = b"POST /a HTTP/1.1\r\nHost: x\r\nX-M2M-Origin: C\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text)
    f = Flipper(t.port, request.index(b"5\"}"))
    s = socket.create_connection(("127.0.0.1", f.near))
    s.sendall(request)
    a = read_answer(s)
    _, stored = t.ask("GET", "/a")
    control = a.http == 201 and stored == ['{"con":"pay 4"}']
    print(f"control: the altered request was executed: {stored}")
    db = sqlite3.connect(t.top / "data.db")
    db.execute("UPDATE item SET value = 'pay 999'")
    db.commit()
    control &= t.ask("GET", "/a")[1] == ["pay 999"]
    print("control: the altered row is served")

with Node() as n:
    d = n.enrol("d", "Cdev")
    d.register()
    d.create("/cse-in/ae-Cdev", 3, {"m2m:cnt": {"rn": "c"}})
    cnt = "/cse-in/ae-Cdev/c"
    count = lambda: d.retrieve(cnt).json["m2m:cnt"]["cni"]

    def send(at):
        """One create through the relay; (answer or None, octets that went through)."""
        f = Flipper(n.port, at)
        raw = socket.create_connection(("127.0.0.1", f.near), timeout=5)
        try:
            e = Entity(n, d.folder, "Cdev")
            e.connection = e.context().wrap_socket(raw, server_hostname=NAME)
            return e.create(cnt, 4, {"m2m:cin": {"con": "pay 5"}}), f.passed
        except (OSError, ConnectionError):
            return None, f.passed
        finally:
            raw.close()

    answer, length = send(None)
    r.say("unaltered: it is executed (the relay works)", answer and answer.rsc == 2001, f"{length} octets")
    d.close()
    before, got, tried = count(), 0, 0
    step = 7
    for at in range(0, length, step):
        answer, _ = send(at)
        tried += 1
        got += answer is not None and answer.rsc < 4000 and answer.rsc >= 2000
    after = count()
    # An octet that the receiver is told to ignore (the record's legacy version) may pass: then
    # the content is what the device sent, and exactly one instance is there for each answer.
    contents = {d.retrieve(cnt + "/la").json["m2m:cin"]["con"]}
    r.say(f"one octet changed at each of {tried} places", after - before == got and got <= 4 and contents == {"pay 5"},
          f"{got} passed unaltered in effect")
    n.stop()
    path = n.dir / "store/holdfast.db"
    db = sqlite3.connect(path)
    tables = [x[0] for x in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
    rows = db.execute("SELECT id FROM resource WHERE type = 4 ORDER BY id").fetchall()
    r.say("the database has rows to alter (the check looks at something)", len(rows) >= 1)
    last = rows[-1][0]
    body = bytearray(db.execute("SELECT body FROM resource WHERE id = ?", (last,)).fetchone()[0])
    kept = bytes(body)
    changes = {
        "one octet of a sealed row": ("UPDATE resource SET body = ? WHERE id = ?", lambda: (bytes(body[:20]) + bytes([body[20] ^ 1]) + bytes(body[21:]), last)),
        "its creation time": ("UPDATE resource SET created = created + ? WHERE id = ?", lambda: (1000, last)),
        "its size": ("UPDATE resource SET size = size + ? WHERE id = ?", lambda: (1, last)),
        "its version": ("UPDATE resource SET version = version + ? WHERE id = ?", lambda: (1, last)),
    }
    saved = db.execute("SELECT body, created, size, version FROM resource WHERE id = ?", (last,)).fetchone()
    for what, (sql, values) in changes.items():
        db.execute(sql, values())
        db.commit()
        db.close()
        n.start()
        a = d.retrieve(cnt + "/la")
        r.say("served after a change of " + what, a.rsc not in range(2000, 3000), f"rsc {a.rsc}")
        code, out = n.cli("store", "verify", check=False)
        r.say("store verify finds it", code == 1, out.strip().splitlines()[-1][:80])
        d.close()
        n.stop()
        db = sqlite3.connect(path)
        db.execute("UPDATE resource SET body = ?, created = ?, size = ?, version = ? WHERE id = ?", (*saved, last))
        db.commit()
    db.close()
    n.start()
    r.say("put right again: served", d.retrieve(cnt + "/la").rsc == 2000)
    d.close()
end(control, r.all, "alteration")
