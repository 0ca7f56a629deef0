"""Files that come out of results: tables, summary.json and its schema, junit.xml, summary.md."""
