"""The service subscription rules which credential may register which App-ID and AE-ID
[TS-0001 10.2.2.2]: 4126 where no rule does, 4128 where there is no subscription."""
import pytest

from node import Node


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
