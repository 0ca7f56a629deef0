"""Makes one file of a run that can be published, and proves that its figures follow from it."""
