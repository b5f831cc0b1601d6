"""cryptoki: a program that speaks PKCS#11 by the standard's own layout, through ctypes; nothing of ours in it.

Run as `cryptoki.py LIBRARY`, it does what is asked on standard input, a JSON list of [function, arguments...],
and prints the list of results: an answer, or the number of the CKR that refused."""
import ctypes as c, json, sys

UL, P = c.c_ulong, c.c_void_p
FUNCTIONS = """Initialize Finalize GetInfo GetFunctionList GetSlotList GetSlotInfo GetTokenInfo GetMechanismList
GetMechanismInfo InitToken InitPIN SetPIN OpenSession CloseSession CloseAllSessions GetSessionInfo GetOperationState
SetOperationState Login Logout CreateObject CopyObject DestroyObject GetObjectSize GetAttributeValue SetAttributeValue
FindObjectsInit FindObjects FindObjectsFinal EncryptInit Encrypt EncryptUpdate EncryptFinal DecryptInit Decrypt
DecryptUpdate DecryptFinal DigestInit Digest DigestUpdate DigestKey DigestFinal SignInit Sign SignUpdate SignFinal
SignRecoverInit SignRecover VerifyInit Verify VerifyUpdate VerifyFinal VerifyRecoverInit VerifyRecover
DigestEncryptUpdate DecryptDigestUpdate SignEncryptUpdate DecryptVerifyUpdate GenerateKey GenerateKeyPair WrapKey
UnwrapKey DeriveKey SeedRandom GenerateRandom GetFunctionStatus CancelFunction WaitForSlotEvent""".split()
CLASS, LABEL, KEY_TYPE, VALUE, VALUE_LEN, TOKEN, SENSITIVE, EXTRACTABLE = 0, 3, 0x100, 0x11, 0x161, 1, 0x103, 0x162
AES_GCM, AES_KEY_GEN, ECDH = 0x1087, 0x1080, 0x1050


class Attribute(c.Structure):
    _fields_ = [("type", UL), ("value", P), ("n", UL)]


class Mechanism(c.Structure):
    _fields_ = [("type", UL), ("parameter", P), ("n", UL)]


class Gcm(c.Structure):
    _fields_ = [("iv", P), ("iv_n", UL), ("iv_bits", UL), ("aad", P), ("aad_n", UL), ("tag_bits", UL)]


class Ecdh(c.Structure):
    _fields_ = [("kdf", UL), ("shared_n", UL), ("shared", P), ("public_n", UL), ("public", P)]


class List(c.Structure):
    _fields_ = [("version", c.c_ubyte * 2)] + [(f, P) for f in FUNCTIONS]


class Refused(Exception):
    pass


class Cryptoki:
    def __init__(self, library):
        got = c.POINTER(List)()
        assert c.CDLL(library).C_GetFunctionList(c.byref(got)) == 0
        self.f = {name: c.CFUNCTYPE(UL)(getattr(got.contents, name)) for name in FUNCTIONS}
        self.call("Initialize", None)
        session = UL()
        self.call("OpenSession", UL(0), UL(4), None, None, c.byref(session))
        self.session, self.kept = session, []

    def call(self, name, *arguments):
        rv = self.f[name](*arguments)
        if rv:
            raise Refused(rv)

    def hold(self, b):
        self.kept.append(c.create_string_buffer(bytes(b), len(b)))
        return c.cast(self.kept[-1], P)

    def template(self, **values):
        number = {"cls": CLASS, "label": LABEL, "kind": KEY_TYPE, "length": VALUE_LEN, "token": TOKEN, "value": VALUE,
                  "sensitive": SENSITIVE}
        made = []
        for name, v in values.items():
            raw = v.encode() if isinstance(v, str) else bytes([v]) if isinstance(v, bool) else bytes(UL(v))
            made.append(Attribute(number[name], self.hold(raw), len(raw)))
        return (Attribute * max(len(made), 1))(*made), UL(len(made))

    def gcm(self, aad="", iv="", tag=128):
        p = Gcm(self.hold(bytes.fromhex(iv)) if iv else None, len(iv) // 2, len(iv) * 4, self.hold(aad.encode()), len(aad), tag)
        self.kept.append(p)
        return c.byref(Mechanism(AES_GCM, c.cast(c.byref(p), P), c.sizeof(p)))

    def octets(self, name, *before, most=8192):
        out, n = c.create_string_buffer(most), UL(most)
        self.call(name, self.session, *before, out, c.byref(n))
        return out.raw[:n.value].hex()

    # what is asked by name

    def find(self, label, cls):
        t, n = self.template(label=label, cls=cls)
        self.call("FindObjectsInit", self.session, t, n)
        found, n = (UL * 8)(), UL()
        self.call("FindObjects", self.session, found, UL(8), c.byref(n))
        self.call("FindObjectsFinal", self.session)
        return list(found[:n.value])

    def random(self, n):
        out = c.create_string_buffer(n)
        self.call("GenerateRandom", self.session, out, UL(n))
        return out.raw.hex()

    def encrypt(self, key, data, aad="", iv="", tag=128):
        self.call("EncryptInit", self.session, self.gcm(aad, iv, tag), UL(key))
        raw = bytes.fromhex(data)
        return self.octets("Encrypt", self.hold(raw), UL(len(raw)))

    def decrypt(self, key, data, aad=""):
        self.call("DecryptInit", self.session, self.gcm(aad), UL(key))
        raw = bytes.fromhex(data)
        return self.octets("Decrypt", self.hold(raw), UL(len(raw)))

    def generate(self, **values):
        out = UL()
        self.call("GenerateKey", self.session, c.byref(Mechanism(AES_KEY_GEN, None, 0)), *self.template(**values), c.byref(out))
        return out.value

    def wrap(self, by, key):
        return self.octets("WrapKey", c.byref(Mechanism(AES_GCM, None, 0)), UL(by), UL(key))

    def unwrap(self, by, data, **values):
        out, raw = UL(), bytes.fromhex(data)
        self.call("UnwrapKey", self.session, c.byref(Mechanism(AES_GCM, None, 0)), UL(by), self.hold(raw), UL(len(raw)),
                  *self.template(**values), c.byref(out))
        return out.value

    def derive(self, key, point):
        raw, out = bytes.fromhex(point), UL()
        p = Ecdh(1, 0, None, len(raw), self.hold(raw))
        self.call("DeriveKey", self.session, c.byref(Mechanism(ECDH, c.cast(c.byref(p), P), c.sizeof(p))), UL(key),
                  *self.template(cls=4, kind=0x10), c.byref(out))
        return out.value

    def read(self, key, attribute):
        out = c.create_string_buffer(256)
        a = Attribute(attribute, c.cast(out, P), 256)
        self.call("GetAttributeValue", self.session, UL(key), c.byref(a), UL(1))
        return out.raw[:a.n].hex()


def main():
    program, results = Cryptoki(sys.argv[1]), []
    for name, *arguments in json.load(sys.stdin):
        named = arguments.pop() if arguments and isinstance(arguments[-1], dict) else {}
        # "@3" is the result of step 3, "@3[0]" its first, "@3^9" with its octet 9 flipped
        arguments = [look(results, a) for a in arguments]
        try:
            results.append(getattr(program, name)(*arguments, **named))
        except Refused as e:
            results.append({"refused": e.args[0]})
    json.dump(results, sys.stdout)


def look(results, a):
    if not isinstance(a, str) or not a.startswith("@"):
        return a
    if a.endswith("[0]"):
        return results[int(a[1:-3])][0]
    if "^" in a:
        step, at = map(int, a[1:].split("^"))
        raw = bytearray.fromhex(results[step])
        raw[at] ^= 1
        return raw.hex()
    return results[int(a[1:])]


if __name__ == "__main__":
    main()
