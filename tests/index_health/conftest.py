"""The project with a private database that is ready for imports, as the tests of runs have it."""

from tests.run.conftest import _quiet_machine, make_shop, ready, shop

__all__ = ["_quiet_machine", "make_shop", "ready", "shop"]
