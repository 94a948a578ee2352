"""Losses and metrics for corekit, one file each; importing this package imports none of them."""
