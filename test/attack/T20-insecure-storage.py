#!/usr/bin/python3
"""T20, T4: the database file, its log and copies of it are read."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import pathlib, sqlite3, time

from attack import Refusals, Twin, encodings, end, scan_files
from node import Node

WORDS = {"content": b"temperature 21.5 in the bedroom", "label": b"label-of-the-bedroom",
         "name": b"name-of-the-container", "originator": b"Cpatient-room", "app": b"Nhealth.monitor"}

r = Refusals()
with Twin() as t:
    t.ask("POST", "/" + WORDS["name"].decode(), {"con": WORDS["content"].decode()}, origin=WORDS["originator"].decode())
    found = {w for f in scan_files(t.top, WORDS).values() for w in f}
    control = {"content", "name", "originator"} <= found
    print(f"control: found in its files: {sorted(found)}")

with Node() as n:
    d = n.enrol("d", "Cpatient-room", "device", True, "--identity", "room@demo.example")
    assert d.register(WORDS["app"].decode()).rsc == 2001
    root = "/cse-in/ae-Cpatient-room"
    assert d.create(root, 3, {"m2m:cnt": {"rn": WORDS["name"].decode(), "lbl": [WORDS["label"].decode()]}}).rsc == 2001
    assert d.create(f"{root}/{WORDS['name'].decode()}", 4, {"m2m:cin": {"con": WORDS["content"].decode()}}).rsc == 2001
    d.close()
    key = bytes.fromhex((d.folder / "psk.key").read_text().strip())
    for state in ("running", "stopped"):
        if state == "stopped":
            assert n.stop() == 0
        size = sum(p.stat().st_size for p in (n.dir / "store").rglob("*") if p.is_file())
        found = scan_files(n.dir / "store", WORDS)
        r.say(f"data in the store, {state}", size > 4096 and not found, f"{size} octets; {found}" if found else f"{size} octets")
        found = scan_files(n.dir, encodings(key))
        r.say(f"keys in any file, {state}", not found, str(found) if found else "")
    # a backup, as an administrator makes it, and the audit log in it
    backup = n.top / "backup"
    backup.mkdir()
    source, target = sqlite3.connect(n.dir / "store/holdfast.db"), sqlite3.connect(backup / "copy.db")
    source.backup(target)
    rows = target.execute("SELECT count(*) FROM resource").fetchone()[0] + target.execute("SELECT count(*) FROM log").fetchone()[0]
    source.close(), target.close()
    found = scan_files(backup, WORDS)
    r.say(f"data in a backup of {rows} rows", rows > 5 and not found, str(found) if found else "")
    n.start()
    back = d.retrieve(f"{root}/{WORDS['name'].decode()}/la")
    r.say("and the owner reads it (it is there)", back.rsc == 2000 and back.json["m2m:cin"]["con"].encode() == WORDS["content"])
    d.close()
    # a thief who has the data keys of today finds nothing by them in the files of after a rotation
    assert n.stop() == 0
    db = sqlite3.connect(n.dir / "store/holdfast.db")
    old = dict(db.execute("SELECT number,sealed FROM epoch"))
    db.close()
    n.start()
    n.cli("store", "rotate")
    deadline = time.time() + 30
    while "done" not in n.cli("store", "status") and time.time() < deadline:
        time.sleep(0.1)
    assert n.stop() == 0
    db = sqlite3.connect(n.dir / "store/holdfast.db")
    left = [e for t in ("resource", "record", "log") for e, in db.execute(f"SELECT DISTINCT epoch FROM {t}") if e in old]
    kept = dict(db.execute("SELECT number,sealed FROM epoch"))
    db.close()
    r.say("data under the data keys of before a rotation", old and not left, f"{len(old)} earlier keys; {left}")
    r.say("those keys, even sealed", not set(old) & set(kept) and
          not scan_files(n.dir / "store", {str(k): v[-32:] for k, v in old.items()}))
    r.say("  the key of now (is found)", scan_files(n.dir / "store", {str(k): v[-32:] for k, v in kept.items()}))
end(control, r.all, "insecure storage")
