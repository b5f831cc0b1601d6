#!/usr/bin/python3
"""thief: a program that takes what a PKCS#11 library gives. `thief.py LIBRARY [PIN]` prints JSON:
values of private keys it could read, keys it could wrap or copy, handles it could sign with."""
import ctypes as C, json, sys

NAMES = """Initialize Finalize GetInfo GetFunctionList GetSlotList GetSlotInfo GetTokenInfo GetMechanismList GetMechanismInfo
 InitToken InitPIN SetPIN OpenSession CloseSession CloseAllSessions GetSessionInfo GetOperationState SetOperationState Login
 Logout CreateObject CopyObject DestroyObject GetObjectSize GetAttributeValue SetAttributeValue FindObjectsInit FindObjects
 FindObjectsFinal EncryptInit Encrypt EncryptUpdate EncryptFinal DecryptInit Decrypt DecryptUpdate DecryptFinal DigestInit
 Digest DigestUpdate DigestKey DigestFinal SignInit Sign SignUpdate SignFinal SignRecoverInit SignRecover VerifyInit Verify
 VerifyUpdate VerifyFinal VerifyRecoverInit VerifyRecover DigestEncryptUpdate DecryptDigestUpdate SignEncryptUpdate
 DecryptVerifyUpdate GenerateKey GenerateKeyPair WrapKey UnwrapKey DeriveKey SeedRandom GenerateRandom GetFunctionStatus
 CancelFunction WaitForSlotEvent""".split()
U = C.c_ulong
CKA_CLASS, CKA_TOKEN, CKA_SENSITIVE, CKA_EXTRACTABLE, CKA_VALUE, CKA_VALUE_LEN, CKA_WRAP, CKA_ENCRYPT = 0, 1, 0x103, 0x162, 0x11, 0x161, 0x106, 0x104
PRIVATE, SECRET = 3, 4
CKM_ECDSA, CKM_ECDSA_SHA256, CKM_EDDSA, CKM_AES_KEY_GEN, CKM_AES_KEY_WRAP_PAD = 0x1041, 0x1044, 0x1057, 0x1080, 0x210A


class Attribute(C.Structure):
    _fields_ = [("type", U), ("value", C.c_void_p), ("n", U)]


class Mechanism(C.Structure):
    _fields_ = [("type", U), ("parameter", C.c_void_p), ("n", U)]


class Library:
    def __init__(self, path):
        lib = C.CDLL(path)
        table = C.c_void_p()
        assert lib.C_GetFunctionList(C.byref(table)) == 0
        # the version takes a word
        self.at = (C.c_void_p * (len(NAMES) + 1)).from_address(table.value)

    def __getattr__(self, name):
        f = C.CFUNCTYPE(U)(self.at[NAMES.index(name) + 1])
        return lambda *a: C.CFUNCTYPE(U, *map(type_of, a))(self.at[NAMES.index(name) + 1])(*map(as_argument, a))


def type_of(a):
    return U if isinstance(a, int) else C.c_void_p


def as_argument(a):
    return a if isinstance(a, int) or a is None else C.cast(a, C.c_void_p) if not isinstance(a, C.c_void_p) else a


def pointer(x):
    return C.cast(C.pointer(x), C.c_void_p)


def attributes(*rows):
    keep = []
    a = (Attribute * len(rows))()
    for i, (kind, value) in enumerate(rows):
        v = U(value) if not isinstance(value, bool) else C.c_ubyte(value)
        keep.append(v)
        a[i] = Attribute(kind, C.cast(C.pointer(v), C.c_void_p), C.sizeof(v))
    a.keep = keep
    return a


def find(lib, s, kind):
    t = attributes((CKA_CLASS, kind))
    if lib.FindObjectsInit(s, pointer(t), 1):
        return []
    out, n = (U * 256)(), U()
    assert lib.FindObjects(s, pointer(out), 256, pointer(n)) == 0
    lib.FindObjectsFinal(s)
    return list(out[:n.value])


def read(lib, s, handle, kind=CKA_VALUE):
    room = C.create_string_buffer(4096)
    a = (Attribute * 1)(Attribute(kind, C.cast(room, C.c_void_p), 4096))
    return bytes(room[:a[0].n]) if lib.GetAttributeValue(s, handle, pointer(a), 1) == 0 else None


def wrap(lib, s, handle):
    """By a key of our own; by another private key; by nothing."""
    aes = U()
    t = attributes((CKA_WRAP, True), (CKA_ENCRYPT, True), (CKA_VALUE_LEN, 32), (CKA_TOKEN, False))
    lib.GenerateKey(s, pointer(Mechanism(CKM_AES_KEY_GEN, None, 0)), pointer(t), 4, pointer(aes))
    for by in (aes.value, handle, 0):
        room, n = C.create_string_buffer(4096), U(4096)
        if lib.WrapKey(s, pointer(Mechanism(CKM_AES_KEY_WRAP_PAD, None, 0)), by, handle, C.cast(room, C.c_void_p), pointer(n)) == 0:
            return True
    return False


def copy(lib, s, handle):
    new = U()
    t = attributes((CKA_SENSITIVE, False), (CKA_EXTRACTABLE, True), (CKA_TOKEN, False))
    return lib.CopyObject(s, handle, pointer(t), 3, pointer(new)) == 0 and read(lib, s, new.value) is not None


def unlock(lib, s, handle):
    t = attributes((CKA_SENSITIVE, False), (CKA_EXTRACTABLE, True))
    return lib.SetAttributeValue(s, handle, pointer(t), 2) == 0 and read(lib, s, handle) is not None


def sign(lib, s, handle):
    for kind in (CKM_ECDSA, CKM_ECDSA_SHA256, CKM_EDDSA):
        if lib.SignInit(s, pointer(Mechanism(kind, None, 0)), handle) == 0:
            room, n = C.create_string_buffer(4096), U(4096)
            data = C.create_string_buffer(bytes(32), 32)
            if lib.Sign(s, C.cast(data, C.c_void_p), 32, C.cast(room, C.c_void_p), pointer(n)) == 0:
                return True
    return False


def main(path, pin=None):
    lib = Library(path)
    assert lib.Initialize(None) == 0
    slots, n = (U * 8)(), U(8)
    assert lib.GetSlotList(1, pointer(slots), pointer(n)) == 0
    s = U()
    got = {"keys": 0, "values": 0, "wrapped": 0, "copied": 0, "unlocked": 0, "signed": [], "before_find": []}
    if n.value:
        assert lib.OpenSession(slots[0], 6, None, None, pointer(s)) == 0
        if pin:
            lib.Login(s.value, 1, C.cast(C.create_string_buffer(pin.encode()), C.c_void_p), len(pin))
        got["before_find"] = [h for h in range(1, 64) if sign(lib, s.value, h)]
        keys = find(lib, s.value, PRIVATE)
        got["keys"] = len(keys)
        for h in keys:
            got["values"] += read(lib, s.value, h) is not None
            got["wrapped"] += wrap(lib, s.value, h)
            got["copied"] += copy(lib, s.value, h)
            got["unlocked"] += unlock(lib, s.value, h)
        got["signed"] = [h for h in range(1, 256) if sign(lib, s.value, h)]
    print(json.dumps(got))


if __name__ == "__main__":
    main(*sys.argv[1:])
