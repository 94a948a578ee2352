import sys

from corekit.registry import discovery, looking
from corekit.registry.discovery import group_names


def names(kind, entries):
    components, mistakes = group_names(kind, entries, "corekit-x", "1.0")
    return {component.name: component.aliases for component in components}, mistakes


def test_scan_reads_without_importing(site):
    site.install("corekit-norms", {"layers": {"Norm": "norms:Norm"}}, norms="class Norm: pass")

    (found,) = discovery.scan().components

    assert (found.kind, found.id, found.version) == ("layers", "corekit-norms:Norm", "1.0")
    assert "norms" not in sys.modules


def test_distribution_names_become_canonical(site):
    site.install("Corekit.Norms", {"layers": {"Norm": "norms:Norm"}})

    assert discovery.scan().components[0].id == "corekit-norms:Norm"


def test_second_copy_of_metadata_is_left_out(site):
    site.install("corekit-norms", {"layers": {"Norm": "norms:Norm"}}, version="2.0", folder="first")
    site.install("corekit-norms", {"layers": {"Norm": "norms:Norm"}}, version="1.0", folder="second")

    assert [component.version for component in discovery.scan().components] == ["2.0"]


def test_of_two_versions_in_one_folder_the_newest_whole_one_counts(site):
    for version in ("1.9", "1.10"):
        site.install("corekit-norms", {"layers": {"Norm": "norms:Norm"}}, version=version)
    broken = site.root / "site" / "corekit_norms-2.0.dist-info"
    broken.mkdir()
    broken.joinpath("entry_points.txt").write_text("[corekit.layers]\nNorm = norms:Norm\n")

    found = discovery.scan()

    assert [component.version for component in found.components] == ["1.10"]
    assert "installed more than once" in found.problems[0].message
    assert "corekit_norms-2.0.dist-info" in found.problems[0].message


def test_first_copy_counts_also_where_it_offers_nothing(site):
    site.install("corekit-norms", {}, version="2.0", folder="first")
    site.install("corekit-norms", {"layers": {"Norm": "norms:Norm"}}, version="1.0", folder="second")

    assert discovery.scan().components == []


def test_names_of_one_target_are_one_component():
    found, mistakes = names("activations", {"silu": "acts:silu", "swish": "acts:silu"})

    assert found == {"silu": ("swish",)}
    assert not mistakes


def test_function_and_class_are_one_component():
    found, mistakes = names(
        "losses",
        {
            "MeanSquaredError": "losses:MeanSquaredError",
            "MSE": "losses:MeanSquaredError",
            "mean_squared_error": "losses:mean_squared_error",
            "mse_function": "losses:mean_squared_error",
        },
    )

    assert found == {"MeanSquaredError": ("MSE", "mean_squared_error", "mse_function")}
    assert not mistakes


def test_function_and_class_keep_their_own_targets():
    entries = {"Absolute": "losses:Absolute", "absolute": "losses:absolute"}

    (component,), _ = group_names("losses", entries, "corekit-x", "1.0")

    assert component.targets == {"Absolute": "losses:Absolute", "absolute": "losses:absolute"}


def test_two_functions_of_like_names_are_an_error():
    found, mistakes = names("activations", {"hardsilu": "acts:hardsilu", "hard_silu": "acts:hard_silu"})

    assert list(found) == ["hard_silu"]
    assert "told apart only by case or underscores" in mistakes[0]


def test_two_classes_of_like_names_are_an_error():
    found, mistakes = names("layers", {"RMSNorm": "norms:RMSNorm", "RmsNorm": "norms:RmsNorm"})

    assert list(found) == ["RMSNorm"]
    assert mistakes == [
        'its layers "RMSNorm" and "RmsNorm" are told apart only by case or underscores; '
        '"RmsNorm" was left out. Its author must rename one.'
    ]


def test_alias_that_meets_another_component_is_an_error():
    entries = {"Mse": "a:Mse", "Mean": "b:Mean", "mean": "b:mean", "MSE": "b:mean"}

    found, mistakes = names("losses", entries)

    assert found == {"Mse": (), "Mean": ()}
    assert '"Mse" and "MSE"' in mistakes[0]


def test_entry_without_an_attribute_is_an_error():
    found, mistakes = names("layers", {"Norm": "norms", "Other": "norms:Other [extra]"})

    assert list(found) == ["Other"]
    assert mistakes == [
        'its entry  Norm = "norms"  in corekit.layers was left out: its author must write it as  Name = "module:Name".'
    ]


def test_unknown_group_is_named_with_the_right_one(site):
    site.install("corekit-norms", {"layer": {"Norm": "norms:Norm"}})

    found = discovery.scan()

    assert not found.components
    assert str(found.problems[0]) == (
        'corekit-norms 1.0: there is no entry-point group "corekit.layer", so what it lists there is left out. '
        'Did its author mean "corekit.layers"?'
    )


def test_damaged_metadata_harms_nobody_else(site):
    site.install("corekit-norms", {"layers": {"Norm": "norms:Norm"}})
    site.install("corekit-damaged", {"layers": {"Odd": "odd:Odd"}})
    site.root.joinpath("site", "corekit_damaged-1.0.dist-info", "METADATA").unlink()

    found = discovery.scan()

    assert [component.id for component in found.components] == ["corekit-norms:Norm"]
    assert "cannot be read (ValueError: no METADATA)" in found.problems[0].message
    assert found.problems[0].distribution == "corekit-damaged"


def test_unreadable_entry_points_harm_nobody_else(site):
    site.install("corekit-norms", {"layers": {"Norm": "norms:Norm"}})
    site.install("corekit-damaged", {"layers": {"Odd": "odd:Odd"}})
    site.root.joinpath("site", "corekit_damaged-1.0.dist-info", "entry_points.txt").write_bytes(
        b"[corekit.x]\n\xff = 1"
    )

    assert [component.id for component in discovery.scan().components] == ["corekit-norms:Norm"]


def test_distributions_without_corekit_groups_are_passed_over(site, monkeypatch):
    site.install("pytest-something", {"layers": {}})
    site.root.joinpath("site", "pytest_something-1.0.dist-info", "entry_points.txt").write_text("[pytest11]\nx = y\n")
    monkeypatch.delattr(looking.Found, "read_metadata")  # reading it would cost time for each of them

    found = discovery.scan()

    assert not found.components
    assert not found.problems


def test_path_order_changes_nothing(site):
    for name in ("corekit-a", "corekit-b", "corekit-c"):
        site.install(name, {"layers": {"Norm": "norms:Norm"}, "hooks": {"h": name[-1]}, "layr": {}}, folder=name)
    first = discovery.scan()

    site.folders.reverse()
    second = discovery.scan()

    assert [c.id for c in first.components] == [c.id for c in second.components]
    assert first.hooks == second.hooks
    assert first.problems == second.problems
