"""What the benchmarks measure is what they claim to measure."""
