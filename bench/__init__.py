"""Benchmarks: throughput, latency and memory, and other engines under the same load."""
