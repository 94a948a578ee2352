from corekit.testing import parametrize_with_checks


@parametrize_with_checks("corekit-layers-basic")
def test_contract(check):
    check()
