"""Embedding, attention and recurrent layers. The layers live in the modules beside it."""
