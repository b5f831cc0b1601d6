"""xmlform: oneM2M's XML to and from the values that JSON has, for tests: written from the standard's rules (TS-0004 8.3)
and tables (kinds.py), not from the program."""
import json, re
import xml.etree.ElementTree as ET

from kinds import FREE, LIST, MANY, NUMBER, STRUCT, TEXT, TRUTH, kind_of

M2M, XSI = "http://www.onem2m.org/xml/protocols", "{http://www.w3.org/2001/XMLSchema-instance}type"
NIL = XSI[:-4] + "nil"
SPACES = {"m2m": M2M, "cod": M2M + "/commondomain", "hd": M2M + "/homedomain"}
KINDS = {"json": json.loads, "integer": int, "double": float, "boolean": "true".__eq__, "string": str}
NO_FORM = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 has no such characters
EMPTY = ("pc", "pv", "pvs", "enc")  # need have no member: an empty element is a value of theirs
MARKS = ("nm", "typ", "spid")  # of a reference, beside its text: childResourceRef, mgmtLinkRef


class NoForm(ValueError):
    """A value that XML cannot say, or only with another kind: what is wrong on purpose, above all."""


def name_of(tag):
    space, _, name = tag.rpartition("}")
    prefix = next((p for p, s in SPACES.items() if "{" + s == space), space[len(M2M) + 2:])  # own ones: by their last word
    assert prefix or not space, tag
    return f"{prefix}:{name}" if prefix else name


def scalar(kind, text):
    if kind == NUMBER:
        return int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)
    if kind == TRUTH:
        return {"true": True, "1": True, "false": False, "0": False}[text]
    return text


def value_of(e, name, kind):
    text, said = e.text or "", e.get(XSI)
    if e.get(NIL) == "true":
        return None
    if said:
        return KINDS[said.rpartition(":")[2]](text)
    if not text and not len(e) and not e.attrib and kind not in (None, FREE, STRUCT):
        return None  # an empty element is null [TS-0004 8.3.1]
    if kind and kind[0] == LIST:
        return [scalar(kind[1], t) for t in text.split()]
    marks = {k: scalar(kind_of(None, k), v) for k, v in e.attrib.items() if not k.startswith("{")}
    if len(e) or kind == STRUCT and not text.strip():
        return dict(marks, **members_of(e, name))
    if marks:
        return dict(marks, val=text) if text.strip() or "nm" in marks else dict(marks)
    return scalar(kind, text)


def members_of(e, inside):
    out = {}
    for child in e:
        name = name_of(child.tag)
        kind = kind_of(inside, name)
        if kind and kind[0] == MANY and not child.get(XSI):
            out.setdefault(name, []).append(value_of(child, name, kind[1]))
        else:
            out[name] = value_of(child, name, kind)
    return out


def decode(octets):
    root = ET.fromstring(octets)
    name = name_of(root.tag)
    kind = kind_of("", name)
    return {name: value_of(root, name, STRUCT if not kind or kind[0] == MANY else kind)}


# --- writing ---------------------------------------------------------------------------------------


def fits(kind, value):
    if kind in (None, FREE) or value is None:
        return True
    if kind[0] in (LIST, MANY):
        return isinstance(value, list) and all(v is not None and fits(kind[1], v) for v in value)
    return {TEXT: isinstance(value, str), TRUTH: isinstance(value, bool), STRUCT: isinstance(value, dict),
            NUMBER: isinstance(value, (int, float)) and not isinstance(value, bool)}[kind]


def text_of(value, item=False):
    text = value if isinstance(value, str) else json.dumps(value)
    if NO_FORM.search(text) or item and (not text or re.search(r"\s", text)) or "\r" in text:
        raise NoForm(value)
    return text


def tag_of(name):
    prefix, _, local = name.rpartition(":")
    if prefix and prefix not in SPACES or not re.fullmatch(r"[A-Za-z_][\w.-]*", local, re.A):
        raise NoForm(name)
    return f"{{{SPACES[prefix]}}}{local}" if prefix else local


def put(parent, inside, name, value):
    kind = kind_of(inside, name)
    if not fits(kind, value):
        raise NoForm(f"{name} is a {kind}")
    many = kind[0] == MANY if kind else isinstance(value, list) and value and isinstance(value[0], dict)
    if many and value is not None:  # an empty one is no element
        for item in value:
            put_value(ET.SubElement(parent, tag_of(name)), name, kind and kind[1], item)
        return
    e = ET.SubElement(parent, tag_of(name))
    put_value(e, name, kind, value)


def put_value(e, name, kind, value):
    if value is None:
        if kind in (None, FREE, STRUCT):  # of which an empty element is a value
            e.set(NIL, "true")
    elif value == "" and kind not in (None, FREE):
        e.set(XSI, "xs:string")
    elif value == [] and kind != FREE:
        e.text = " "
    elif kind == FREE:
        said = {bool: "xs:boolean", int: "xs:integer", float: "xs:double", str: None}.get(type(value), "json")
        if said:
            e.set(XSI, said)
        e.text = text_of(value)
    elif isinstance(value, dict):
        put_members(e, name, value)
    elif isinstance(value, list):
        e.text = " ".join(text_of(v, True) for v in value)
    else:
        e.text = text_of(value)


def put_members(e, name, members):
    reference = "typ" in members and "val" in members
    for k, v in members.items():
        if k == "rn" and ":" in name and isinstance(v, str) or reference and k in MARKS and fits(kind_of(None, k), v):
            e.set(k, text_of(v))
        elif reference and k == "val" and isinstance(v, str):
            e.text = text_of(v)
        else:
            put(e, name, k, v)


def is_null(inside, name, value):
    return not value and ":" not in name and name not in EMPTY and kind_of(inside, name) != FREE


def has_empty(inside, value):
    """An empty list of elements, which XML cannot tell from none; an empty structure, which it cannot tell from null."""
    return any(isinstance(v, dict) and (has_empty(k, v) or is_null(inside, k, v)) or isinstance(v, list) and (kind_of(inside, k) or "-")[0] == MANY and
               (not v or any(isinstance(i, dict) and has_empty(k, i) for i in v)) for k, v in value.items())


def encode(value, exact=False):
    """Octets; NoForm where XML cannot say this. exact: nor leaves out what is empty."""
    if not isinstance(value, dict) or len(value) != 1:
        raise NoForm(value)
    (name, members), = value.items()
    if ":" not in name or exact and isinstance(members, dict) and has_empty(name, members):
        raise NoForm(name)
    root = ET.Element(tag_of(name))
    kind = kind_of("", name)
    kind = STRUCT if not kind or kind[0] == MANY else kind
    if isinstance(members, list) and kind[0] != LIST:  # an element is none
        raise NoForm(name)
    put_value(root, name, kind, members)
    return b'<?xml version="1.0" encoding="UTF-8"?>' + ET.tostring(root)


for prefix, space in [("m2m", M2M), ("cod", SPACES["cod"]), ("hd", SPACES["hd"]), ("xsi", NIL[1:-4])]:
    ET.register_namespace(prefix, space)
