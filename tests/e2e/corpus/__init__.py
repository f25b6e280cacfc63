# SPDX-License-Identifier: MIT
"""The corpus of bad requests: one table, sent to every way the registry is served, whose answers must be the same.

ROWS says for each request the status and the OCI code of its answer. No row changes the tree. A few requests never reach a
program, or reach it as something else: a row names the reason, and SERVERS_OWN says what that server answers then.
"""

from . import framing, manifests, paths, queries, uploads

#: The ways a registry is served, as harness/registry.py has them.
KINDS = ("nginx", "nginx-indirect", "apache-proxy", "apache-fcgid")

#: Answers, as (status, code), of web servers by themselves.
MALFORMED, NONE, UNKNOWN_CODING = (400, "UNSUPPORTED"), (404, "UNKNOWN"), (501, "UNSUPPORTED")
NOT_JSON, WRONG_DIGEST, TOO_LARGE = (400, "MANIFEST_INVALID"), (400, "DIGEST_INVALID"), (413, "SIZE_INVALID")


def nginx(answer):
    return {"nginx": answer, "nginx-indirect": answer}


def apache(answer):
    return {"apache-proxy": answer, "apache-fcgid": answer}


#: {reason: ({kind of registry: the answer that is right there}, why)}. Other kinds answer as the row says.
SERVERS_OWN = {
    "escaped slash": ({"apache-fcgid": NONE}, "Apache refuses %2F before it looks for a program (AllowEncodedSlashes)"),
    "escaped way out": ({"apache-fcgid": NONE, **nginx(NONE)},
                        "the same; nginx takes %2F for a slash, and the path then leaves /v2"),
    "escaped NUL": ({"apache-fcgid": NONE, **nginx(MALFORMED)}, "the same of %00"),
    "CONNECT": (apache(MALFORMED), "Apache wants a host and a port as the target of CONNECT"),
    "small letters": (nginx(MALFORMED), "nginx knows methods in capitals only"),
    "field byte": (nginx(NOT_JSON),
                   "nginx passes control bytes in fields, but for NUL, CR and LF; the program refuses the body"),
    "both lengths": ({"apache-fcgid": NOT_JSON}, "Apache goes by the chunks (RFC 9112, 6.3), but see below"),
    "folded": (apache(NOT_JSON), "Apache unfolds fields and reads a body of five bytes"),
    "coding": (nginx(UNKNOWN_CODING), "nginx says so of codings it does not know"),
    "chunked last": ({**nginx(UNKNOWN_CODING), **apache(NOT_JSON)},
                     "the same; Apache looks at the last coding, and reads no bytes"),
    # Malformed chunks end the body for mod_fcgid, which hands on what it has: for a blob the digest tells.
    "chunk": ({"apache-fcgid": NOT_JSON}, "see above"),
    "chunk of a blob": ({"apache-fcgid": WRONG_DIGEST}, "see above"),
    "chunk beyond all": ({"apache-fcgid": NOT_JSON, "apache-proxy": TOO_LARGE},
                         "see above; Apache calls the size too large"),
    "chunk of a blob beyond all": ({"apache-fcgid": WRONG_DIGEST, "apache-proxy": TOO_LARGE}, "see above"),
    "version": ({**nginx((505, "UNSUPPORTED")), **apache((200, ""))}, "Apache takes HTTP/3.7 for HTTP/1.1"),
    "no field": (nginx((200, "")), "nginx leaves out a line that is no field"),
}


def expected(row, kind):
    """(status, code) of the answer to a row where the registry is served in this way."""
    answers = SERVERS_OWN[row.server][0] if row.server else {}
    return answers.get(kind, (row.status, row.code))


ROWS = [*paths.ROWS, *queries.ROWS, *manifests.ROWS, *uploads.ROWS, *framing.ROWS]
GROUPS = sorted({row.group for row in ROWS})
