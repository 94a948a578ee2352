"""Builders: Sequential, the functional graph, Model; a model as data; its summary."""
