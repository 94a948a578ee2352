from corekit.testing.direct import check_layer as check_layer
from corekit.testing.kit import Failure as Failure
from corekit.testing.kit import Skip as Skip
from corekit.testing.parametrize import parametrize_with_checks as parametrize_with_checks
