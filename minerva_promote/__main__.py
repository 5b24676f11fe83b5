"""`python -m minerva_promote`."""

from minerva_promote.cli.entry import main

main()
