"""What commands print of runs and labs as tables for a terminal."""
