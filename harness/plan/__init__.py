"""A campaign and a lab become a plan here: who is hit when, by what, and what may be expected."""
