"""What an address is, by its kind: which texts are one, how they are compared, and how they are written to."""
