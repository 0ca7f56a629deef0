"""The controller: the only room that touches many machines."""
