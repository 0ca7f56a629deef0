"""Reads an Ansible inventory as the lab it describes, checked, with its SSH options."""
