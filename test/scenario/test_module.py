"""libholdfast-pkcs11.so: programs of others use keys that they never see."""
import json, os, pathlib, shutil, socket, subprocess, sys, time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from node import BUILD, Node, free_port
from program import *

ALICE, BOB = 33, 64102  # ssh wants a user with a name: www-data
LIBRARY = BUILD / "libholdfast-pkcs11.so"
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs programs of two users")
ED = {"HOLDFAST_ED25519": "yes"}
ENGINE = "/usr/lib/x86_64-linux-gnu/engines-3/pkcs11.so"


class World:
    """A node with keys for two users, and a folder for what the programs write."""

    def __init__(self):
        self.node = Node(start=False)
        self.top = self.node.top
        self.socket = self.top / "programs.sock"
        with open(self.node.dir / "holdfast.conf", "a") as f:
            f.write(f"door.programs = {self.socket}\n")
        self.node.start()
        for name, user, *more in (("tls", ALICE, "--purpose", "digest"), ("doc", ALICE), ("ed", ALICE, "--class", "ed25519"),
                                  ("dh", ALICE, "--purpose", "agree"),
                                  ("box", ALICE, "--class", "symmetric32", "--purpose", "seal"),
                                  ("keys", ALICE, "--class", "symmetric32", "--purpose", "wrap"), ("tls", BOB, "--purpose", "digest")):
            self.node.cli("key", "generate", f"app/{name}", "--user", user, *more)
        self.home, self.certificates = self.top / "home", self.top / "certificates"
        for folder in (self.home, self.certificates):
            folder.mkdir()
            os.chmod(folder, 0o755)
        os.chown(self.home, ALICE, ALICE)
        # the library where every user may read it
        self.library = self.top / LIBRARY.name
        shutil.copy2(LIBRARY, self.library)
        self.conf = self.top / "openssl.cnf"
        self.conf.write_text(
            "openssl_conf = init\n[init]\nengines = engines\n[engines]\npkcs11 = pkcs11\n[pkcs11]\n"
            f"engine_id = pkcs11\ndynamic_path = {ENGINE}\nMODULE_PATH = {self.library}\ninit = 0\n"
            "[req]\ndistinguished_name = dn\n[dn]\n")
        self.ready = self.top / "openssl-ready.cnf"  # nginx asks an engine that is initialised
        self.ready.write_text(self.conf.read_text().replace("init = 0", "init = 1"))
        self.environment = {"PATH": "/usr/sbin:/usr/bin:/bin", "HOME": str(self.home), "LANG": "C",
                            "HOLDFAST_PROGRAMS": str(self.socket), "HOLDFAST_CERTIFICATES": str(self.certificates),
                            "OPENSSL_CONF": str(self.conf)}

    def run(self, *argv, user=ALICE, data=b"", check=True, more=None, timeout=60):
        p = subprocess.run([str(a) for a in argv], input=data, capture_output=True, timeout=timeout, user=user, group=user,
                           extra_groups=[], cwd=self.home, env={**self.environment, **(more or {})})
        out = p.stdout + p.stderr
        if check and p.returncode:
            raise AssertionError(f"{argv}: {p.returncode}\n{out.decode(errors='replace')}")
        return out if check else (p.returncode, out)

    def spawn(self, *argv, user=ALICE, more=None):
        log = open(self.top / f"log-{pathlib.Path(argv[0]).name}", "ab")
        return subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log, user=user,
                                group=user, extra_groups=[], cwd=self.home, env={**self.environment, **(more or {})})

    def tool(self, *argv, **more):
        return self.run("pkcs11-tool", "--module", self.library, *argv, **more)

    def certificate(self, name, key="tls", subject="/CN=localhost"):
        """A certificate of a key that openssl never sees: signed by the key itself."""
        path = self.home / f"{name}.pem"
        self.run("openssl", "req", "-new", "-x509", "-days", "2", "-subj", subject, "-addext", "subjectAltName=DNS:localhost",
                 "-addext", "basicConstraints=critical,CA:TRUE", "-engine", "pkcs11", "-keyform", "engine",
                 "-key", f"pkcs11:object={key};type=private", "-sha256", "-out", path)
        return path


@pytest.fixture(scope="module")
def world():
    w = World()
    yield w
    w.node.close()


def wait_port(port, process, log):
    end = time.time() + 30
    while time.time() < end:
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(log.read_text(errors="replace")[-2000:])


def stop(process):
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def ident(label):
    return "--id", label.encode().hex()


def uses(world, name):
    import json
    return next(k["uses"] for k in json.loads(world.node.cli("-o", "json", "key", "list")) if k["name"] == name)


# --- pkcs11-tool ------------------------------------------------------------------

def test_the_tool_of_opensc_lists_and_signs(world):
    assert b"Holdfast" in world.tool("-L")
    assert world.tool("-O").count(b"Private Key Object") == 3
    listed = world.tool("-O", more=ED)
    assert listed.count(b"Private Key Object") == 4 and listed.count(b"Public Key Object") == 4
    assert b"never extractable" in listed and b"sensitive" in listed
    (world.home / "m").write_bytes(b"a document")
    out = world.home / "s"
    world.tool("--sign", "-m", "ECDSA-SHA256", *ident("doc"), "-i", "m", "-o", "s", "--signature-format", "openssl")
    world.tool("--read-object", "--type", "pubkey", "--label", "doc", "-o", "p")
    assert b"OK" in world.run("openssl", "dgst", "-sha256", "-verify", "p", "-keyform", "DER", "-signature", "s", "m")
    (world.home / "m").write_bytes(b"a documenT")
    code, _ = world.run("openssl", "dgst", "-sha256", "-verify", "p", "-keyform", "DER", "-signature", "s", "m", check=False)
    assert code != 0
    world.tool("--sign", "-m", "EDDSA", *ident("ed"), "-i", "m", "-o", "s", more=ED)
    with Program(world.socket, ALICE) as p:
        point = p.keys()[f"app/{ALICE}/ed"][2]
    (world.home / "p").write_bytes(bytes.fromhex("302a300506032b6570032100") + point)
    assert b"Success" in world.run("openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "p", "-keyform", "DER",
                                   "-sigfile", "s", "-in", "m")


def test_the_tool_agrees_on_a_secret(world):
    plain = {"OPENSSL_CONF": "/dev/null"}
    world.run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "peer.pem", more=plain)
    world.run("openssl", "ec", "-in", "peer.pem", "-pubout", "-outform", "DER", "-out", "peer.der", more=plain)
    world.tool("--derive", "-m", "ECDH1-DERIVE", *ident("dh"), "-i", "peer.der", "-o", "z")
    world.tool("--read-object", "--type", "pubkey", "--label", "dh", "-o", "dh.der")
    world.run("openssl", "pkeyutl", "-derive", "-inkey", "peer.pem", "-peerkey", "dh.der", "-peerform", "DER", "-out", "z2", more=plain)
    assert (world.home / "z").read_bytes() == (world.home / "z2").read_bytes()
    assert len((world.home / "z").read_bytes()) == 32


def test_what_is_not_given_out_and_not_done(world):
    for label in ("doc", "tls", "ed", "dh"):
        world.tool("--read-object", "--type", "privkey", "--label", label, "-o", "x", check=False, more=ED)
        assert not (world.home / "x").exists()  # test/attack/T01-keys-of-programs.py asks harder
    (world.home / "m").write_bytes(bytes(32))
    for label, mechanism in (("doc", "ECDSA"), ("tls", "ECDSA-SHA256"), ("dh", "ECDSA"), ("dh", "ECDSA-SHA256")):
        code, out = world.tool("--sign", "-m", mechanism, *ident(label), "-i", "m", "-o", "x", check=False)
        assert code != 0 and b"CKR_KEY_FUNCTION_NOT_PERMITTED" in out, (label, out)
    code, out = world.tool("--keypairgen", "--key-type", "EC:prime256v1", "--label", "new", check=False)
    assert code != 0
    code, out = world.tool("--delete-object", "--type", "privkey", "--label", "doc", check=False)
    assert code != 0 and b"doc" in world.tool("-O")


def cryptoki(world, *steps, user=ALICE):
    """The results of a program that knows PKCS#11 and nothing of ours."""
    script = world.top / "cryptoki.py"
    if not script.exists():
        shutil.copy2(pathlib.Path(__file__).resolve().parents[1] / "lib/cryptoki.py", script)
        os.chmod(script, 0o644)
    p = subprocess.run(["/usr/bin/python3", script, world.library], input=json.dumps(steps), capture_output=True, text=True,
                       timeout=60, user=user, group=user, extra_groups=[], cwd=world.home, env=world.environment)
    assert p.returncode == 0, p.stderr
    return json.loads(p.stdout)


CKR = {"invalid": 0x40, "params": 0x71, "not permitted": 0x68, "unextractable": 0x6A, "not wrappable": 0x69,
       "wrapped invalid": 0x110, "prohibited": 0x1B, "sensitive": 0x11, "template": 0xD1, "handle": 0x60, "length": 0x21}


def refused(why):
    return {"refused": CKR[why]}


def test_seals_by_aes_gcm(world):
    """AES-GCM by a key that never leaves. The keeper chooses the nonce: a program that brings one is refused; so are
    another key, another purpose, altered octets and other additional data."""
    data = b"a secret of the program".hex()
    r = cryptoki(world, ["find", "box", 4], ["encrypt", "@0[0]", data, "more"], ["decrypt", "@0[0]", "@1", "more"],
                 ["decrypt", "@0[0]", "@1", "less"], ["decrypt", "@0[0]", "@1^20", "more"],
                 ["encrypt", "@0[0]", data, "", "00" * 12], ["encrypt", "@0[0]", data, "", "", 96],
                 ["read", "@0[0]", 0x11], ["find", "keys", 4], ["encrypt", "@8[0]", data], ["find", "tls", 3],
                 ["encrypt", "@10[0]", data], ["encrypt", "@0[0]", "00" * 4097], ["encrypt", "@0[0]", data, "more"],
                 ["encrypt", 99999, data])
    assert r[2] == data and data not in r[1] and r[13] != r[1], r
    assert r[3] == r[4] == refused("invalid"), r
    assert r[5] == r[6] == refused("params") and r[7] == refused("sensitive"), r
    assert r[9] == r[11] == refused("not permitted") and r[12] == refused("length") and r[14] == refused("handle"), r
    assert world.node.cli("key", "rotate", f"app/{ALICE}/box")
    assert cryptoki(world, ["find", "box", 4], ["decrypt", "@0[0]", r[1], "more"])[1] == data


def test_keys_that_are_wrapped_stay_in_the_keeper(world):
    """A program has as many keys as it wants, in a wrapping key of the keeper: it carries them as octets, and each use
    of one happens inside. None is read; none opens by another wrapping key, by another user, or altered."""
    data = b"one record".hex()
    world.node.cli("key", "generate", "app/others", "--user", ALICE, "--class", "symmetric32", "--purpose", "wrap")
    r = cryptoki(world, ["find", "keys", 4], ["generate", {"label": "keys", "length": 32}], ["wrap", "@0[0]", "@1"],
                 ["encrypt", "@1", data, "r"], ["read", "@1", 0x11], ["find", "others", 4], ["wrap", "@5[0]", "@1"],
                 ["unwrap", "@5[0]", "@2"], ["unwrap", "@0[0]", "@2^60"], ["find", "box", 4], ["wrap", "@0[0]", "@9[0]"],
                 ["wrap", "@9[0]", "@1"], ["generate", {"label": "keys", "token": True}],
                 ["generate", {"label": "keys", "sensitive": False}], ["generate", {"label": "nosuch"}],
                 ["decrypt", "@9[0]", "@2"])
    wrapped, sealed = r[2], r[3]
    assert data not in sealed and len(wrapped) == 2 * (4 + 1 + 12 + 32 + 16), r
    assert r[4] == refused("sensitive") and r[6] == refused("not wrappable"), r
    assert r[7] == r[8] == refused("wrapped invalid") and r[10] == refused("unextractable"), r
    assert r[11] == refused("not permitted") and r[12] == r[13] == refused("template"), r
    assert r[14] == refused("prohibited") and "refused" in r[15], r
    # another process, after the wrapping key was rotated
    world.node.cli("key", "rotate", f"app/{ALICE}/keys")
    r = cryptoki(world, ["find", "keys", 4], ["unwrap", "@0[0]", wrapped], ["decrypt", "@1", sealed, "r"],
                 ["decrypt", "@1", sealed, "x"], ["generate", {"label": "keys"}], ["decrypt", "@4", sealed, "r"])
    assert r[2] == data and r[3] == r[5] == refused("invalid"), r
    # and the octets say nothing to another user, whatever name he gives
    assert cryptoki(world, ["find", "keys", 4], user=BOB)[0] == []
    with Program(world.socket, BOB) as p:
        assert p.ask(54, octets(f"app/{ALICE}/keys") + octets(b"r") + octets(bytes.fromhex(sealed)) +
                     octets(bytes.fromhex(wrapped)))[0] == REFUSED
    with Program(world.socket, ALICE) as p:  # no way around the module: what is wrapped opens as data for nobody
        for name in ("keys", "box"):
            assert p.unseal(f"app/{ALICE}/{name}", b"holdfast wrapped key", bytes.fromhex(wrapped))[0] in (REFUSED, TAMPERED)


def test_random_and_agreement(world):
    """Random octets of the keeper's generator, also by a stock tool; ECDH against the other side in another library."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    peer = ec.generate_private_key(ec.SECP256R1())
    point = peer.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    r = cryptoki(world, ["random", 3000], ["random", 3000], ["find", "dh", 3], ["derive", "@2[0]", point.hex()],
                 ["read", "@3", 0x11], ["find", "dh", 2], ["read", "@5[0]", 0x181], ["find", "tls", 3],
                 ["derive", "@7[0]", point.hex()], ["derive", "@2[0]", "04" + "11" * 64])
    assert len(r[0]) == 6000 and r[0] != r[1] and len(set(bytes.fromhex(r[0]))) > 200
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), bytes.fromhex(r[6])[2:])
    assert peer.exchange(ec.ECDH(), theirs).hex() == r[4], r
    assert r[8] == refused("not permitted") and r[9] == refused("params"), r
    out = world.run("pkcs11-tool", "--module", world.library, "--generate-random", "64")
    assert len(out) >= 64
    listed = world.run("pkcs11-tool", "--module", world.library, "--list-objects", "--type", "secrkey").decode()
    assert "box" in listed and "AES length 32" in listed and "never extractable" in listed, listed
    mechanisms = world.run("pkcs11-tool", "--module", world.library, "--list-mechanisms").decode()
    assert "AES-GCM" in mechanisms, mechanisms


def test_another_user_finds_nothing_of_it(world):
    listed = world.tool("-O", user=BOB)
    assert listed.count(b"Private Key Object") == 1 and b"doc" not in listed
    assert world.tool("-O", user=BOB + 1).count(b"Object") == 0
    (world.home / "m").write_bytes(b"x")
    code, out = world.tool("--sign", "-m", "ECDSA-SHA256", *ident("doc"), "-i", "m", user=BOB, check=False)
    assert code != 0


# --- openssl, curl, nginx, mosquitto ----------------------------------------------

def test_openssl_makes_a_request_and_serves(world):
    before = uses(world, f"app/{ALICE}/tls")
    certificate = world.certificate("self")
    assert b"self.pem: OK" in world.run("openssl", "verify", "-CAfile", certificate, "self.pem")
    assert uses(world, f"app/{ALICE}/tls") > before
    code, out = world.run("openssl", "req", "-new", "-subj", "/CN=x", "-engine", "pkcs11", "-keyform", "engine",
                          "-key", "pkcs11:object=doc;type=private", "-sha256", check=False)
    assert code != 0  # a key whose digests only the keeper makes
    code, out = world.run("openssl", "req", "-new", "-subj", "/CN=x", "-engine", "pkcs11", "-keyform", "engine",
                          "-key", "pkcs11:object=doc;type=private", "-sha256", user=BOB, check=False)
    assert code != 0 and b"BEGIN" not in out


NGINX = """daemon off; master_process {master}; pid {home}/nginx.pid; error_log stderr info;
env HOLDFAST_PROGRAMS; env HOLDFAST_CERTIFICATES; env OPENSSL_CONF;
worker_processes 1; events {{ worker_connections 64; }}
http {{ access_log off; client_body_temp_path {home}/b; proxy_temp_path {home}/t; fastcgi_temp_path {home}/f;
  uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
  server {{ listen 127.0.0.1:{port} ssl; server_name localhost;
    ssl_certificate {certificate}; ssl_certificate_key "engine:pkcs11:pkcs11:object=tls;type=private";
    ssl_client_certificate {certificate}; ssl_verify_client optional_no_ca;
    location / {{ return 200 "seen: $ssl_client_verify $ssl_client_s_dn\\n"; }} }} }}
"""


@pytest.mark.parametrize("master", ["off", "on"])
def test_nginx_serves_and_curl_asks_with_keys_they_never_see(world, master):
    certificate, port = world.certificate("web"), free_port()
    conf = world.home / "nginx.conf"
    conf.write_text(NGINX.format(home=world.home, port=port, certificate=certificate, master=master))
    p = world.spawn("/usr/sbin/nginx", "-c", conf, more={"OPENSSL_CONF": str(world.ready)})
    try:
        wait_port(port, p, world.top / "log-nginx")
        before = uses(world, f"app/{ALICE}/tls")
        for _ in range(5):
            said = world.run("curl", "-sS", "--cacert", certificate, "--resolve", f"localhost:{port}:127.0.0.1",
                             "--engine", "pkcs11", "--key-type", "ENG", "--key", "pkcs11:object=tls;type=private",
                             "--cert", certificate, f"https://localhost:{port}/")
            assert b"CN=localhost" in said and b"NONE" not in said, said
        assert uses(world, f"app/{ALICE}/tls") >= before + 10  # server and client, five times
        code, out = world.run("curl", "-sS", "--cacert", certificate, "--resolve", f"localhost:{port}:127.0.0.1",
                              "--engine", "pkcs11", "--key-type", "ENG", "--key", "pkcs11:object=tls;type=private",
                              "--cert", certificate, f"https://localhost:{port}/", user=BOB, check=False)
        assert code != 0  # Bob's key "tls" is another one
    finally:
        stop(p)


def test_mosquitto_serves_with_a_key_it_never_sees(world):
    certificate, port = world.certificate("broker"), free_port()
    conf = world.home / "mosquitto.conf"
    conf.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\ncertfile {certificate}\ntls_engine pkcs11\n"
                    "tls_keyform engine\nkeyfile pkcs11:object=tls;type=private\n")
    p = world.spawn("/usr/sbin/mosquitto", "-c", conf)
    try:
        wait_port(port, p, world.top / "log-mosquitto")
        said = world.run("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", certificate, "-verify_return_error",
                         "-servername", "localhost", data=b"Q\n")
        assert b"Verify return code: 0 (ok)" in said, said
    finally:
        stop(p)


# --- ssh -----------------------------------------------------------------------------

def test_ssh_logs_in_with_a_key_it_never_sees(world):
    ssh = world.home / "ssh"
    ssh.mkdir()
    os.chown(ssh, ALICE, ALICE)
    os.chmod(ssh, 0o700)
    listed = world.run("ssh-keygen", "-D", world.library).decode()
    public = [l for l in listed.splitlines() if l.startswith("ecdsa-sha2-nistp256")]
    assert len(public) == 3, listed
    world.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", ssh / "host")
    (ssh / "authorized").write_text("\n".join(public) + "\n")
    os.chown(ssh / "authorized", ALICE, ALICE)
    port = free_port()
    (ssh / "conf").write_text(f"ListenAddress 127.0.0.1:{port}\nHostKey {ssh}/host\nPidFile none\nStrictModes no\n"
                              f"AuthorizedKeysFile {ssh}/authorized\nPasswordAuthentication no\nUsePAM no\n"
                              "KbdInteractiveAuthentication no\n")
    p = world.spawn("/usr/sbin/sshd", "-D", "-e", "-f", ssh / "conf")
    log = world.top / "log-sshd"
    ask = ["ssh", "-v", "-F", "/dev/null", "-p", port, "-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={ssh}/known",
           "-o", "BatchMode=yes", "-o", "IdentityFile=none", "-I", world.library, "www-data@127.0.0.1", "true"]
    try:
        wait_port(port, p, log)
        before = uses(world, f"app/{ALICE}/tls")
        _, said = world.run(*ask, check=False)  # the account has no shell: what counts is who was let in
        assert b'Authenticated to 127.0.0.1' in said, (said, log.read_text()[-3000:])
        assert "Accepted publickey for www-data" in log.read_text() and "ECDSA" in log.read_text()
        assert uses(world, f"app/{ALICE}/tls") == before + 1
    finally:
        stop(p)
