"""The layers that most models are made of, and the small functions around them, one module each."""
