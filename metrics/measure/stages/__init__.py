"""How long a block takes from stage to stage, from its slot until it is irreversible."""
