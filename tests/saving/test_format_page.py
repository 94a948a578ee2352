"""docs/format.md is enough to write a reader; its figures are those of the code."""

import re
from pathlib import Path

from corekit.model.ids import MOST_LAYERS
from corekit.saving import format as files
from corekit.saving.dividing import GB
from corekit.saving.shards import MOST_SHARDS, NAME

PAGE = (Path(__file__).parents[2] / "docs" / "format.md").read_text()


def test_limits_are_those_of_the_code():
    said = [
        f"at most {files.LARGEST_HEADER // 2**20} MiB", f"at most {files.MOST_TENSORS:,} tensors",
        f"at most {files.DEEPEST} brackets", f"at most {files.LONGEST_NAME:,} printable",
        f"1 to {MOST_SHARDS:,} texts of 64", f"more than {files.MOST_TENSORS:,} tensors in all",
        f"of 2^{GB.bit_length() - 1} bytes", f"at most 2^{files.LONGEST.bit_length() - 1} characters",
        f"at most {MOST_LAYERS:,} layers",
    ]  # fmt: skip

    text = " ".join(PAGE.split())
    assert [one for one in said if one not in text] == []


def test_dtypes_and_sizes_are_those_of_the_code():
    names, sizes = re.findall(r"^\| (?:dtype|bytes) \|(.*)\|$", PAGE, re.MULTILINE)[-2:]
    table = {
        name.strip(): int(size.split(",")[0]) for name, size in zip(names.split("|"), sizes.split("|"), strict=True)
    }

    assert table == files.DTYPE_SIZES


def test_every_code_of_a_refusal_is_listed():
    source = Path(files.__file__).parent
    ours = ["format.py", "shards.py", "filling.py", "read.py", "compiled.py", "../model/construction.py"]
    raised = {code for name in ours for code in re.findall(r'code="([a-z-]+)"', (source / name).read_text())}

    listed = set(
        re.search(r"is a `LoadError` with a `code`: (.*?)\.", PAGE, re.DOTALL)[1].replace("\n", " ").split(", ")
    )
    assert raised - {"not-keras"} == listed


def test_names_of_shards_are_those_of_the_code():
    shown = re.findall(r"^    (m-.*)$", PAGE, re.MULTILINE)

    assert len(shown) == 3
    assert all(NAME.fullmatch(name)["stem"] == "m" for name in shown)
