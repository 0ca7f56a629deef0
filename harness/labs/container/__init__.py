"""A lab's container is made, started, frozen and ended here."""
