"""xmlform: oneM2M's XML to and from the values that JSON has, for tests: written from the
standard's rules (TS-0004 8.3), not from the program. Which names are lists or numbers is told here,
because XML does not say it."""
import json
import xml.etree.ElementTree as ET

M2M, XSI = "http://www.onem2m.org/xml/protocols", "{http://www.w3.org/2001/XMLSchema-instance}type"
LISTS = {"lbl", "srv", "acpi", "acor", "mid", "poa", "csz", "srt", "m2m:uril", "atrl", "dep", "opt", "erts", "eris", "cdi"}
MANY = {"acr", "ch", "rrf", "acod", "acco", "m2m:cnt", "m2m:cin", "m2m:ae", "m2m:rsp"}
NUMBERS = {"ty", "st", "cni", "cbs", "mni", "mbs", "cs", "rs", "op", "rsc", "typ", "acop", "cst", "rtv", "mnm", "cnm", "mt", "csy", "evm", "apy", "ecp", "optr", "thld", "srs", "sm", "evt", "trst", "tctl", "tltp"}
TRUTHS = {"rr", "mtv", "disr", "sfc"}
LISTS |= {"aa", "ris"}
MANY |= {"pm"}


def name_of(tag):
    space, _, name = tag.rpartition("}")
    return ("m2m:" if space == "{" + M2M else "") + name


def scalar(name, text):
    if name in NUMBERS:
        return int(text)
    if name in TRUTHS:
        return text == "true"
    return text


KINDS = {"json": json.loads, "xs:integer": int, "xs:double": float, "xs:boolean": "true".__eq__}


def value_of(e, name):
    if e.get(XSI) in KINDS:
        return KINDS[e.get(XSI)](e.text)
    if name in LISTS:
        return [scalar(name, t) for t in (e.text or "").split()]
    marks = {k: scalar(k, v) for k, v in e.attrib.items() if not k.startswith("{")}
    if len(e) or (marks and not (e.text or "").strip()):
        return dict(marks, **members_of(e))
    if marks:
        return dict(marks, val=e.text)
    return scalar(name, e.text or "") if (e.text or name not in {"pv", "pvs"}) else {}


def members_of(e):
    out = {}
    for child in e:
        name = name_of(child.tag)
        value = value_of(child, name)
        if name in MANY and name_of(e.tag) != "pc":
            out.setdefault(name, []).append(value)
        else:
            out[name] = value
    return out


def decode(octets):
    root = ET.fromstring(octets)
    name = name_of(root.tag)
    return {name: value_of(root, name)}


def put_free(e, value):
    """Content is of free type: what is no text says what it is."""
    kind = {bool: "xs:boolean", int: "xs:integer", float: "xs:double", str: None}.get(type(value), "json")
    if kind:
        e.set(XSI, kind)
    e.text = value if isinstance(value, str) else json.dumps(value)


def put(parent, name, value):
    if isinstance(value, list) and (name in MANY or value and isinstance(value[0], dict)):
        for item in value:
            put(parent, name, item)
        return
    e = ET.SubElement(parent, name)
    if name == "con" and value is not None:
        put_free(e, value)
    elif value is None:
        e.set(XSI[:-4] + "nil", "true")
    elif isinstance(value, dict):
        for k, v in value.items():
            put(e, k, v)
    elif isinstance(value, list):
        e.text = " ".join(str(v) for v in value)
    elif isinstance(value, bool):
        e.text = "true" if value else "false"
    else:
        e.text = str(value)


def encode(value):
    (name, members), = value.items()
    root = ET.Element("m2m:" + name[4:], {"xmlns:m2m": M2M})
    for k, v in members.items():
        if k == "rn":
            root.set("rn", str(v))
        else:
            put(root, k, v)
    return b'<?xml version="1.0" encoding="UTF-8"?>' + ET.tostring(root)
