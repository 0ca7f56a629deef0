"""What a run folder holds, and how figures are summarised: values, no events."""
