"""Kernels for tests: one shared by the tests that leave it as it was, and new ones for the others.

A folder of tests takes them by importing them in its conftest.py.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from harness.kernel import Kernel


@pytest.fixture(scope="module")
def shared_kernel() -> Iterator[Kernel]:
    """One kernel per file, for tests after which it must still work: that is checked at the end."""
    with Kernel() as kernel:
        yield kernel
        assert kernel.request("kernel_info_request").status == "ok"


@pytest.fixture
def new_kernel() -> Iterator[Callable[..., Kernel]]:
    """Starts kernels that end with the test, whatever the test did to them."""
    with ExitStack() as kernels:

        def start(**options: Any) -> Kernel:
            return kernels.enter_context(Kernel(**options))

        yield start
