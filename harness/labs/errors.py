"""What goes wrong while a lab is made: one line each, with the remedy."""


class LabError(Exception):
    """The machine cannot make, reach or remove the lab; the command ends with exit_status."""

    exit_status = 3


class LabInputError(LabError):
    """The operator asked for a lab that cannot be: a bad name, count or host."""

    exit_status = 2
