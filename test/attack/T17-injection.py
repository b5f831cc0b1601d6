#!/usr/bin/python3
"""T17: the syntax of interpreters in every field: SQL, path, header, format string, log line."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import json, urllib.parse

from attack import Refusals, Twin, end
from node import Node

SQL = "x' UNION SELECT value FROM secret --"
r = Refusals()
with Twin() as t:
    _, said = t.ask("GET", "/" + urllib.parse.quote("x' UNION SELECT value FROM secret --"))
    control = said == ["the twin's secret"]
    print(f"control: SQL in the path gave {said}")

with Node() as n:
    d = n.enrol("d", "Cdev")
    d.register()
    root = "/cse-in/ae-Cdev"
    d.create(root, 3, {"m2m:cnt": {"rn": "c"}})
    d.create(root + "/c", 4, {"m2m:cin": {"con": "known"}})
    before = d.retrieve(root + "/c").json
    evil = [SQL, "'; DROP TABLE resource; --", "../../keeper/keystore", "%s%s%s%n%n", "$(id)", "`id`", "a\r\nX-Injected: 1",
            "a\nerror core: forged line", "<script>alert(1)</script>", "{{7*7}}", "*", "+", "#", "\x00", "\u202e", "\\", "a" * 5000]
    for text in evil:
        quoted = urllib.parse.quote(text, safe="")
        answers = [
            d.retrieve("/cse-in/" + quoted), d.retrieve(f"{root}?fu=1&lbl={quoted}"), d.retrieve(f"{root}?{quoted}=1"),
            d.create(root, 3, {"m2m:cnt": {"rn": text}}),
            d.create(root + "/c", 4, {"m2m:cin": {"con": text, "cnf": text}}),
            d.create(root, 3, {"m2m:cnt": {"rn": "z", "acpi": [text]}}),
            d.create(root, 1, {"m2m:acp": {"pv": {"acr": [{"acor": [text], "acop": 63}]}, "pvs": {"acr": [{"acor": [text], "acop": 63}]}}}),
        ]
        d.delete(root + "/z")
        leaked = [a for a in answers if b"twin" in a.body or b"root:" in a.body or b"49" == a.body or "x-injected" in a.headers]
        crashed = [a for a in answers if a.rsc == 5000]
        r.say(f"in every field: {text[:30]!r}", not leaked and not crashed, f"{[a.rsc for a in answers]}")
        # labels and contents are data: they come back as they are, and do nothing
        if "\x00" not in text:
            a = d.create(root + "/c", 4, {"m2m:cin": {"con": text, "lbl": [text]}})
            back = d.retrieve(root + "/c/la").json["m2m:cin"]
            r.say("  as content it comes back as data", a.rsc == 2001 and back["con"] == text)
    for header in ("X-M2M-RI", "X-M2M-Origin", "X-M2M-RVI", "X-M2M-VSI", "X-M2M-GID"):
        for text in ("%s%n", SQL, "a\tb", "\x7f"):
            try:
                a = d.retrieve(root, headers={header: text})
                r.say(f"header {header} {text!r}", a.rsc != 5000 and "x-injected" not in a.headers, f"rsc {a.rsc}")
            except (ConnectionError, OSError):
                r.say(f"header {header} {text!r}", True, "closed")
                d.close()
    log = n.log_text()
    r.say("no line of the log is forged", "\nerror core: forged line" not in log and all(
        l.startswith(("20", "<")) or l.startswith("holdfast") or not l for l in log.splitlines()))
    r.say("the container still stands", d.retrieve(root + "/c").rsc == 2000)
    r.say("the audit chain is whole", n.cli("audit", "verify", check=False)[0] == 0)
    d.close()
end(control, r.all, "injection")
