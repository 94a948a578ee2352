"""Training: one step over tensors, the loop around it, data on its way to the device, what is shown meanwhile."""
