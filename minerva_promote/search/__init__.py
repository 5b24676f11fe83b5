"""Vector searches: their shape, their plans, what they find and the indexes that serve them."""
