"""``python -m empatheia`` is the command line."""

from empatheia.cli.main import main

main()
