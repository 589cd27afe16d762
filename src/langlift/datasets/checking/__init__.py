"""What a dataset's files hold, and what is wrong with them."""
