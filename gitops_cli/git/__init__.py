"""git itself: the one place that starts it. Knows repositories, not what is kept in them."""
