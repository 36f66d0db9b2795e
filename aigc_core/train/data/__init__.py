"""Data of a training: read, cleaned, split, identified, and put in an order that seed and position alone decide."""
