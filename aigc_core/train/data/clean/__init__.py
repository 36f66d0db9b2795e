"""Cleaning as declared steps, each counted."""
