"""What every component of this distribution must do; the checks are corekit's."""

from corekit.testing import parametrize_with_checks


@parametrize_with_checks("corekit-custom-ops")
def test_contract(check):
    check()
