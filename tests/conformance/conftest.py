"""What the conformance tests share."""

from harness.fixtures import new_kernel, shared_kernel

__all__ = ["new_kernel", "shared_kernel"]
