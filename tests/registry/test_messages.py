from corekit.registry import messages

OWNERS = {"layers": {"Dense": "corekit-layers-basic"}}


def test_failures_are_cut_short(site):
    for number in range(5):
        site.install(f"corekit-odd-{number}", {"layr": {"X": "x:X"}})

    message = messages.unknown(site.registry(), "layers", "Norm")

    assert message.count("Not available") == 3
    assert "and 2 more: see `corekit list`" in message


def test_name_unknown_in_every_kind_suggests(site):
    site.install("corekit-x", {"optimizers": {"Lion": "x:Lion"}})

    message = messages.unknown_anywhere(site.registry(), "loin")

    assert message.startswith('nothing installed is called "loin".  Did you mean "Lion"?')


def test_owned_name_of_any_kind_says_what_to_install(site):
    assert "pip install corekit-layers-basic" in messages.unknown_anywhere(site.registry(OWNERS), "dense")


def test_unknown_id_of_any_kind_suggests(site):
    site.install("corekit-x", {"optimizers": {"Lion": "x:Lion"}})
    registry = site.registry()

    assert 'Did you mean "corekit-x:Lion"?' in messages.unknown_anywhere(registry, "corekit-x:loin")
    assert "No plugin called corekit-y" in messages.unknown_anywhere(registry, "corekit-y:Lion")


def test_inventory_groups_by_distribution(site):
    site.install("corekit-a", {"layers": {"A": "a:A", "B": "a:B"}})
    site.install("corekit-b", {"layers": {"C": "b:C"}})

    assert messages.inventory(site.registry(), "layers") == "Known layers: A, B (corekit-a 1.0); C (corekit-b 1.0)."
