"""How operators write values: units inside the value, and YAML without surprises."""
