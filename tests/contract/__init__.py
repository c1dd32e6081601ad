"""The public contract, told in short stories."""
