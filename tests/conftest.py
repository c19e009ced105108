"""The tests' own Jupyter: nothing of the person who runs them is read or written, and nothing is skipped."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from harness import paths

_OWN_FOLDER = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Sets what Jupyter and the kernel read from the environment, for this process and all that it starts."""
    # Short on purpose: the path of a Unix socket has at most 107 bytes.
    own = Path(tempfile.mkdtemp(prefix="fd-"))
    config.stash[_OWN_FOLDER] = own
    for variable, name in {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "IPYTHONDIR": "ipython",
    }.items():
        (own / name).mkdir()
        os.environ[variable] = str(own / name)
    # Its own too where several processes test at once: tests look at what ran last.
    os.environ["FLOWDECK_HISTORY"] = str(own / "history.sqlite")
    # The Makefile sets these too; here they make a plain `pytest tests` do the same.
    for variable, value in {
        "JUPYTER_PATH": paths.TEST_PREFIX / "share" / "jupyter",
        "FLOWDECK_CACHE_DIR": paths.TARGET / "test-cache",
        "FLOWDECK_CONFIG": paths.DEMO_DATA / "flowdeck.toml",
    }.items():
        os.environ.setdefault(variable, str(value))


def pytest_unconfigure(config: pytest.Config) -> None:
    own = config.stash.get(_OWN_FOLDER, None)
    if own:
        shutil.rmtree(own, ignore_errors=True)


def pytest_sessionstart(session: pytest.Session) -> None:
    """One clear line instead of a failure in every test."""
    from harness.kernel import KERNEL_NAME, kernel_argv

    try:
        kernel_argv()
    except Exception as error:
        raise pytest.UsageError(
            f"no kernel named `{KERNEL_NAME}` is installed for the tests ({error}); run `make test-kernel` first"
        ) from error


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """A skipped test is a failed test: what is not tested on this machine is not known to work."""
    report = yield
    if report.skipped:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and here that counts as failed: {report.longrepr}"
    return report
