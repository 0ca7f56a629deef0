"""The commands of slotlab, one module a group: options in, values printed, exit status out."""
