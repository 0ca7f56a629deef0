"""What the agent does on its own machine: commands, clocks, rules, units, and reading them back."""
