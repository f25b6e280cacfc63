# SPDX-License-Identifier: MIT
"""A policy as a document, its text, and what it grants by a few lines of Python that share nothing with the programs."""

import re

RIGHTS = ("pull", "push", "delete", "catalog")
ALL = frozenset(RIGHTS)


class Policy:
    """`groups` is {name: members}, `sections` {pattern: {principal: "pull, push"}}."""

    def __init__(self, sections, groups=None):
        self.sections, self.groups = sections, groups or {}

    def text(self):
        lines = ["[groups]", *(f"{name} = {', '.join(members)}" for name, members in self.groups.items())]
        for pattern, grants in self.sections.items():
            lines += ["", f"[{pattern}]", *(f"{principal} = {rights}" for principal, rights in grants.items())]
        return "\n".join(lines) + "\n"

    def with_section(self, pattern, **grants):
        """The same with other lines in one section."""
        return Policy({**self.sections, pattern: grants}, self.groups)

    def rights(self, user, repository):
        """What a user may do in a repository; "" is everybody who has no name."""
        order = list(self.sections)
        fitting = [pattern for pattern in order if fits(pattern, repository)]
        if not fitting:
            return frozenset()
        best = min(fitting, key=lambda pattern: (*rank(pattern), order.index(pattern)))
        return self.rights_in(best, user)

    def rights_in(self, pattern, user):
        grants = self.sections[pattern]
        if user and user in grants:
            return parse(grants[user])
        groups = [f"@{group}" for group in self.groups if user and user in self.members(group)]
        if any(group in grants for group in groups):
            return frozenset().union(*(parse(grants[group]) for group in groups if group in grants))
        for everybody in ("$authenticated", "$anonymous"):
            if everybody in grants and (user or everybody == "$anonymous"):
                return parse(grants[everybody])
        return frozenset()

    def members(self, group):
        found = set()
        for member in self.groups[group]:
            found |= self.members(member[1:]) if member.startswith("@") else {member}
        return found

    def grants_somewhere(self, user, right):
        return any(right in self.rights_in(pattern, user) for pattern in self.sections)


def parse(rights):
    words = {word.strip() for word in rights.split(",")} - {""}
    return ALL if "admin" in words else frozenset(words)


def fits(pattern, repository):
    expression = "".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern)
    return re.fullmatch(expression, repository) is not None


def rank(pattern):
    """Exact names first, then those with the longest beginning, then those that say most."""
    beginning = re.match(r"[^*?]*", pattern)[0]
    literal = re.sub(r"[*?]", "", pattern)
    return pattern != literal, -len(beginning), -len(literal)
