"""The pytest plugin: ``pytest --aigc-zoo`` runs the contract on what the package under test registers.

Nothing is imported here that pytest has not imported itself: this module is loaded by every pytest on the machine.
"""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer ``--aigc-zoo``."""
    group = parser.getgroup("aigc-zoo", "conformance of an aigc-zoo plugin")
    group.addoption(
        "--aigc-zoo",
        nargs="?",
        const="",
        default=None,
        metavar="PLUGIN",
        help="run every clause of the plugin contract on what this package registers, or on PLUGIN (--aigc-zoo=NAME)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Find the package under test. Wrong use ends pytest with a sentence."""
    config.addinivalue_line("markers", "aigc_zoo: a clause of the plugin contract, see --aigc-zoo")
    if config.getoption("aigc_zoo") is None:
        return
    from aigc_core.errors import ZooError
    from aigc_core.testing.session import Session

    try:
        session = Session.of(config.getoption("aigc_zoo"), str(config.invocation_params.dir))
    except ZooError as error:
        raise pytest.UsageError(" ".join(filter(None, [str(error), error.hint]))) from error
    config.pluginmanager.register(session, "aigc-zoo-session")
