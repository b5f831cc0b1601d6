"""renewal: who has a credential shows that a certification request is its own (doc/protocol/joining.md); and the
MAC by which a claim is shown. Independent of our own client."""
import hashlib, hmac

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def private(pem):
    return serialization.load_pem_private_key(pem, None)


def point(key):
    return key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def message(entity, new):
    """entity: absolute identifier; new: the key that is to be certified."""
    return b"holdfast renewal\0" + entity.encode() + point(new)


def by_key(entity, new, old):
    return old.sign(message(entity, new), ec.ECDSA(hashes.SHA256())).hex()


def by_psk(entity, new, psk):
    master = hmac.digest(hashlib.sha256(message(entity, new)).digest(), psk, "sha256")
    return hmac.digest(master, b"holdfast check value", "sha256")[:4].hex()


def ticket_mac(secret, ident, key):
    """secret: hex, of a claim; key: point."""
    return hmac.digest(hashlib.sha256(bytes.fromhex(secret)).digest(), b"holdfast joining\0" + ident.encode() + b"\0" + key, "sha256").hex()
