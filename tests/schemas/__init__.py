"""The schemas: campaign documents, the public contract, base types and CSV import."""
