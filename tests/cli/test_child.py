import sys
import time

import pytest

from corekit.cli import child


def test_words_and_shell_end_with_their_code():
    assert child.run([sys.executable, "-c", "raise SystemExit(3)"]) == (3, "")
    assert child.run("exit 4") == (4, "")


def test_input_is_read_and_output_kept():
    code = "print(input() + '!')"

    assert child.run([sys.executable, "-c", code], input="hello", keep_output=True) == (0, "hello!\n")


def test_a_child_that_reads_nothing_is_no_error():
    assert child.run("exit 0", input="x" * 1_000_000) == (0, "")


@pytest.mark.skipif(sys.platform == "win32", reason="process groups are a Unix thing")
def test_limit_ends_grandchildren(tmp_path):
    mark = tmp_path / "mark"
    began = time.monotonic()

    ended = child.run(f"(sleep 1.5; touch {mark}) & sleep 60", timeout=0.3)

    assert ended is None
    assert time.monotonic() - began < 10
    time.sleep(1.6)
    assert not mark.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="process groups are a Unix thing")
def test_what_is_left_running_ends_where_that_is_asked(tmp_path):
    left, ended = tmp_path / "left", tmp_path / "ended"

    child.run(f"(sleep 1; touch {left}) & exit 0")
    child.run(f"(sleep 1; touch {ended}) & exit 0", ends_all=True)

    time.sleep(2)
    assert (left.exists(), ended.exists()) == (True, False)


def test_meanwhile_is_called_until_the_end():
    calls = []

    ended = child.run(
        "read line; sleep 0.5; echo $line", input="x", keep_output=True, meanwhile=lambda: calls.append(1)
    )

    assert ended == (0, "x\n")
    assert len(calls) > 2


def test_limit_holds_with_meanwhile():
    assert child.run("sleep 60", timeout=0.3, meanwhile=lambda: None) is None
