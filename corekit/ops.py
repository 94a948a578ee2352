"""Ops: every installed component of kind "ops" is an attribute, callable on tensors and on symbolic tensors."""

from corekit.registry.namespace import namespace

__getattr__, __dir__ = namespace("ops", adapt="corekit.protocols.op:as_op")
