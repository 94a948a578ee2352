from corekit.testing import parametrize_with_checks


@parametrize_with_checks("corekit-layers-conv")
def test_contract(check):
    check()
