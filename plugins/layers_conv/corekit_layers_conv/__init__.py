"""Convolution and pooling layers. The layers live in the modules beside it."""
