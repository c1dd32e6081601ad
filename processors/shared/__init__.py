"""Rules that several processors apply alike."""
