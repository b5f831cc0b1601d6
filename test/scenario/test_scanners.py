"""What a stranger's scanner finds at the gate: sslscan equal to the kept list (testssl.sh: test/torture/scanners.py);
downgrades and null suites by the stock client, each beside what it takes."""
import os, subprocess, time, xml.etree.ElementTree as xml

import pytest

import findings
from node import Node, free_port


@pytest.fixture(scope="module")
def node():
    with Node() as n:
        n.e = n.enrol("d", "Cd")
        n.p = n.enrol("p", "Cp", "device", True, "--identity", "p@demo.example")
        yield n


def sslscan(name, port):
    p = subprocess.run(["sslscan", "--no-colour", "--show-sigs", "--xml=-", f"--sni-name={name}", f"127.0.0.1:{port}"],
                       capture_output=True, text=True, timeout=30)
    test = xml.fromstring(p.stdout).find("ssltest") if p.stdout else None
    if test is None:
        return []  # nobody listens
    found = [(f"{t.get('type')} {t.get('version')}", t.get("enabled")) for t in test.findall("protocol")]
    found += [("renegotiation", t.get("supported")) for t in test.findall("renegotiation")]
    found += [(f"heartbleed {t.get('sslversion')}", t.get("vulnerable")) for t in test.findall("heartbleed")]
    found += [(f"{t.get('status')} {t.get('sslversion')}", t.get("cipher")) for t in test.findall("cipher")]
    found += [(f"group {t.get('sslversion')}", t.get("name")) for t in test.findall("group")]
    found += [(f"signature {t.get('sslversion')}", t.get("name")) for t in test.findall("connection-signature-algorithm")]
    for c in test.iter("certificate"):
        found += [("certificate signature", c.findtext("signature-algorithm")), ("certificate self-signed", c.findtext("self-signed")),
                  ("certificate expired", c.findtext("expired")),
                  ("certificate key", f"{c.find('pk').get('type')} {c.find('pk').get('curve_name')}")]
    return found


def test_sslscan_finds_what_is_kept(node):
    found = sslscan(node.name, node.port)
    assert sorted(found) == sorted(findings.kept("sslscan")), findings.differences("sslscan", found)


def test_it_finds_the_same_where_strangers_are_welcome():
    with Node(options="join.enabled = yes\nsession.time = 600\ntrust.keys = in-cse.demo.example=here\nnetwork.gba = bsf.example 127.0.0.1:9") as n:
        found = sslscan(n.name, n.port)
    assert sorted(found) == sorted(findings.kept("sslscan")), findings.differences("sslscan", found)


def test_the_list_says_no(node, tmp_path):
    """The control: a server that takes what is common is found out."""
    port = free_port()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "k", "-out", tmp_path / "c", "-subj", "/CN=x"],
                   check=True, capture_output=True)
    s = subprocess.Popen(["openssl", "s_server", "-accept", str(port), "-cert", tmp_path / "c", "-key", tmp_path / "k", "-quiet", "-cipher",
                          "ALL:@SECLEVEL=0"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(50):
            found = sslscan("x", port)
            if ("tls 1.3", "1") in found:
                break
            time.sleep(0.1)
        wrong = findings.differences("sslscan", found)
        assert any("AES128-SHA" in w for w in wrong) and any("tls 1.2" in w for w in wrong) and any("certificate" in w for w in wrong), wrong
    finally:
        s.kill()
        s.wait()


def client(node, *argv):
    """Does the stock client get in, with a good credential of either kind?"""
    e, p = node.e, node.p
    psk = "-psk" in argv
    own = ["-psk_identity", (p.folder / "psk.identity").read_text().strip(), "-psk", (p.folder / "psk.key").read_text().strip()] if psk else [
        "-cert", e.folder / "cert.pem", "-key", e.folder / "key.pem", "-CAfile", node.dir / "node/ca.pem", "-verify_return_error"]
    ask = f"GET /cse-in HTTP/1.1\r\nHost: x\r\nX-M2M-Origin: {'Cp' if psk else 'Cd'}\r\nX-M2M-RI: 1\r\nX-M2M-RVI: 3\r\nConnection: close\r\n\r\n"
    env = dict(os.environ)
    if "-no_ems" in argv:  # the command has no such option, its configuration has
        (node.top / "no-ems").write_text("openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nOptions = -ExtendedMasterSecret\n")
        env["OPENSSL_CONF"] = str(node.top / "no-ems")
    q = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{node.port}", "-servername", node.name, "-quiet", *map(str, own),
                        *(a for a in argv if a not in ("-psk", "-no_ems"))], input=ask.encode(), capture_output=True, timeout=20, env=env)
    assert b"unknown option" not in q.stderr and b"Unknown option" not in q.stderr and b"Error with command" not in q.stderr, q.stderr
    assert b"Call to SSL_CONF_cmd" not in q.stderr, q.stderr
    return b"X-M2M-RSC" in q.stdout


LOW = ("-cipher", "ALL:eNULL:@SECLEVEL=0")


@pytest.mark.parametrize("gets_in, argv", [
    (True, ("-tls1_3",)), (True, ("-tls1_2",)), (True, ("-psk", "-tls1_3")), (True, ("-psk", "-tls1_2")),
    (True, ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256")), (True, ("-tls1_3", "-groups", "P-256")),
    (True, ("-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256")), (True, ("-psk", "-tls1_2", "-cipher", "ECDHE-PSK-CHACHA20-POLY1305")),
    # older versions
    (False, ("-tls1_1", *LOW)), (False, ("-tls1", *LOW)), (False, ("-psk", "-tls1_1", *LOW)), (False, ("-psk", "-tls1", *LOW)),
    (False, ("-tls1_2", "-fallback_scsv")), (False, ("-tls1_2", "-no_ems")), (False, ("-psk", "-tls1_2", "-no_ems")),
    # nothing that keeps a secret, or nobody's
    (False, ("-tls1_2", "-cipher", "eNULL:@SECLEVEL=0")), (False, ("-tls1_2", "-cipher", "aNULL:@SECLEVEL=0")),
    (False, ("-psk", "-tls1_2", "-cipher", "PSK-NULL-SHA256:@SECLEVEL=0")), (False, ("-psk", "-tls1_2", "-cipher", "ECDHE-PSK-NULL-SHA256:@SECLEVEL=0")),
    (False, ("-tls1_2", "-cipher", "ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0")),
    # weak, or legacy
    (False, ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")), (False, ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0")),
    (False, ("-tls1_2", "-cipher", "kRSA:@SECLEVEL=0")), (False, ("-tls1_2", "-cipher", "DHE:@SECLEVEL=0")),
    (False, ("-psk", "-tls1_2", "-cipher", "PSK-AES128-CBC-SHA256:@SECLEVEL=0")), (False, ("-psk", "-tls1_2", "-cipher", "DHE-PSK-AES128-GCM-SHA256:@SECLEVEL=0")),
    (False, ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0")), (False, ("-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_8_SHA256")),
    (False, ("-tls1_3", "-groups", "P-384")), (False, ("-tls1_3", "-groups", "ffdhe2048")), (False, ("-tls1_3", "-sigalgs", "RSA-PSS+SHA256")),
    (False, ("-tls1_2", "-sigalgs", "ECDSA+SHA1", "-cipher", "DEFAULT:@SECLEVEL=0")), (False, ("-tls1_3", "-sigalgs", "ECDSA+SHA384")),
], ids=lambda v: " ".join(v) if isinstance(v, tuple) else "yes" if v else "no")
def test_the_stock_client(node, gets_in, argv):
    assert client(node, *argv) == gets_in


def test_early_data_is_not_taken(node, tmp_path):
    """A session to come back to is not given, or is one without early data [no 0-RTT]."""
    p = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{node.port}", "-servername", node.name, "-tls1_3", "-cert", node.e.folder / "cert.pem",
                        "-key", node.e.folder / "key.pem", "-CAfile", node.dir / "node/ca.pem", "-sess_out", tmp_path / "session"], input=b"Q\n",
                       capture_output=True, timeout=20)
    assert p.returncode == 0 and (b"Max Early Data: 0" in p.stdout or not (tmp_path / "session").exists())
