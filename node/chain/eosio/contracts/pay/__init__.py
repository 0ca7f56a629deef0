"""What producers, technology providers, stakers and the foundation of a FIO chain get."""
