"""How operators write values: units inside the value, traces as CSV, YAML without surprises."""
