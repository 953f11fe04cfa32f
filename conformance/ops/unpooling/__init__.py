"""Max unpooling."""
