"""forms: in what form the clients of the laboratory speak, where a test does not say: serialisation, version of HTTP,
store of the node. `pytest --form=cbor-2-sqlite`; `--form=turns-memory`: each test of a file takes the next pair of
serialisation and version. Without it: JSON, HTTP/1.1 and the store that the file names."""
import itertools, re, typing

SERIALISATIONS, VERSIONS, STORES = ("json", "cbor", "xml"), (1, 2), ("memory", "sqlite")


class Form(typing.NamedTuple):
    serialisation: str = "json"
    version: int = 1
    store: typing.Optional[str] = None


ALL = ["-".join(map(str, f)) for f in itertools.product(SERIALISATIONS, VERSIONS, STORES)]
# All six pairs; tests that go through the serialisations themselves meet both versions in turn.
TURNS = [("json", 1), ("cbor", 2), ("xml", 1), ("json", 2), ("cbor", 1), ("xml", 2)]
now = Form()


def named(name, number):
    """The form of the test of this number in its file."""
    what, _, store = name.rpartition("-")
    pair = TURNS[number % len(TURNS)] if what == "turns" else (what[:-2], int(what[-1]))
    assert pair[0] in SERIALISATIONS and pair[1] in VERSIONS and store in STORES, name
    return Form(*pair, store)


def use(form):
    global now
    now = form


def store(options):
    """Options of a node, with the store of the form; but who names sqlite has to keep something over a restart."""
    if now.store is None or "store.engine = sqlite" in options:
        return options
    others = [line for line in options.splitlines() if not re.match(r"\s*store\.engine\b", line)]
    return "\n".join([*others, f"store.engine = {now.store}"])


def write(serialisation, value):
    """(serialisation, octets). Octets and text are JSON that a test wrote itself. What XML cannot say, a value of the
    wrong kind above all, is said in JSON, unless the test insists on XML."""
    from node import encode
    import xmlform
    if isinstance(value, (bytes, str)):
        return serialisation or "json", value
    if serialisation:
        return serialisation, encode(serialisation, value)
    try:
        return now.serialisation, xmlform.encode(value, True) if now.serialisation == "xml" else encode(now.serialisation, value)
    except xmlform.NoForm:
        return "json", encode("json", value)
