"""`python -m minerva_promote`."""

from minerva_promote.cli.main import main

main()
