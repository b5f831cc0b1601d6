"""Lab mode as an old client or a test tool meets it: python-requests and curl, nothing of ours
at the other end. Registration, container, instances, policies, groups, discovery, deletion."""
import os, pathlib, shutil, subprocess, tempfile

import pytest
requests = pytest.importorskip("requests")

from labnode import Lab
from node import BUILD


AE = {"m2m:ae": {"rn": "tool", "api": "Ntool", "rr": False, "srv": ["3"]}}


@pytest.fixture(scope="module")
def lab():
    n = Lab("--cse-id", "/id-in", "--cse-name", "cse-x", "--sp-id", "//lab.test", "--admin", "Cboss",
            "--remote-cses", "/id-mn,/id-asn", "--cse-type", "IN")
    yield n
    assert n.stop() == 0


def test_help_explains():
    out = subprocess.run([BUILD / "holdfastd", "--lab", "--help"], capture_output=True, text=True)
    assert out.returncode == 0
    for word in ("--cse-id", "--cse-name", "--sp-id", "--admin", "--lab-port", "--remote-cses", "--cse-type",
                 "--register-to", "--registrar-id", "--store", "-d DIRECTORY", "nothing is protected"):
        assert word in out.stdout, word


def test_the_base_is_what_the_command_line_says(lab):
    rsc, base = lab.get("/cse-x", "Cboss")
    assert rsc == 2000
    base = base["m2m:cb"]
    assert (base["csi"], base["rn"], base["cst"]) == ("/id-in", "cse-x", 1)
    for path in ("/~/id-in/cse-x", "/~/id-in", "/_/lab.test/id-in/cse-x", "/-", "/id-in"):
        assert lab.get(path, "Cboss")[0] == 2000, path


def test_a_whole_life(lab):
    rsc, ae = lab.create("/cse-x", "Ctool", 2, AE)
    assert rsc == 2001 and ae["m2m:ae"]["aei"] == "Ctool"
    assert lab.create("/cse-x", "Ctool", 2, {"m2m:ae": {**AE["m2m:ae"], "rn": "again"}})[0] == 4117
    # who is registered sees the CSEBase
    assert lab.get("/cse-x", "Ctool")[0] == 2000
    assert lab.get("/cse-x", "Cstranger")[0] == 4103
    # container and instances
    assert lab.create("/cse-x/tool", "Ctool", 3, {"m2m:cnt": {"rn": "data", "mni": 3}})[0] == 2001
    for i in range(5):
        assert lab.create("/cse-x/tool/data", "Ctool", 4, {"m2m:cin": {"con": str(i)}})[0] == 2001
    assert lab.get("/cse-x/tool/data/la", "Ctool")[1]["m2m:cin"]["con"] == "4"
    assert lab.get("/cse-x/tool/data/ol", "Ctool")[1]["m2m:cin"]["con"] == "2"
    assert lab.get("/cse-x/tool/data", "Ctool")[1]["m2m:cnt"]["cni"] == 3
    # the creator's alone, until a policy says otherwise
    assert lab.create("/cse-x", "Cpeer", 2, {"m2m:ae": {**AE["m2m:ae"], "rn": "peer"}})[0] == 2001
    assert lab.get("/cse-x/tool/data", "Cpeer")[0] == 4103
    acp = {"m2m:acp": {"rn": "share", "pv": {"acr": [{"acor": ["Cpeer", "Ctool"], "acop": 63}]},
                       "pvs": {"acr": [{"acor": ["Ctool"], "acop": 63}]}}}
    rsc, made = lab.create("/cse-x", "Ctool", 1, acp)
    assert rsc == 2001
    assert lab.get("/cse-x/share", "Cpeer")[0] == 4103
    assert lab.ask("PUT", "/cse-x/tool/data", "Ctool", {"m2m:cnt": {"acpi": [made["m2m:acp"]["ri"]]}})[0] == 2004
    assert lab.get("/cse-x/tool/data", "Cpeer")[0] == 2000
    # a group and its fan-out
    assert lab.create("/cse-x/tool", "Ctool", 3, {"m2m:cnt": {"rn": "more"}})[0] == 2001
    grp = {"m2m:grp": {"rn": "g", "mnm": 5, "mt": 3, "mid": ["cse-x/tool/data", "cse-x/tool/more"]}}
    assert lab.create("/cse-x/tool", "Ctool", 9, grp)[0] == 2001
    rsc, agr = lab.get("/cse-x/tool/g/fopt", "Ctool")
    assert rsc == 2000 and [r["rsc"] for r in agr["m2m:agr"]["m2m:rsp"]] == [2000, 2000]
    # discovery: what the policies let be found
    rsc, found = lab.get("/cse-x", "Ctool", fu=1, ty=3)
    assert rsc == 2000 and set(found["m2m:uril"]) == {"cse-x/tool/data", "cse-x/tool/more"}
    rsc, found = lab.get("/cse-x", "Cpeer", fu=1, ty=3)
    assert rsc == 2000 and found["m2m:uril"] == ["cse-x/tool/data"]
    # deletion
    assert lab.ask("DELETE", "/cse-x/tool", "Cpeer")[0] == 4103
    assert lab.ask("DELETE", "/cse-x/tool", "Ctool")[0] == 2002
    assert lab.get("/cse-x/tool/data", "Ctool")[0] == 4004
    assert lab.ask("DELETE", "/cse-x/share", "Cboss")[0] == 2002
    assert lab.ask("DELETE", "/cse-x/peer", "Cpeer")[0] == 2002


def test_a_policy_before_the_registration(lab):
    acp = {"m2m:acp": {"rn": "early", "pv": {"acr": [{"acor": ["all"], "acop": 2}]},
                       "pvs": {"acr": [{"acor": ["Cearly"], "acop": 63}]}}}
    assert lab.create("/cse-x", "Cearly", 1, acp)[0] == 2001
    assert lab.get("/cse-x/early", "Cearly")[0] == 2000
    assert lab.get("/cse-x/early", "Cother")[0] == 4103
    # but nothing else there
    assert lab.create("/cse-x", "Cearly", 3, {"m2m:cnt": {"rn": "no"}})[0] == 4103
    assert lab.ask("DELETE", "/cse-x/early", "Cearly")[0] == 2002


def test_release_one_needs_no_version(lab):
    r = requests.get(lab.url + "/cse-x", headers={"X-M2M-Origin": "Cboss", "X-M2M-RI": "1", "Accept": "application/json"})
    assert r.headers["X-M2M-RSC"] == "2000" and "X-M2M-RVI" not in r.headers


def test_a_cse_that_is_not_named_is_nobody(lab):
    assert lab.get("/cse-x", "/id-other")[0] == 4107
    assert lab.get("/cse-x", "/id-other/Cae")[0] == 4106
    assert lab.get("/cse-x", "/id-mn")[0] == 2000


def test_curl(lab):
    p = subprocess.run(["curl", "-s", "-i", "-H", "X-M2M-Origin: Cboss", "-H", "X-M2M-RI: c1", "-H", "X-M2M-RVI: 3",
                        "-H", "Accept: application/json", lab.url + "/cse-x"], capture_output=True, text=True, timeout=20)
    assert "X-M2M-RSC: 2000" in p.stdout and '"csi":"/id-in"' in p.stdout, p.stdout


@pytest.mark.parametrize("words", [("--cse-id", "no-slash"), ("--cse-type", "XX"), ("--listen", "0.0.0.0:8080"),
                                   ("--lab-port", "99999"), ("--store", "paper"), ("--unknown", "x")])
def test_wrong_words_refuse_the_start(words):
    p = subprocess.run([BUILD / "holdfastd", "--lab", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
    assert p.returncode in (1, 2), p


def test_a_word_of_the_lab_needs_the_lab():
    p = subprocess.run([BUILD / "holdfastd", "-d", "/nonexistent", "--admin", "CAdmin"], capture_output=True, text=True, timeout=20)
    assert p.returncode == 2


def test_its_own_directory_keeps_what_was_made():
    top = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-"))
    os.chmod(top, 0o755)
    try:
        (top / "d").mkdir()  # empty is as good as not there
        n = Lab("--cse-id", "/id-kept", directory=top / "d")
        assert n.create("/cse-in", "Ctool", 2, AE)[0] == 2001
        assert n.stop() == 0
        n = Lab(directory=top / "d")
        assert n.get("/cse-in/tool", "Ctool")[0] == 2000
        assert n.get("/cse-in", "CAdmin")[1]["m2m:cb"]["csi"] == "/id-kept"
        assert n.stop() == 0
        p = subprocess.run([BUILD / "holdfastd", "--lab", "--cse-id", "/id-new", "-d", top / "d"], stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20)
        assert p.returncode == 1 and "another CSE" in p.stdout, p.stdout
    finally:
        shutil.rmtree(top, ignore_errors=True)


def test_our_own_client_streams(lab, tmp_path):
    """A line is an address, a blank, a value; the last may lack its end; what is none is said to be none."""
    profile = tmp_path / "profile"
    profile.mkdir()
    (profile / "profile.conf").write_text(f"address = {lab.place}\nname = x\noriginator = Cstream\ncredential = none\n")
    assert lab.create("/cse-x", "Cstream", 2, {"m2m:ae": {**AE["m2m:ae"], "rn": "stream"}})[0] == 2001
    assert lab.create("/cse-x/stream", "Cstream", 3, {"m2m:cnt": {"rn": "data"}})[0] == 2001

    def command(*words, text=""):
        p = subprocess.run([BUILD / "holdfast", "request", *words, "--as", profile], input=text, capture_output=True, text=True)
        return p.returncode, p.stdout, p.stderr

    assert command("stream", text="cse-x/stream/data 1\ncse-x/stream/data 2 3") == (0, "2 sent, 2 created, 0 refused\n", "")
    assert lab.get("/cse-x/stream/data/la", "Cstream")[1]["m2m:cin"]["con"] == "2 3"
    status, out, err = command("stream", text="cse-x/stream/data\n")
    assert (status, out) == (1, "1 sent, 0 created, 1 refused\n") and "an address, a blank and a value" in err
    status, out, err = command("retrieve", "--to", "")
    assert (status, out) == (2, "") and "--to is an address" in err
