"""Tests of the repository itself: pages, generated files, packaging, deployment files, names."""
