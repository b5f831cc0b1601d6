"""milenage: the example algorithm set of TS 35.206 (f1..f5*), and USIM and HSS as
TS 33.102 has them: authentication vectors, sequence numbers, resynchronisation."""
import os
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

ROTATE = (64, 0, 32, 64, 96)  # r1..r5, bits
CONSTANT = (0, 1, 2, 4, 8)    # c1..c5
AMF_BASE = b"\x80\x00"


def aes(key, block):
    e = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return e.update(block) + e.finalize()


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


class Milenage:
    def __init__(self, k, op=None, opc=None):
        self.k, self.opc = k, opc or xor(aes(k, op), op)

    def _out(self, which, temp):
        """OUTn: the block, rotated, with its constant, under the key."""
        r = ROTATE[which - 1] // 8
        x = xor(temp, self.opc)
        x = x[r:] + x[:r]
        x = xor(x, CONSTANT[which - 1].to_bytes(16, "big"))
        return xor(aes(self.k, x), self.opc)

    def _temp(self, rand):
        return aes(self.k, xor(rand, self.opc))

    def f1(self, rand, sqn, amf):
        """MAC-A, MAC-S"""
        in1 = (sqn + amf) * 2
        r = ROTATE[0] // 8
        x = xor(in1, self.opc)
        x = x[r:] + x[:r]
        out = xor(aes(self.k, xor(x, self._temp(rand))), self.opc)
        return out[:8], out[8:]

    def f2345(self, rand):
        """RES, CK, IK, AK, AK*"""
        t = self._temp(rand)
        two = self._out(2, t)
        return two[8:], self._out(3, t), self._out(4, t), two[:6], self._out(5, t)[:6]


class Hss:
    """Subscribers with their keys and sequence numbers."""

    def __init__(self):
        self.subscribers = {}

    def add(self, impi, k, opc, sqn=0):
        self.subscribers[impi] = [Milenage(k, opc=opc), sqn]

    def vector(self, impi, rand=None, sqn=None, amf=AMF_BASE):
        """RAND, AUTN, XRES, CK, IK; KeyError: nobody of that name."""
        s = self.subscribers[impi]
        s[1] += 32
        rand = rand or os.urandom(16)
        res, ck, ik, ak, _ = s[0].f2345(rand)
        octets = (s[1] if sqn is None else sqn).to_bytes(6, "big")
        return rand, xor(octets, ak) + amf + s[0].f1(rand, octets, amf)[0], res, ck, ik

    def resynchronise(self, impi, rand, auts):
        """The sequence number of the USIM counts from now on; False: AUTS is not its."""
        s = self.subscribers[impi]
        sqn = xor(auts[:6], s[0].f2345(rand)[4])
        if s[0].f1(rand, sqn, bytes(2))[1] != auts[6:]:
            return False
        s[1] = int.from_bytes(sqn, "big")
        return True


class Usim:
    def __init__(self, k, opc, sqn=0):
        self.m, self.sqn = Milenage(k, opc=opc), sqn

    def authenticate(self, rand, autn):
        """("ok", RES, CK, IK), ("sync", AUTS), ("mac",) [TS 33.102 6.3.3]"""
        res, ck, ik, ak, ak_star = self.m.f2345(rand)
        octets = xor(autn[:6], ak)
        if self.m.f1(rand, octets, autn[6:8])[0] != autn[8:]:
            return ("mac",)
        sqn = int.from_bytes(octets, "big")
        if not self.sqn < sqn <= self.sqn + (1 << 28):
            own = self.sqn.to_bytes(6, "big")
            return "sync", xor(own, ak_star) + self.m.f1(rand, own, bytes(2))[1]
        self.sqn = sqn
        return "ok", res, ck, ik
