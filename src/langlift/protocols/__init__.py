"""What an evaluation is: dataset, split, views, metrics and averaging; and the report of it."""
