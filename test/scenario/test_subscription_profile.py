"""The service subscription rules which credential may register which App-ID and AE-ID
[TS-0001 10.2.2.2]: 4126 where no rule does, 4128 where there is no subscription."""
import time

import pytest

from node import Node, acr


@pytest.fixture
def provider():
    """A node, and the provider's application that may keep subscriptions."""
    with Node(options="store.engine = memory") as node:
        p = node.enrol("provider", "Sprovider", "application", False, "--app-id", "Nprovider")
        node.cli("access", "grant", "Sprovider", "--operations", "CRUD", "--types", "11,19")
        assert p.register("Nprovider").rsc == 2001
        yield node, p
        p.close()


def subscribe(p, csi="/in-cse", **rule):
    a = p.create("/cse-in", 19, {"m2m:asar": {"rn": "rule", **rule}})
    assert a.rsc == 2001, a
    assert p.create("/cse-in", 11, {"m2m:mssp": {"rn": "sub"}}).rsc == 2001
    a = p.create("/cse-in/sub", 20, {"m2m:svsn": {"rn": "here", "ni": "1.2.3", "csi": csi, "rlk": ["cse-in/rule"]}})
    assert a.rsc == 2001, a


LAMP = {"apci": ["12-lamp@demo.example"], "aai": ["Nlamp.*"], "aae": ["Clamp"]}


def psk(node, name, ident, *more):
    return node.enrol(name, ident, "device", True, "--identity", f"{name}@demo.example", *more)


def test_a_rule_lets_in_what_it_names_and_nothing_else(provider):
    node, p = provider
    subscribe(p, **LAMP)
    lamp, fake = psk(node, "lamp", "Clamp"), psk(node, "fake", "Cfake")
    try:
        assert lamp.register("Nother").rsc == 4126        # another App-ID
        assert fake.register("Nlamp.x").rsc == 4126       # another credential
        assert lamp.register("Nlamp.x").rsc == 2001
        assert lamp.register("Nlamp.x").rsc == 4117
    finally:
        lamp.close(), fake.close()


@pytest.mark.parametrize("rule", [{**LAMP, "aae": ["Cother"]}, {**LAMP, "apci": []}, {k: LAMP[k] for k in ("aai", "aae")}])
def test_each_of_the_three_must_match(provider, rule):
    node, p = provider
    subscribe(p, **rule)
    lamp = psk(node, "lamp", "Clamp")
    try:
        assert lamp.register("Nlamp.x").rsc == 4126
    finally:
        lamp.close()


def test_a_subscription_of_another_cse_is_none_here(provider):
    node, p = provider
    subscribe(p, csi="/other", **LAMP)
    lamp = psk(node, "lamp", "Clamp")
    try:
        assert lamp.register("Nlamp.x").rsc == 4126
        a = p.update("/cse-in/rule", {"m2m:asar": {"aae": ["*"]}})
        assert a.rsc == 2004 and lamp.register("Nlamp.x").rsc == 4126
    finally:
        lamp.close()


def test_a_credential_that_names_its_app_id_needs_no_rule(provider):
    node, p = provider
    subscribe(p, **LAMP)
    bound = psk(node, "bound", "Cbound", "--app-id", "Nbound")
    try:
        assert bound.register("Nother").rsc == 4126
        assert bound.register("Nbound").rsc == 2001
    finally:
        bound.close()


def test_without_a_subscription():
    with Node(options="store.engine = memory\nsubscription.required = yes") as node:
        lamp = psk(node, "lamp", "Clamp")
        a = lamp.register("Nlamp")
        assert a.rsc == 4128 and a.http == 403
        lamp.close()


def test_an_ae_of_the_provider_below_a_gateway(provider):
    """An S-type AE-ID from a CSE below is believed where the subscription names it there, and nowhere else."""
    node, p = provider
    gateways = {k: node.enrol(k, "/" + k, "cse") for k in ("mn-1", "mn-2")}
    policy = {"m2m:acp": {"rn": "open", "pv": {"acr": [{"acor": ["/Smeter", "/Sany", "/Sprovider", "Sprovider"], "acop": 63}]},
                          "pvs": {"acr": [{"acor": ["Sprovider"], "acop": 63}]}}}
    assert p.create("/cse-in/ae-Sprovider", 1, policy).rsc == 2001
    assert p.create("/cse-in/ae-Sprovider", 3, {"m2m:cnt": {"rn": "box", "acpi": ["cse-in/ae-Sprovider/open"]}}).rsc == 2001

    def asks(gateway, origin):
        return gateways[gateway].retrieve("/cse-in/ae-Sprovider/box", origin=origin).rsc

    assert asks("mn-1", "/Smeter") == 4106                  # no subscription
    assert p.create("/cse-in", 19, {"m2m:asar": {"rn": "rule", "apci": ["*"], "aai": ["*"], "aae": ["Smeter", "Sprovider", "S*"]}}).rsc == 2001
    assert p.create("/cse-in", 11, {"m2m:mssp": {"rn": "sub"}}).rsc == 2001
    assert p.create("/cse-in/sub", 20, {"m2m:svsn": {"rn": "gw", "ni": "1.2.3", "csi": "/mn-1", "rlk": ["cse-in/rule"]}}).rsc == 2001
    assert asks("mn-1", "/Smeter") == 2000 and asks("mn-1", "//demo.example/Smeter") == 2000
    assert asks("mn-2", "/Smeter") == 4106                  # of another gateway
    assert asks("mn-1", "/Sany") == 4106                    # a wildcard names nobody
    assert asks("mn-1", "/Sprovider") == 4106               # registered here, whatever the rule says
    assert asks("mn-1", "Smeter") == 4106                   # the stem alone is for the AE itself
    assert asks("mn-1", "//demo.example2/Smeter") == 4106
    enrolled = node.enrol("meter", "Smeter")                # it has a credential of its own here now
    assert asks("mn-1", "/Smeter") == 4106
    enrolled.close()
    for g in gateways.values():
        g.close()


# --- roles ------------------------------------------------------------------------------------

ROLE, CLAIM = "operator@demo.example", "?rids=operator@demo.example"
AUTHORITY = "//demo.example/Sprovider"


def stamp(seconds):
    return time.strftime("%Y%m%dT%H%M%S", time.gmtime(time.time() + seconds))


def role(holder, issuer=AUTHORITY, until=3600, rlid=ROLE, since=-60):
    return {"m2m:rol": {"rlid": rlid, "tkis": issuer, "tkhd": holder, "tknb": stamp(since), "tkna": stamp(until)}}


def guarded(p):
    """A container that only the role opens."""
    a = p.create("/cse-in/ae-Sprovider", 1, {"m2m:acp": {"rn": "by-role", "pv": {"acr": [{"acor": [ROLE], "acop": 2}, acr(["Sprovider"], 63)]},
                                                        "pvs": {"acr": [acr(["Sprovider"], 63)]}}})
    assert a.rsc == 2001, a
    assert p.create("/cse-in/ae-Sprovider", 3, {"m2m:cnt": {"rn": "vault", "acpi": ["cse-in/ae-Sprovider/by-role"]}}).rsc == 2001
    return "/cse-in/ae-Sprovider/vault"


def test_who_registers_claims_no_role_that_its_rule_does_not_list(provider):
    """4126, and nothing is registered; without the claim, or with one that the rule lists, it is."""
    node, p = provider
    subscribe(p, **LAMP, ari=[ROLE])
    lamp = psk(node, "lamp", "Clamp")
    ae = {"m2m:ae": {"rn": "ae-Clamp", "api": "Nlamp.x", "rr": False, "srv": ["3"]}}
    try:
        for claim in ("?rids=guest@demo.example", CLAIM + "+guest@demo.example"):
            assert lamp.create("/cse-in" + claim, 2, ae).rsc == 4126, claim
        assert p.retrieve("/cse-in/ae-Clamp").rsc == 4004
        assert lamp.create("/cse-in" + CLAIM, 2, ae).rsc == 2001
        assert lamp.delete("/cse-in/ae-Clamp").rsc == 2002
        # A rule that lists none, and a claim: no; without one: yes.
        assert p.update("/cse-in/rule", {"m2m:asar": {"ari": None}}).rsc == 2004
        assert lamp.create("/cse-in" + CLAIM, 2, ae).rsc == 4126
        assert lamp.create("/cse-in", 2, ae).rsc == 2001
        # In an ordinary request a claim that does not hold gives nothing, and refuses nothing.
        assert lamp.retrieve("/cse-in/ae-Clamp" + CLAIM).rsc == 2000
    finally:
        lamp.close()


@pytest.fixture(scope="module")
def authority():
    with Node(options=f"store.engine = memory\nrole.issuers = {AUTHORITY}") as node:
        p = node.enrol("provider", "Sprovider", "application", False, "--app-id", "Nprovider")
        node.cli("access", "grant", "Sprovider", "--operations", "CRUD", "--types", "11,19,31")
        assert p.register("Nprovider").rsc == 2001
        lamp, fan = (node.enrol(n, f"C{n}", "device", True, "--identity", f"{n}@demo.example") for n in ("lamp", "fan"))
        assert lamp.register("Nlamp.x").rsc == 2001 and fan.register("Nfan.x").rsc == 2001
        yield node, p, lamp, fan, guarded(p)
        for e in (p, lamp, fan):
            e.close()


def test_a_role_is_held_and_claimed_and_bounded_by_the_subscription(authority):
    node, p, lamp, fan, vault = authority
    full = "//demo.example/in-cse/Clamp"
    assert lamp.retrieve(vault + CLAIM).rsc == 4103              # claimed, not held
    # not of that authority, not of that holder, not now, another role
    assert lamp.create("/cse-in/ae-Clamp", 31, role(full)).rsc == 4103
    assert lamp.create("/cse-in/ae-Clamp", 31, role(full, full)).rsc == 2001
    for other in (role("//demo.example/in-cse/Cfan"), role(full, until=-1), role(full, since=60), role(full, rlid="guest@demo.example")):
        assert p.create("/cse-in", 31, other).rsc == 2001
        assert lamp.retrieve(vault + CLAIM).rsc == 4103, other
    assert fan.retrieve(vault + CLAIM).rsc == 2000
    a = p.create("/cse-in", 31, role(full))
    assert a.rsc == 2001, a
    assert lamp.retrieve(vault).rsc == 4103                      # held, not claimed
    assert lamp.retrieve(vault + "?rids=guest@demo.example").rsc == 4103
    assert lamp.retrieve(vault + CLAIM).rsc == 2000
    assert lamp.retrieve(vault + "?rids=guest@demo.example+" + ROLE).rsc == 2000
    assert lamp.delete(vault + CLAIM).rsc == 4103                # what the role may, no more
    # behind many that somebody else made for the same holder, and that do not count
    for _ in range(70):
        assert lamp.create("/cse-in/ae-Clamp", 31, role("//demo.example/in-cse/Cbulb", full)).rsc == 2001
    bulb = psk(node, "bulb", "Cbulb")
    assert bulb.register("Nbulb.x").rsc == 2001 and bulb.retrieve(vault + CLAIM).rsc == 4103
    assert p.create("/cse-in", 31, role("//demo.example/in-cse/Cbulb")).rsc == 2001
    assert bulb.retrieve(vault + CLAIM).rsc == 2000
    bulb.close()
    # the service subscription bounds who may claim what
    subscribe(p, **LAMP)
    assert lamp.retrieve(vault + CLAIM).rsc == 4103 and fan.retrieve(vault + CLAIM).rsc == 4103
    for ari, want in (([ROLE], 2000), (["guest@demo.example"], 4103), (["guest@demo.example", ROLE], 2000), ([], 4103)):
        assert p.update("/cse-in/rule", {"m2m:asar": {"ari": ari}}).rsc == 2004
        assert lamp.retrieve(vault + CLAIM).rsc == want, ari
        assert fan.retrieve(vault + CLAIM).rsc == 4103           # no rule is his
    assert p.update("/cse-in/rule", {"m2m:asar": {"ari": [ROLE], "apci": ["12-other@demo.example"]}}).rsc == 2004
    assert lamp.retrieve(vault + CLAIM).rsc == 4103
    assert p.update("/cse-in/rule", {"m2m:asar": {"apci": LAMP["apci"]}}).rsc == 2004
    assert lamp.retrieve(vault + CLAIM).rsc == 2000
    # withdrawn: it is gone at once
    assert p.delete("/cse-in/" + a.json["m2m:rol"]["rn"]).rsc == 2002
    assert lamp.retrieve(vault + CLAIM).rsc == 4103


def test_nobody_has_a_role_where_no_authority_is_named(provider):
    node, p = provider
    node.cli("access", "grant", "Sprovider", "--operations", "CRUD", "--types", "31")
    vault = guarded(p)
    lamp = psk(node, "lamp", "Clamp")
    try:
        assert lamp.register("Nlamp.x").rsc == 2001
        assert p.create("/cse-in", 31, role("//demo.example/in-cse/Clamp")).rsc == 2001
        assert lamp.retrieve(vault + CLAIM).rsc == 4103
    finally:
        lamp.close()
