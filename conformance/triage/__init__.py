"""What disagreements have in common: findings, what is known, scripts that show them."""
