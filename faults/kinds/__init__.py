"""The kinds of faults: a module or folder each, from the value on the wire to the evidence."""
