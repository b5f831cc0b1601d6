"""A token that is gone for good: by a quorum its keys are recorded as lost, those that the keeper makes are made anew in
software, and the node goes on; by one person, or while it is there, nothing is done."""
import json, shutil, socket, ssl

import pytest

from node import NAME, Node
from test_rebind import administrators
from test_tokens import handshake
from tokens import SoftHsm, Swtpm
from waiting import in_time


class Thrown(SoftHsm):
    def throw_away(self):
        self.remove()
        shutil.rmtree(self.top / "away")


class ThrownTpm(Swtpm):
    def throw_away(self):
        self.kill()
        shutil.rmtree(self.top / "state")


@pytest.fixture(params=[Thrown, ThrownTpm], ids=["pkcs11", "tpm"], scope="module")
def thrown(request):
    with request.param() as token, Node(init=token.init_args()) as n:
        yield token, n
        n.stop()


def keys(n):
    return {k["name"]: k for k in json.loads(n.cli("-o", "json", "key", "list"))}


def state(n):
    return json.loads(n.cli("-o", "json", "provider", "list"))[1]["state"]


def check(n, name):
    return next(c for c in json.loads(n.cli("-o", "json", "doctor", check=False)[1]) if c["check"] == name)


def test_a_token_that_is_gone(thrown):
    token, n = thrown
    first, bob, _ = administrators(n, "bob", "carol")
    both, alone = ("--administrator", first, "--administrator", bob), ("--administrator", bob)
    device, shared = n.enrol("a", "Ca"), n.enrol("p", "Cp", "device", True, "--identity", "p@demo.example")
    for e in (device, shared):
        assert e.register().rsc == 2001
        e.close()
    n.cli("key", "create", "mine")
    before, of_before = keys(n), (n.dir / "node/ca.pem").read_text()
    assert {before[k]["provider"] for k in ("ca", "node", "import", "user/mine")} == {"token.1"}
    # while it is there nobody records it as lost
    code, said = n.cli("provider", "lost", "token.1", *both, check=False)
    assert code == 1 and "is not lost" in said, said
    token.throw_away()
    n.stop()
    n.spawn()
    n.wait_ready(listening=False)
    assert in_time(lambda: state(n) == "ABSENT"), state(n)
    there = check(n, "tokens")
    assert there["result"] == "FAIL" and "holdfast provider lost" in there["repair"], there
    code, said = n.cli("provider", "lost", "token.1", *alone, check=False)
    assert code == 1 and "too few persons" in said, said
    assert {k: v["version"] for k, v in keys(n).items()} == {k: v["version"] for k, v in before.items()}
    assert n.cli("provider", "lost", "token.2", *both, check=False)[0] == 1
    assert n.cli("provider", "lost", "token.1", "--provider", "token.1", *both, check=False)[0] == 1
    sheet = n.top / "lost"
    n.cli("provider", "lost", "token.1", *alone, "--order", sheet)
    assert "keys are made anew in software\n" in n.cli("order", "show", sheet)
    n.cli("provider", "lost", "token.1", *both)
    now = keys(n)
    for k in ("ca", "node", "import", "user/mine"):
        assert (now[k]["provider"], now[k]["version"], now[k]["state"]) == ("software", 2, "active"), now[k]
        assert now[k + "#1"]["state"] == "lost", now
    lost = {k for k, v in now.items() if v["state"] == "lost"}
    assert any(k.startswith("psk/") for k in lost) and not {"root", "audit"} & lost, lost
    assert check(n, "lost")["result"] == "warn" and "lost" in check(n, "lost")["says"]
    assert "TOKEN_LOST token.1 by first,bob: keys are made anew in software" in str(n.audit())
    # certificates of the keys of now; whoever was enrolled by the CA of before is still let in
    assert "another key" in n.cli("certificate", "renew", "--days", "30")
    n.stop()
    conf = n.dir / "holdfast.conf"
    conf.write_text("".join(line for line in conf.read_text().splitlines(True) if "token.1" not in line))
    n.start()
    assert handshake(n) == "TLSv1.3"
    with pytest.raises(ssl.SSLError):  # who trusts the CA of before alone
        with socket.create_connection(("127.0.0.1", n.port), timeout=10) as raw:
            ssl.create_default_context(cadata=of_before).wrap_socket(raw, server_hostname=NAME)
    assert device.retrieve("/cse-in/ae-Ca").rsc == 2000
    device.close()
    # of the pre-shared key nothing is left; the identity is free
    shared.connect(version="-tls1_3")
    with pytest.raises(ConnectionError):
        shared.raw(b"GET /cse-in HTTP/1.1\r\n\r\n")
    shared.close()
    again = n.enrol("q", "Cq", "device", True, "--identity", "p2@demo.example")
    assert again.register().rsc == 2001
    again.close()
    fresh = n.enrol("b", "Cb")
    assert fresh.register().rsc == 2001
    fresh.close()
    n.cli("key", "sign", "mine", "a statement")
    n.cli("audit", "verify")
