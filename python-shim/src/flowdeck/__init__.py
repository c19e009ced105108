"""Flowdeck from Python: where its program is, and its engine as a function.

The kernel, the engine and the widgets are in the program `flowdeck`, not in here.
"""

from flowdeck._program import BinaryNotFound, binary
from flowdeck._query import QueryError, sql

__all__ = ["BinaryNotFound", "QueryError", "binary", "sql"]
