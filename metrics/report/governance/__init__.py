"""What a chain decided of itself: schedules, votes, proposals and pay, as the report has them."""
