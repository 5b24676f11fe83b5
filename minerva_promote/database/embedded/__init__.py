"""The PostgreSQL server that ships in a Python wheel: started, stopped and found again."""
