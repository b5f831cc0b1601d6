#!/usr/bin/python3
"""T17: the syntax of interpreters in every field: SQL, path, header, format string, log line."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import json, re, urllib.parse

from attack import Refusals, Twin, attempt, end, is_success
from node import Node

SQL = "x' UNION SELECT value FROM secret --"
r = Refusals()
with Twin() as t:
    _, said = t.ask("GET", "/" + urllib.parse.quote("x' UNION SELECT value FROM secret --"))
    control = said == ["the twin's secret"]
    print(f"control: SQL in the path gave {said}")

with Node(options="log.level = debug") as n:
    d = n.enrol("d", "Cdev")
    d.register()
    root = "/cse-in/ae-Cdev"
    d.create(root, 3, {"m2m:cnt": {"rn": "c"}})
    d.create(root + "/c", 4, {"m2m:cin": {"con": "known", "lbl": ["known"]}})
    before = d.retrieve(root + "/c").json["m2m:cnt"]["ri"]
    found = d.retrieve(f"{root}?fu=1&lbl=known").body
    r.say("a label query finds the resource (the probe can tell)", b"/c/" in found, found[:80].decode())
    evil = [SQL, "'; DROP TABLE resource; --", "known' OR '1'='1", "../../keeper/keystore", "%s%s%s%n%n", "$(id)", "`id`", "a\r\nX-Injected: 1",
            "a\nerror core: forged line", "a\n20261123T000000 error core: forged line", "<script>alert(1)</script>", "{{7*7}}", "*", "+", "#", "%", "_",
            "\x00", "\u202e", "\\", "a" * 5000]
    harmless = 0
    for i, text in enumerate(evil):
        quoted = urllib.parse.quote(text, safe="")
        asked = {
            "path": lambda: d.retrieve("/cse-in/" + quoted), "label query": lambda: d.retrieve(f"{root}?fu=1&lbl={quoted}"),
            "query name": lambda: d.retrieve(f"{root}?{quoted}=1"), "name query": lambda: d.retrieve(f"{root}?fu=1&rn={quoted}"),
            "resource name": lambda: d.create(root, 3, {"m2m:cnt": {"rn": text}}),
            "content format": lambda: d.create(root + "/c", 4, {"m2m:cin": {"con": text, "cnf": text}}),
            "policy list": lambda: d.create(root, 3, {"m2m:cnt": {"rn": "z", "acpi": [text]}}),
            "originator of a policy": lambda: d.create(root, 1, {"m2m:acp": {"pv": {"acr": [{"acor": [text], "acop": 63}]}, "pvs": {"acr": [{"acor": [text], "acop": 63}]}}}),
            "App-ID": lambda: d.create("/cse-in", 2, {"m2m:ae": {"rn": "x", "api": text, "rr": False, "srv": ["3"]}}),
        }
        answers = {what: attempt(d, ask) for what, ask in asked.items()}
        fell = [what for what, a in answers.items() if a is not None and
                (a.rsc == 5000 or b"twin" in a.body or b"root:" in a.body or a.body == b"49" or "x-injected" in a.headers)]
        # what is data may be taken, what is an identifier may not; a query finds nothing by it
        fell += [what for what in ("path", "query name", "resource name", "policy list", "App-ID") if is_success(answers[what])]
        # "*" in a query is the wildcard of the standard
        fell += [what for what in ("label query", "name query") if text != "*" and answers[what] is not None and b"/c" in answers[what].body]
        harmless += not fell
        r.say(f"in every field: {text[:30]!r}", not fell, ", ".join(fell) or " ".join(str(a.rsc) if a else "closed" for a in answers.values()))
        # labels and contents are data: they come back as they are, and do nothing
        if "\x00" not in text:
            label = {"lbl": [text]} if len(text) < 100 else {}
            a = attempt(d, lambda: d.create(root + "/c", 4, {"m2m:cin": {"con": text, **label}}))
            back = d.retrieve(root + "/c/la").json["m2m:cin"]
            r.say("  as content it comes back as data", is_success(a) and back["con"] == text and back.get("lbl") == label.get("lbl"))
    for header in ("X-M2M-RI", "X-M2M-Origin", "X-M2M-RVI", "X-M2M-VSI", "X-M2M-GID", "Host", "Accept", "Content-Type"):
        for text in ("%s%n", SQL, "a\tb", "\x7f", "a\nerror core: forged line"):
            a = attempt(d, lambda: d.retrieve(root, headers={header: text}))
            r.say(f"header {header} {text!r}", a is None or a.rsc != 5000 and "x-injected" not in a.headers and "%" not in a.headers.get("x-m2m-rsc", ""),
                  f"rsc {a.rsc}" if a else "closed")
    # the command, and the names that it enrols
    r.say("enrolment of 'Cgood' (is done: the probe can tell)", n.cli("enrol", "device", "good", "--id", "Cgood", "--out", n.top / "good", check=False)[0] == 0)
    for text in (SQL, "%s%n", "a\nforged", "../../x", "", "x" * 300):
        code, out = n.cli("enrol", "device", "evil", "--id", "C" + text, "--out", n.top / "evil", check=False)
        r.say(f"enrolment of {'C' + text[:25]!r}", code != 0 and not (n.top / "evil/key.pem").exists(), out.strip().splitlines()[-1][:80])
    for text in (SQL, "%s%n", "a\nforged"):
        code, out = n.cli("revoke", text, check=False)
        r.say(f"revocation of {text[:25]!r}", code == 1 and "done" not in out, out.strip().splitlines()[-1][:80])
    lines = n.log_text().splitlines()
    forged = [l for l in lines if l.startswith("error core: forged") or "T000000 error" in l[:24] or l and not re.match(r"\d{8}T\d{6} (error|warn|note|info|debug) ", l)]
    r.say(f"no line of the log is forged ({len(lines)} lines)", len(lines) > 3 and not forged, str(forged[:2]))
    listed = n.cli("audit", "list", "--limit", "100000").splitlines()
    r.say(f"no line of the audit list is forged ({len(listed)} lines)", len(listed) > 100 and not [l for l in listed if l.startswith("error core")])
    asked = [x for x in n.audit() if SQL.split()[0] in json.dumps(x.get("to", ""))]
    r.say(f"the attempts are on record ({len(asked)})", len(asked) >= 1)
    d.close()
    c = d.retrieve(root + "/c")
    r.say("the container still stands", c.rsc == 2000 and c.json["m2m:cnt"]["ri"] == before)
    r.say("the audit chain is whole", n.cli("audit", "verify", check=False)[0] == 0)
    r.say("the store is whole", n.cli("store", "verify", check=False)[0] == 0)
    d.close()
end(control, r.all, "injection")
