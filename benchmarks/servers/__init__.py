"""The servers under load: for each peer one program a load, written as its users would write it."""
