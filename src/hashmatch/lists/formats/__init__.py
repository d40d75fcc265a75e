"""List formats, one module each."""
