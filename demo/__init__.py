"""A city to try it on: fictional stations, citizens and officers who act through the doors like anyone."""
