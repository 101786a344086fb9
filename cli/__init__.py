"""The `weft` command. `main.py` holds the commands' names; each command's file imports what it needs when it runs."""
