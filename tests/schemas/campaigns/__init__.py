"""Campaign definitions and presets."""
