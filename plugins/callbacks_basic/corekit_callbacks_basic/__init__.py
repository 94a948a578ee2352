"""The callbacks that most trainings use. Importing this imports none of them."""
