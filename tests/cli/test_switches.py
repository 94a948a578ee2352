import pytest

from corekit.cli import switches


@pytest.fixture
def places(site, tmp_path, monkeypatch):
    """A project and a user's file that say nothing yet."""
    site.install("a-norm", {"layers": {"Norm": "norms:Norm"}})
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setenv("COREKIT_CONFIG", str(tmp_path / "user.toml"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_nothing_to_do_where_nothing_forbids_it(places):
    assert switches.remedies("a-norm", "a-norm:Norm") == []


def test_each_place_that_forbids_it_has_its_line(places, monkeypatch):
    (places / "pyproject.toml").write_text('[tool.corekit]\ndisable = ["a-norm:Norm"]\n')
    (places / "user.toml").write_text('disable = ["A_Norm"]\nallow = ["b"]\n')
    monkeypatch.setenv("COREKIT_DISABLE", "a-norm")

    assert switches.remedies("a-norm", "a-norm:Norm") == [
        "take a-norm out of COREKIT_DISABLE",
        "corekit enable a-norm:Norm",
        "corekit enable a-norm --user",
        f'add "a-norm" to allow in {places / "user.toml"}',
    ]
