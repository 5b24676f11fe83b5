"""What the alembic/env.py of a project imports from promote: these names stay, wherever the code behind them moves."""

from minerva_promote.config.connection_url import FORMAT, parse_url
from minerva_promote.config.dotenv import read_dotenv
from minerva_promote.config.load_project import find_root, load_project
from minerva_promote.config.models.project import Timeouts
from minerva_promote.config.variables import process_lookup
from minerva_promote.database.advisory_lock import LOCK_STATEMENT
from minerva_promote.database.session import connect
from minerva_promote.errors import PromoteError

__all__ = [
    "FORMAT",
    "LOCK_STATEMENT",
    "PromoteError",
    "Timeouts",
    "connect",
    "find_root",
    "load_project",
    "parse_url",
    "process_lookup",
    "read_dotenv",
]
