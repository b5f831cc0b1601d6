"""Keys from the underlying network (Z): GBA and AKMA [TS-0003 8.3.2.3]. The
network is simulated by processes of its own (test/lib): an HSS with Milenage, a BSF, an
AAnF, a USIM."""
import json, pathlib, sys

TOP = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP / "lib"))
import gaa  # noqa: E402
import milenage  # noqa: E402


def test_milenage_against_its_test_sets():
    """Sets 1 to 6 of TS 35.207."""
    sets = json.loads((TOP / "vectors/milenage.json").read_text())
    assert len(sets) == 6
    for s in sets:
        octets = {name: bytes.fromhex(value) for name, value in s.items()}
        m = milenage.Milenage(octets["k"], op=octets["op"])
        mac = m.f1(octets["rand"], octets["sqn"], octets["amf"])
        got = (m.opc, *mac, *m.f2345(octets["rand"]))
        assert got == tuple(octets[n] for n in ("opc", "f1", "f1*", "f2", "f3", "f4", "f5", "f5*"))


def test_derivations_anew():
    """What the unit test compares the node's derivations with."""
    lines = (TOP / "vectors/gaa.txt").read_text().splitlines()
    assert len(lines) >= 9
    for line in lines:
        *words, expected = line.split(" ")
        assert gaa.derive(words).hex() == expected, line
