"""Keeps the doctest collector away from the one file that needs Triton, where Triton is not installed."""

import importlib.util

collect_ignore = [] if importlib.util.find_spec("triton") else ["corekit_custom_ops/linear_relu_triton.py"]
