"""How fast things are on this machine: figures beside their floors, printed and never judged."""
