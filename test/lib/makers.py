"""makers: a maker of tokens for tests: its root, what it certifies, and the file of token.makers."""
import datetime, subprocess

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tokens import MODULE, SoftHsm, Swtpm, give

DAY = datetime.timedelta(days=1)


def named(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Maker:
    def __init__(self, name="A maker of tokens"):
        self.name, self.key = named(name), ec.generate_private_key(ec.SECP256R1())
        self.root = self.certify(self.key.public_key(), name, days=365, ca=True)

    def certify(self, public, subject, days=365, ca=False, uses=()):
        now = datetime.datetime.utcnow()
        made = (x509.CertificateBuilder().subject_name(named(subject)).issuer_name(self.name).public_key(public)
                .serial_number(x509.random_serial_number()).not_valid_before(now - 30 * DAY)
                .not_valid_after(now + days * DAY)
                .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True))
        if uses:
            made = made.add_extension(x509.ExtendedKeyUsage([x509.ObjectIdentifier(u) for u in uses]), critical=False)
        return made.sign(self.key, hashes.SHA256())


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def makers(*rows):
    """(level, certification, certificate in PEM) ... -> the file of token.makers."""
    return "".join(f"level = {level}\ncertification = {name}\n{text}\n" for level, name, text in rows)


class AttestedHsm(SoftHsm):
    """A software token with an attestation key and its certificate, by this maker."""

    def __init__(self, maker, days=365, other_key=False):
        super().__init__()
        self.tool("--keypairgen", "--key-type", "EC:prime256v1", "--id", "07", "--label", "attestation", "--usage-sign")
        der = self.top / "public.der"
        self.tool("--read-object", "--type", "pubkey", "--id", "07", "-o", der)
        public = serialization.load_der_public_key(der.read_bytes())
        if other_key:
            public = ec.generate_private_key(ec.SECP256R1()).public_key()
        cert = self.top / "cert.der"
        cert.write_bytes(maker.certify(public, "token 4711", days).public_bytes(serialization.Encoding.DER))
        self.tool("--write-object", cert, "--type", "cert", "--id", "07", "--label", "attestation")
        give(self.folder)

    def tool(self, *argv):
        subprocess.run(["pkcs11-tool", "--module", MODULE, "--token-label", self.label, "--login", "--pin", self.pin.read_text(),
                        *map(str, argv)], env=self.env(), check=True, capture_output=True)

    def again(self):
        give(self.folder)

    def uri(self, *a, **k):
        return super().uri(*a, **k) + "&x-evidence=attestation"


class EndorsedTpm(Swtpm):
    """A TPM simulator with an endorsement certificate by a local CA, whose root and issuer are self.root
    and self.issuer (PEM)."""

    def start(self):
        if not (self.top / "ca").exists():
            self.setup()
        super().start()

    def setup(self, state=None):
        ca = self.top / "ca"
        ca.mkdir(exist_ok=True)
        (ca / "localca.conf").write_text(f"statedir = {ca}\nsigningkey = {ca}/signkey.pem\nissuercert = {ca}/issuercert.pem\n"
                                         f"certserial = {ca}/certserial\n")
        (ca / "localca.options").write_text("--platform-manufacturer Test\n--platform-version 1\n--platform-model Test\n")
        (ca / "setup.conf").write_text(f"create_certs_tool = /usr/bin/swtpm_localca\ncreate_certs_tool_config = {ca}/localca.conf\n"
                                       f"create_certs_tool_options = {ca}/localca.options\nactive_pcr_banks = sha256\n")
        p = subprocess.run(["swtpm_setup", "--tpm2", "--tpmstate", state or self.top / "state", "--config", ca / "setup.conf",
                            "--create-ek-cert", "--overwrite"], capture_output=True, text=True, timeout=60)
        assert p.returncode == 0, p.stdout + p.stderr
        self.issuer = (ca / "issuercert.pem").read_text()
        self.root = (ca / "swtpm-localca-rootca-cert.pem").read_text()

    def alone(self, *argv):
        """While no node has it: a tool of tpm2-tools against a simulator of its own."""
        Swtpm.start(self)
        try:
            return self.tool(*argv)
        finally:
            self.kill()

    def tool_certificate(self):
        path = self.top / "ek.der"
        self.alone("tpm2_nvread", "0x1c00002", "-o", str(path))
        return path

    def put_certificate(self, path):
        """In place of its own; the simulator is left running."""
        Swtpm.start(self)
        self.tool("tpm2_nvundefine", "-C", "p", "0x1c00002")
        self.tool("tpm2_nvdefine", "-C", "p", "-s", str(path.stat().st_size), "-a",
                  "ppwrite|ppread|ownerread|authread|no_da|platformcreate", "0x1c00002")
        self.tool("tpm2_nvwrite", "-C", "p", "-i", str(path), "0x1c00002")


class EllipticTpm(Swtpm):
    """A TPM simulator whose one endorsement certificate, by this maker, is of a P-256 key; other_key: of a
    key that it does not have."""

    def __init__(self, maker, other_key=False, uses=("2.23.133.8.1",)):
        super().__init__()
        key = self.top / "ek.pem"
        self.tool("tpm2_createek", "-G", "ecc", "-c", str(self.top / "ek.ctx"), "-u", str(key), "-f", "pem")
        self.tool("tpm2_flushcontext", "-t")
        public = serialization.load_pem_public_key(key.read_bytes())
        if other_key:
            public = ec.generate_private_key(ec.SECP256R1()).public_key()
        path = self.top / "ek.der"
        path.write_bytes(maker.certify(public, "TPM 4711", uses=uses).public_bytes(serialization.Encoding.DER))
        self.tool("tpm2_nvdefine", "-C", "p", "-s", str(path.stat().st_size), "-a",
                  "ppwrite|ppread|ownerread|authread|no_da|platformcreate", "0x1c0000a")
        self.tool("tpm2_nvwrite", "-C", "p", "-i", str(path), "0x1c0000a")
