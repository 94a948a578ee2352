from corekit.testing import parametrize_with_checks


@parametrize_with_checks("corekit-layers-sequence")
def test_contract(check):
    check()
