"""The repository itself: documents, packaging, deployment files."""
