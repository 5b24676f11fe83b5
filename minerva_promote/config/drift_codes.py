"""Codes of privilege drift, as reports print them and ``accept:`` names them; docs/guides/grants.md has this list."""

from __future__ import annotations

CODES: dict[str, str] = {
    # differences between declaration and database
    "missing": "a declared privilege that the role does not have",
    "undeclared": "a privilege that the role has and nobody declared",
    "grant-option": "a privilege that the role may give on to others",
    "other-grantor": "a privilege that somebody else than the object's owner gave, which the owner cannot take away",
    "missing-role": "a declared role that does not exist",
    "role-present": "a role that is declared absent and exists",
    "unknown-object": "a declaration about an object that does not exist",
    "login": "a role that can log in and should not, or the other way round",
    "connection-limit": "another connection limit than declared",
    "setting": "a setting of the role in this database that is not as declared",
    "default-privileges": "objects made later would give the role more, or less, than declared",
    # attributes and memberships
    "membership": "a membership that is not declared, or a declared one that is missing",
    "membership-option": "a membership whose inherit, set or admin option is not as declared",
    "membership-indirect": "an undeclared role that is reached by way of another one",
    "predefined-role": "an undeclared membership in a role that comes with the server, such as pg_read_all_data",
    "superuser": "the role is a superuser: no privilege is checked",
    "create-role": "the role can make roles, and members of them",
    "create-database": "the role can make databases, which it then owns",
    "replication": "the role can read all of the server by streaming replication",
    "bypass-row-security": "no row security policy holds for the role",
    "admin-identity": "the role is the one that this command works as: it can give itself anything",
    "undeclared-import-role": "the role that imports is not declared in this environment",
    # ownership
    "owns-database": "the role owns the database: it can drop it, and make schemas in it",
    "owns-other-database": "the role owns another database of the server",
    "other-database": "a privilege on another database of the server that no environment of the project declares",
    "owns-schema": "the role owns a schema: it can drop all that is in it",
    "owns-object": "the role owns an object: it can change, drop and give away what it owns",
    # power through objects of others
    "through-public": "a privilege that the role has because every role has it",
    "security-definer": "a function that runs with another role's rights and that the role can call, by name or not",
    "untrusted-function": "a function that the role can call and whose language can reach outside the database",
    "restricted-function": "a function of the server that is not for ordinary roles and that the role can call",
    "restricted-relation": "a system table or view that is not for ordinary roles and that the role can read or write",
    "trigger": "a trigger that the role sets off and that runs with another role's rights",
    "event-trigger": "an event trigger that the role sets off and that runs with another role's rights",
    "rule": "a rewrite rule that the role sets off and that works with another role's rights",
    "cascade": "a foreign key by which rows of another table change or vanish along",
    "user-mapping": "credentials for a foreign server that the role can use",
    "parameter": "a privilege on a server parameter by which the role switches checks off",
    # checks that the server does not make
    "row-security": "row security that hides rows from the role, or that nobody switched on",
    "constraint-not-enforced": "a constraint that the server does not enforce",
    "constraint-not-valid": "a constraint that older rows were never checked against",
    "trigger-disabled": "a trigger that is switched off",
    "weak-setting": "a setting that weakens what is checked for the role",
}

# Drift by which a role can do less than declared, or that concerns checks of rows rather than power.
_NO_ESCALATION = (
    "missing",
    "missing-role",
    "unknown-object",
    "login",
    "connection-limit",
    "setting",
    "role-present",
    "row-security",
    "constraint-not-enforced",
    "constraint-not-valid",
    "trigger-disabled",
)
ESCALATION_CODES = frozenset(CODES) - frozenset(_NO_ESCALATION)  # drift by which a role can do more than declared
