"""AdamW for corekit; importing this package does not import it."""
