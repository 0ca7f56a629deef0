"""All metrics side by side: the summary, its checks, tables and junit.xml."""
