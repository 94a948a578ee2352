import sys

import pytest
import torch

from corekit.testing.case import subject_of
from corekit.testing.importable import Place, imported, place_of
from corekit.testing.kit import Skip


class Known(torch.nn.Module):
    def forward(self, x):
        return x


def test_class_of_a_module_is_found_again():
    place = place_of(subject_of(Known, "layers"))

    assert place.name == "Known"
    assert imported(place) is Known


def test_module_off_the_path_is_read_from_its_file(tmp_path):
    (tmp_path / "elsewhere.py").write_text("class Here:\n    pass\n")

    found = imported(Place("no_package_of_this_name.elsewhere", str(tmp_path / "elsewhere.py"), "Here"))

    assert found.__name__ == "Here"
    del sys.modules["no_package_of_this_name.elsewhere"]


def test_import_that_fails_inside_is_told(tmp_path, monkeypatch):
    (tmp_path / "needs_more.py").write_text("import not_installed_at_all\n")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(ModuleNotFoundError, match="not_installed_at_all"):
        imported(Place("needs_more", str(tmp_path / "needs_more.py"), "Here"))


def test_class_inside_a_function_is_skipped_with_the_reason():
    class Inside(torch.nn.Module):
        def forward(self, x):
            return x

    with pytest.raises(Skip, match="Inside is no top-level name"):
        place_of(subject_of(Inside, "layers"))
