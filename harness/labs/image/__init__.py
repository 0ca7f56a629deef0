"""Root file systems are built here, once each, and kept."""
