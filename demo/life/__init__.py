"""The living city: officers patrol, citizens report, desks take what nobody took. All of it through the doors."""
