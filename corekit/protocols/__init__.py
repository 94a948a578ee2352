"""What a plugin author subclasses or matches. The docstrings here are the contract between corekit and a plugin."""
