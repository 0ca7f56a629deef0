"""The report: templates, charts and the one HTML file."""
