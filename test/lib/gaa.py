"""gaa: the derivations of TS 33.220 annex B and TS 33.535 annex A, written anew from the
texts: the node's own are compared with these."""
import hashlib, hmac


def kdf(key, fc, *parameters):
    s = bytes([fc])
    for p in parameters:
        s += p + len(p).to_bytes(2, "big")
    return hmac.new(key, s, hashlib.sha256).digest()


def service(fqdn, ua):
    return fqdn.encode() + ua


def naf_key(ks, rand, impi, naf_id, uicc=False):
    return kdf(ks, 0x01, b"gba-u" if uicc else b"gba-me", rand, impi.encode(), naf_id)


def anchor_key(kausf, supi):
    return kdf(kausf, 0x80, b"AKMA", supi.encode())


def temporary_id(kausf, supi):
    return kdf(kausf, 0x81, b"A-TID", supi.encode())


def application_key(kakma, af_id):
    return kdf(kakma, 0x82, af_id)


def device_key(key, suid, target):
    label = "oneM2M Enrolment Key to Usage-Constrained Symmetric Key derivation"
    return hmac.new(key, (label + suid + target).encode(), hashlib.sha256).digest()


def derive(words):
    """A line of test/vectors/gaa.txt without its last word, which is what comes out."""
    name, key, *more = words
    key = bytes.fromhex(key)
    if name in ("gba-me", "gba-u"):
        rand, impi, fqdn, ua = more
        return naf_key(key, bytes.fromhex(rand), impi, service(fqdn, bytes.fromhex(ua)), name == "gba-u")
    if name == "akma-af":
        return application_key(key, service(more[0], bytes.fromhex(more[1])))
    return {"akma": anchor_key, "a-tid": temporary_id}[name](key, more[0]) if name != "device" else device_key(key, *more)
