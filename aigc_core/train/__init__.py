"""What surrounds a trainer's update step."""
