"""Kernels for the widget tests."""

from harness.fixtures import new_kernel, shared_kernel  # noqa: F401
