"""What the real listener accepts, asked suite by suite with the stock client, against the list in
test/vectors/algorithms.txt: whoever changes what is accepted changes that file too.
`test_algorithms.py --write` writes it anew."""
import json, os, pathlib, shutil, subprocess, sys
from concurrent.futures import ThreadPoolExecutor

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from node import NAME, Node

VECTOR = pathlib.Path(__file__).resolve().parents[1] / "vectors/algorithms.txt"
VERSIONS = ["-tls1", "-tls1_1", "-tls1_2", "-tls1_3"]
TLS13 = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_CCM_SHA256",
         "TLS_AES_128_CCM_8_SHA256"]
GROUPS = ["X25519", "X448", "P-256", "P-384", "P-521", "secp256k1", "brainpoolP256r1", "ffdhe2048", "ffdhe3072", "ffdhe4096"]
SIGNATURES = ["ECDSA+SHA256", "ECDSA+SHA384", "ECDSA+SHA512", "ECDSA+SHA224", "ECDSA+SHA1", "RSA+SHA256", "RSA-PSS+SHA256",
              "RSA+SHA1", "ed25519", "ed448"]
ASK = f"GET /none HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n".encode()


def suites12():
    out = subprocess.run(["openssl", "ciphers", "-tls1_2", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"], capture_output=True, check=True)
    return sorted(s for s in out.stdout.decode().strip().split(":") if not s.startswith("TLS_"))


class Prober:
    def __init__(self, node):
        self.node = node
        a, b = node.enrol("cert", "Ccert"), node.enrol("psk", "Cpsk", "device", True, "--identity", "p@demo.example")
        self.by = {"certificate": ["-cert", a.folder / "cert.pem", "-key", a.folder / "key.pem"],
                   "psk": ["-psk_identity", (b.folder / "psk.identity").read_text().strip(),
                           "-psk", (b.folder / "psk.key").read_text().strip()]}

    def accepts(self, by, *more):
        """Does the node answer a request, and not only shake hands?"""
        p = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{self.node.port}", "-servername", NAME, "-quiet",
                            "-ign_eof", *map(str, self.by[by]), *more], input=ASK, capture_output=True, timeout=30)
        return b"HTTP/1.1 " in p.stdout

    def all(self):
        """Sorted lines: what was asked, and by which credential it was accepted."""
        asks = [(f"version {v[1:]}", [v, "-cipher", "ALL:@SECLEVEL=0"]) for v in VERSIONS]
        asks += [(f"tls1_3 suite {s}", ["-tls1_3", "-ciphersuites", s]) for s in TLS13]
        asks += [(f"tls1_2 suite {s}", ["-tls1_2", "-cipher", s + ":@SECLEVEL=0"]) for s in suites12()]
        asks += [(f"{v[1:]} group {g}", [v, "-groups", g]) for g in GROUPS for v in VERSIONS[2:]]
        asks += [(f"{v[1:]} signature {s}", [v, "-sigalgs", s]) for s in SIGNATURES for v in VERSIONS[2:]]
        asks += [(f"{v[1:]} client signature {s}", [v, "-client_sigalgs", s]) for s in SIGNATURES for v in VERSIONS[2:]]
        # by a pre-shared key nobody signs
        jobs = [(what, by, more) for what, more in asks for by in self.by if by == "certificate" or "signature" not in what]
        with ThreadPoolExecutor(4) as pool:
            good = list(pool.map(lambda j: self.accepts(j[1], *j[2]), jobs))
        lines = {}
        for (what, by, _), yes in zip(jobs, good):
            lines.setdefault(what, []).extend([by] if yes else [])
        return [f"{what}: {' '.join(by) or 'refused'}" for what, by in lines.items()]


def test_what_is_accepted_is_what_the_list_says():
    with Node() as n:
        got = Prober(n).all()
    want = [l for l in VECTOR.read_text().splitlines() if l and not l.startswith("#")]
    assert len(got) > 150
    assert got == want, "\n".join(sorted(set(got) ^ set(want)))


def test_policy_narrows_and_enables_by_name_only():
    with Node(options="algorithms.refuse = X25519 TLS_AES_128_CCM_SHA256 ED25519\n"
                      "algorithms.legacy = ECDHE-ECDSA-AES128-SHA256") as n:
        p = Prober(n)
        assert not p.accepts("certificate", "-tls1_3", "-groups", "X25519")
        assert p.accepts("certificate", "-tls1_3", "-groups", "P-256")
        assert not p.accepts("certificate", "-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256")
        assert p.accepts("certificate", "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256")
        assert not p.accepts("psk", "-tls1_2", "-cipher", "PSK-AES128-CBC-SHA256")  # legacy too, but not named
        code, text = n.cli("key", "generate", "x", "--class", "ed25519", check=False)
        assert code == 1, text
        assert n.cli("key", "generate", "y")
        rows = {r["name"]: r for r in json.loads(n.cli("-o", "json", "algorithm", "list"))}
        assert rows["X25519"]["accepted"] == "no" and rows["X25519"]["status"] == "allowed"
        assert rows["ECDHE-ECDSA-AES128-SHA256"]["accepted"] == "yes"
        assert rows["PSK-AES128-CBC-SHA256"]["accepted"] == "no"
        assert "keys" in rows["EC-P256"]["in_use"] and "credentials" in rows["EC-P256"]["in_use"]
        assert "algorithms refused: X25519" in str(n.audit())
        assert "ECDHE-ECDSA-AES128-SHA256" in n.cli("doctor", check=False)[1]


def test_what_is_in_use_is_said():
    with Node() as n:
        e = n.enrol("a", "Ca")
        e.connect()
        e.retrieve("/none")
        rows = {r["name"]: r for r in json.loads(n.cli("-o", "json", "algorithm", "list"))}
        assert any("1 associations" in r["in_use"] for r in rows.values() if r["kind"] == "TLS 1.3 suite")
        e.close()


@pytest.mark.parametrize("line", ["algorithms.legacy = AECDH-AES128-SHA", "algorithms.legacy = ECDHE-ECDSA-NULL-SHA",
                                  "algorithms.legacy = X25519", "algorithms.legacy = RC4-SHA", "algorithms.refuse = P-256",
                                  "algorithms.refuse = nothing-known", "algorithms.refuse = TLS_AES_128_GCM_SHA256"])
def test_what_the_table_forbids_no_configuration_allows(line):
    with Node(start=False) as n:
        with open(n.dir / "holdfast.conf", "a") as f:
            f.write(line + "\n")
        with pytest.raises(RuntimeError) as e:
            n.start()
        assert "algorithms: " + line.split()[-1] in str(e.value)


def test_after_its_sunset_an_algorithm_is_refused():
    """A gate whose clock runs ten years ahead: what the table allows until 2031 is refused, and in the
    same gate what has no end is accepted."""
    with Node() as n:
        if not (n.build / "attack-later-gate").exists():
            pytest.skip("no gate with a clock of its own in this build")
        p = Prober(n)
        ending, lasting = ["-tls1_2", "-cipher", "PSK-AES128-GCM-SHA256"], ["-tls1_2", "-cipher", "ECDHE-PSK-CHACHA20-POLY1305"]
        assert p.accepts("psk", *ending) and p.accepts("psk", *lasting)
        n.stop()
        programs = n.top / "programs"
        programs.mkdir()
        for f in n.build.glob("holdfast*"):
            if f.is_file():
                shutil.copy2(n.build / "attack-later-gate" if f.name == "holdfast-gate" else f, programs / f.name)
        os.chmod(programs, 0o755)
        (programs / "later").write_text(str(10 * 365 * 86400))
        n.build = programs
        n.start()
        assert p.accepts("psk", *lasting)
        assert not p.accepts("psk", *ending)


if __name__ == "__main__" and "--write" in sys.argv:
    with Node() as node:
        VECTOR.write_text("# What a node accepts, asked with openssl s_client; test_algorithms.py --write\n"
                          "# what is offered: by which credential it was accepted\n" + "\n".join(Prober(node).all()) + "\n")
