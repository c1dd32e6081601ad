"""How fast, at which latency and in how much memory; peers under the same load."""
