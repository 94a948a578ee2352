"""What runs the step: eagerly, as one compiled graph, or on CUDA as a captured graph; and how the choice is made."""
