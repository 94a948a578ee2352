"""The same comparison on a CUDA machine, with torch alone, in one run under 8 minutes: `python -m benchmarks.gpu`."""
