"""naf: a bare application function: fetches the key of a B-TID over Zn and keeps it as it
came, in memory and in a file. The control of attacks on keys of the underlying network.

    naf.py BSF-PORT FQDN FOLDER      then a B-TID a line; "kept" or "none" is said"""
import sys

import mno

keys = {}
for line in sys.stdin:
    status, answer = mno.post(int(sys.argv[1]), "/nbsp-gba/v1/bootstrapping-info-retrieval",
                              {"btId": line.strip(), "nafId": {"nafFqdn": sys.argv[2], "uaSecProtId": "0100000007"}})
    if status == 200:
        keys[line.strip()] = bytes.fromhex(answer["meKeyMaterial"])
        open(sys.argv[3] + "/keys", "w").write(repr(answer))
    print("kept" if status == 200 else "none", flush=True)
