import os
from pathlib import Path

import pytest

from corekit.cli.source_folder import as_if_installed
from corekit.errors import ArgumentError

PROJECT = """
[project]
name = "My_Plugin"
version = "2.1"
dependencies = ["corekit~=0.1"]
[project.entry-points."corekit.layers"]
MyLayer = "my_plugin:MyLayer"
"""


def test_metadata_is_what_pyproject_says(tmp_path):
    tmp_path.joinpath("pyproject.toml").write_text(PROJECT)
    tmp_path.joinpath("src").mkdir()

    with as_if_installed(tmp_path) as source:
        site, *sources = source.env["PYTHONPATH"].split(os.pathsep)
        [info] = Path(site).iterdir()

        assert info.name == "my_plugin-2.1.dist-info"
        assert "Requires-Dist: corekit~=0.1\n" in info.joinpath("METADATA").read_text()
        assert info.joinpath("entry_points.txt").read_text() == "[corekit.layers]\nMyLayer = my_plugin:MyLayer\n"

    assert sources[:2] == [str(tmp_path / "src"), str(tmp_path)]
    assert source.distribution == "my-plugin"
    assert not Path(site).exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "has no pyproject.toml, so it is no plugin"),
        ("[project", "cannot be read"),
        ('[project]\nname = "other"', "offers corekit nothing"),
    ],
)
def test_what_is_no_plugin_is_told(tmp_path, text, told):
    if text is not None:
        tmp_path.joinpath("pyproject.toml").write_text(text)

    with pytest.raises(ArgumentError, match=told), as_if_installed(tmp_path):
        pass
