"""How long blocks took from stage to stage, and trials until a fault was noticed and over."""
