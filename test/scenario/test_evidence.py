"""Evidence of a protection level: a token and a TPM count as more than software when, and as long as, a
certificate of a configured maker vouches for them and they answer for it; each refusal, with its reason."""
import json, os, pathlib, re, signal, sys, time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from makers import AttestedHsm, EllipticTpm, EndorsedTpm, Maker, makers, pem
from node import Node
from tokens import SoftHsm, Swtpm
from waiting import in_time


def listed(node):
    rows = {p["name"]: p for p in json.loads(node.cli("-o", "json", "provider", "list"))}
    return rows["token.1"]


def roots(node, text, where="makers.pem"):
    """As the administrator configures them: a file in the node folder."""
    (node.dir / where).write_text(text)
    conf = node.dir / "holdfast.conf"
    if "token.makers" not in conf.read_text():
        conf.write_text(conf.read_text() + f"token.makers = {where}\n")


def level_is(node, level, seconds=30):
    end = time.time() + seconds
    while time.time() < end:
        try:
            if listed(node)["level"] == level:
                return True
        except RuntimeError:  # its keeper has just ended
            pass
        time.sleep(0.2)
    return False


def key_levels(node):
    return {k["name"]: k["level"] for k in json.loads(node.cli("-o", "json", "key", "list"))}


def refused(node, reason, *more):
    """Not accepted, for this reason, which list and doctor say too; level 1."""
    code, said = node.cli("provider", "accept", "token.1", *more, check=False)
    assert code == 1 and reason in said and "level 1" in said, said
    row = listed(node)
    assert row["level"] == 1, row
    return row["why"], node.cli("doctor", check=False)[1]


def everywhere(node, reason):
    for said in refused(node, reason):
        assert reason in said, said


def accepted(node, level, name, *more):
    node.cli("provider", "accept", "token.1", *more)
    assert level_is(node, level), listed(node)
    row = listed(node)
    assert (row["level"], row["proof"], row["why"]) == (level, name, ""), row
    assert f"protection level {level} of 3" in node.cli("doctor", check=False)[1]


@pytest.fixture(scope="module")
def maker():
    return Maker()


def test_token(maker):
    """The key of the attestation certificate signs: believed after a process, a keeper and a node restarted."""
    with AttestedHsm(maker) as token, Node(init=token.init_args()) as node:
        everywhere(node, "no maker root is configured")
        roots(node, makers((2, "maker-2", pem(Maker("Another maker").root))))
        everywhere(node, "the chain of its certificate does not hold")
        roots(node, pem(maker.root))  # vouches for nothing
        everywhere(node, "level = 2 or 3")
        roots(node, makers((1, "none", pem(maker.root))))
        everywhere(node, "level = 2 or 3")
        roots(node, makers((2, "other", pem(Maker("Another maker").root)), (3, "fips-140-3", pem(maker.root))))
        assert "holdfast provider accept token.1" in listed(node)["why"]
        accepted(node, 3, "fips-140-3")
        for role in ("token", "keeper"):
            before = node.pids()[role]
            os.kill(before[0], signal.SIGKILL)
            assert in_time(lambda: before[0] not in node.pids().get(role, before))
            assert level_is(node, 3), (role, listed(node))
        node.stop()
        node.start()
        assert level_is(node, 3), node.log_text()[-2000:]
        # the token is away: nothing answers for it
        token.remove()
        assert level_is(node, 1), listed(node)
        token.put_back()
        assert level_is(node, 3, 30), listed(node)
        node.cli("provider", "withdraw", "token.1")
        assert level_is(node, 1) and "no evidence of its level was accepted" in listed(node)["why"]
        assert node.cli("provider", "withdraw", "token.1", check=False)[0] == 1
        node.stop()


def test_tpm():
    """The endorsement key opens what was sealed to it and to the key that answers from then on; between
    its certificate and the root stands another, which the administrator gives."""
    with EndorsedTpm() as token, Node(init=token.init_args()) as node:
        everywhere(node, "no maker root is configured")
        roots(node, makers((2, "tcg", pem(Maker().root))))
        everywhere(node, "the chain of its certificate does not hold")
        roots(node, makers((2, "tcg-eal4", token.root)))
        everywhere(node, "the chain of its certificate does not hold")
        between = node.dir / "between.pem"
        between.write_text(token.issuer)
        levels = key_levels(node)
        assert set(levels.values()) == {1}, levels
        accepted(node, 2, "tcg-eal4", "--certificate", between)
        # each key by itself: what the TPM has made is certified, what came from outside, and software, is not
        device = node.enrol("d", "Cdev", "device", True, "--identity", "d@demo.example")
        assert device.register().rsc == 2001
        device.close()
        node.cli("key", "create", "later")
        assert in_time(lambda: key_levels(node).get("user/later") == 2), node.log_text()[-2000:]
        levels = key_levels(node)
        assert all(levels[k] == 2 for k in ("ca", "node", "import")), levels
        assert levels["root"] == levels["audit"] == levels["psk/d@demo.example"] == 1, levels
        node.stop()
        node.start()
        assert level_is(node, 2), node.log_text()[-2000:]
        assert in_time(lambda: key_levels(node)["node"] == 2), node.log_text()[-2000:]
        node.cli("provider", "withdraw", "token.1")
        assert in_time(lambda: set(key_levels(node).values()) == {1})
        node.stop()


def test_tpm_with_the_certificate_of_another():
    """Its certificate is good, and another TPM's: what is sealed to that key does not open here."""
    with EndorsedTpm() as token, Node(init=token.init_args(), start=False) as node:
        token.kill()
        first = token.tool_certificate()
        (token.top / "state").rename(token.top / "other")
        (token.top / "state").mkdir()
        token.setup()
        token.put_certificate(first)
        # the node's keys were wrapped by the other one, and are not needed here
        roots(node, makers((2, "tcg", token.issuer)))
        node.start()
        said, _ = refused(node, "does not hold the endorsement key")
        assert "does not hold the keys of this node" in said
        node.stop()


def test_elliptic_tpm(maker):
    """The endorsement key is one of P-256: what is sealed to it opens in this TPM only."""
    with EllipticTpm(maker) as token, Node(init=token.init_args()) as node:
        roots(node, makers((2, "tcg", pem(Maker("Another maker").root))))
        everywhere(node, "the chain of its certificate does not hold")
        roots(node, makers((3, "tcg-p256", pem(maker.root))))
        accepted(node, 3, "tcg-p256")
        node.stop()
    with EllipticTpm(maker, other_key=True) as token, Node(init=token.init_args()) as node:
        roots(node, makers((3, "tcg-p256", pem(maker.root))))
        said, _ = refused(node, "does not hold the endorsement key")
        assert "certificate is good" in said
        node.stop()
    # a certificate of the maker's for something else: the TPM would have to sign by it, and cannot
    with EllipticTpm(maker, uses=()) as token, Node(init=token.init_args()) as node:
        roots(node, makers((3, "tcg-p256", pem(maker.root))))
        code, said = node.cli("provider", "accept", "token.1", check=False)
        assert code == 1 and listed(node)["level"] == 1, said
        node.stop()


def test_expired(maker):
    with AttestedHsm(maker, days=-1) as token, Node(init=token.init_args()) as node:
        roots(node, makers((2, "m", pem(maker.root))))
        everywhere(node, "expired")
        node.stop()


def test_wrong_key(maker):
    """A good certificate beside a key that is not its own: the challenge is not answered."""
    with AttestedHsm(maker, other_key=True) as token, Node(init=token.init_args()) as node:
        roots(node, makers((2, "m", pem(maker.root))))
        code, said = node.cli("provider", "accept", "token.1", check=False)
        assert code == 1 and "wrong" in said, said
        assert listed(node)["level"] == 1
        node.stop()


def test_certificate_of_a_ca(maker):
    """The maker's own root, shown as if it were a token's."""
    with AttestedHsm(maker) as token, Node(init=token.init_args(), start=False) as node:
        der = token.top / "root.der"
        from cryptography.hazmat.primitives import serialization
        der.write_bytes(maker.root.public_bytes(serialization.Encoding.DER))
        token.tool("--delete-object", "--type", "cert", "--id", "07")
        token.tool("--write-object", der, "--type", "cert", "--id", "07", "--label", "attestation")
        token.again()
        roots(node, makers((2, "m", pem(maker.root))))
        node.start()
        everywhere(node, "is one of a CA")
        node.stop()


def test_ends(maker):
    """What was accepted ends with its certificate, without an order."""
    with AttestedHsm(maker, days=12 / 86400) as token, Node(init=token.init_args()) as node:
        roots(node, makers((2, "m", pem(maker.root))))
        code, said = node.cli("provider", "accept", "token.1", check=False)
        if code:  # the machine was slow: it had ended by then
            assert "expired" in said
            return
        assert level_is(node, 1, 20)
        assert "has ended" in listed(node)["why"]
        node.stop()


@pytest.mark.parametrize("kind", [SoftHsm, Swtpm], ids=["pkcs11", "tpm"])
def test_no_certificate(maker, kind):
    with kind() as token, Node(init=token.init_args()) as node:
        roots(node, makers((2, "m", pem(maker.root))))
        everywhere(node, "shows no certificate")
        node.stop()


def test_another_token_in_its_place(maker):
    """The same label, maker and configuration, and a certificate by the same maker: not the one that was
    accepted."""
    with AttestedHsm(maker) as token, AttestedHsm(maker) as other, Node(init=token.init_args()) as node:
        roots(node, makers((2, "m", pem(maker.root))))
        accepted(node, 2, "m")
        node.stop()
        token.folder.rename(token.top / "away")
        other.folder.rename(token.folder)
        other.folder.mkdir()
        node.start()
        end = time.time() + 30
        while time.time() < end and listed(node)["state"] == "ABSENT":
            time.sleep(0.2)
        row = listed(node)
        assert row["level"] == 1 and row["state"] == "UNFIT" and "it is another" in row["why"], row
        node.stop()


def test_accepted_when_the_node_is_made(maker, tmp_path):
    """init --makers: the token is at its level from the first start, by an order that is on record; one whose
    evidence does not hold counts as level 1, and that is said."""
    trusted, others = tmp_path / "trusted.pem", tmp_path / "others.pem"
    trusted.write_text(makers((3, "fips-140-3", pem(maker.root))))
    others.write_text(makers((3, "fips-140-3", pem(Maker("Another maker").root))))
    with AttestedHsm(maker) as token, Node(init=[*token.init_args(), "--makers", str(trusted)]) as node:
        assert level_is(node, 3) and listed(node)["proof"] == "fips-140-3", listed(node)
        assert "PROVIDER_ACCEPT token.1 by" in node.cli("audit", "list")
        assert "listen.https" in (node.dir / "holdfast.conf").read_text()
        node.stop()
    with AttestedHsm(maker) as token:
        with pytest.raises(RuntimeError, match="stays at level 1"):
            Node(init=[*token.init_args(), "--makers", str(others)])
    with pytest.raises(RuntimeError, match="are for --token"):
        Node(init=["--makers", str(trusted)])


def test_a_key_made_elsewhere_counts_as_software(maker, tmp_path):
    """By the token's own word (CKA_LOCAL): a pair that was brought to it in the place of one that was made there counts
    as level 1, and is said; the others stay at the token's level."""
    trusted, der = tmp_path / "trusted.pem", tmp_path / "brought.der"
    trusted.write_text(makers((3, "fips-140-3", pem(maker.root))))
    der.write_bytes(ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    with AttestedHsm(maker) as token, Node(init=[*token.init_args(), "--makers", str(trusted)]) as node:
        pairs = lambda: [key_levels(node)[k] for k in ("ca", "node", "import")]
        assert in_time(lambda: pairs() == [3, 3, 3]), pairs()
        node.stop()
        _, seen = token.objects()
        ids = re.findall(r"Private Key Object[^\n]*\n\s+label:\s+holdfast\n\s+ID:\s+(\w+)", seen)
        assert len(ids) == 3, seen
        token.tool("--delete-object", "--type", "privkey", "--id", ids[0])
        token.tool("--write-object", der, "--type", "privkey", "--id", ids[0], "--label", "holdfast", "--usage-sign")
        token.again()
        node.start()
        assert in_time(lambda: sorted(pairs()) == [1, 3, 3]), pairs()
        assert "was made elsewhere" in listed(node)["why"]
        node.stop()
