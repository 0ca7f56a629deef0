"""Brings the software to all hosts of a lab, or takes it off, by Ansible and offline."""
