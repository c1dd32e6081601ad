"""Campaign definitions: from a document to a checked, compiled value."""
