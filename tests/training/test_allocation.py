"""Freed memory stays while a training runs, and goes back at its end."""

import resource
import sys

import pytest
import torch

from corekit.training import allocation
from corekit.training.allocation import KeptMemory

on_glibc = pytest.mark.skipif(allocation._glibc() is None, reason="another C library, or tuned by the user")


def faults(work):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    work()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def make_and_free():
    for _ in range(20):
        torch.ones(8_000_000)  # 32 MB


@on_glibc
def test_freed_memory_is_used_again():
    outside = faults(make_and_free)
    with KeptMemory():
        make_and_free()
        inside = faults(make_and_free)

    assert inside < outside / 5


@on_glibc
def test_memory_goes_back_at_the_end():
    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize()

    before = resident()
    with KeptMemory():
        make_and_free()

    assert resident() - before < 16e6


@pytest.mark.parametrize("name", allocation.TUNED_BY_USER)
def test_tuned_allocators_are_left_alone(monkeypatch, name):
    monkeypatch.setenv(name, "1")
    allocation._glibc.cache_clear()

    with KeptMemory() as _:
        assert allocation._glibc() is None
    allocation._glibc.cache_clear()


def test_other_systems_are_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    allocation._glibc.cache_clear()

    assert allocation._glibc() is None
    allocation._glibc.cache_clear()
