"""What the Hub cache on this machine holds: seen, checked, removed."""
