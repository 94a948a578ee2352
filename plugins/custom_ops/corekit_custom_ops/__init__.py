"""Fused ops for corekit, one file per op; importing this package imports neither torch nor Triton."""
