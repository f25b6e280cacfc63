# SPDX-License-Identifier: MIT
"""The corpus of bad requests: one table, sent to every way the registry is served, whose answers must be the same.

ROWS says for each request the status and the OCI code of its answer. No row changes the tree. A few requests never reach a
program, or reach it as something else: a row names the reason, and SERVERS_OWN says what that server answers then.
"""

from . import framing, manifests, paths, queries, uploads

#: The ways a registry is served, as harness/front.py has them: those of every run, and those --kinds may choose.
EVERY_RUN = ("nginx", "nginx-indirect", "apache-proxy", "apache-fcgid", "apache-cgi", "lighttpd")
KINDS = (*EVERY_RUN, "nginx-buffered", "apache-indirect", "apache-xsendfile", "apache-fcgid-alone")

#: Answers, as (status, code), of web servers by themselves.
MALFORMED, NONE, UNKNOWN_CODING = (400, "UNSUPPORTED"), (404, "UNKNOWN"), (501, "UNSUPPORTED")
NOT_JSON, WRONG_DIGEST, TOO_LARGE = (400, "MANIFEST_INVALID"), (400, "DIGEST_INVALID"), (413, "SIZE_INVALID")


#: What is no HTTP, or has control bytes in its target, lighttpd refuses with a page before it looks at our configuration;
#: such answers have no code, and which of these statuses they have differs from version to version.
PAGES = {"lighttpd": (400, 431, 501, 505)}
PAGE = ""

#: Those where Apache starts the programs by itself, and of these those that have bodies spooled: of manifests, of uploads.
ALONE = ("apache-fcgid", "apache-fcgid-alone", "apache-cgi")
SPOOLED, SPOOLED_UPLOADS = ALONE[:2], ALONE[1:2]


def those(kinds, answer):
    return dict.fromkeys(kinds, answer)


def nginx(answer):
    return those([kind for kind in KINDS if kind.startswith("nginx")], answer)


def apache(answer):
    return those([kind for kind in KINDS if kind.startswith("apache")], answer)


#: {reason: ({kind of registry: the answer that is right there}, why)}. Other kinds answer as the row says.
SERVERS_OWN = {
    "escaped slash": (those(ALONE, NONE), "Apache refuses %2F before it looks for a program (AllowEncodedSlashes)"),
    "escaped way out": ({**those(ALONE, NONE), **nginx(NONE), "lighttpd": NONE},
                        "the same; nginx and lighttpd take %2F for a slash, and the path then leaves /v2"),
    "escaped NUL": ({**those(ALONE, NONE), **nginx(MALFORMED), "lighttpd": (400, PAGE)}, "the same of %00"),
    "escaped byte": ({"lighttpd": (400, PAGE)}, "lighttpd refuses what would be a control byte or no UTF-8, anywhere"),
    "no UTF-8": ({"lighttpd": NONE}, "lighttpd's conditions fit UTF-8 only: it looks for a file of a site"),
    "out of the tree": ({"lighttpd": NONE}, "lighttpd takes the root for its own parent"),
    "long line": ({"lighttpd": (431, PAGE)}, "lighttpd has one limit for the line and the fields"),
    "long header": ({"lighttpd": (431, PAGE)}, "the same"),
    "unknown method": ({"lighttpd": (501, PAGE)}, "lighttpd has a list of methods"),
    "no method": ({"lighttpd": (501, PAGE)}, "the same"),
    "two hosts": ({"lighttpd": (400, PAGE)}, "lighttpd refuses a target whose host is not that of the field"),
    "body of GET": ({"lighttpd": (400, PAGE)}, "lighttpd refuses a body of GET (method-get-body)"),
    "empty field": ({"lighttpd": None}, "lighttpd leaves out a field without a value: then this is a chunk like any other"),
    "empty length": ({"lighttpd": NOT_JSON}, "the same: then there is no body"),
    "CONNECT": (apache(MALFORMED), "Apache wants a host and a port as the target of CONNECT"),
    "small letters": ({**nginx(MALFORMED), "lighttpd": (501, PAGE)}, "nginx knows methods in capitals only"),
    "field byte": (nginx(NOT_JSON),
                   "nginx passes control bytes in fields, but for NUL, CR and LF; the program refuses the body"),
    "both lengths": (those(SPOOLED, NOT_JSON), "Apache goes by the chunks (RFC 9112, 6.3), but see below"),
    "folded": (apache(NOT_JSON), "Apache unfolds fields and reads a body of five bytes"),
    "coding": ({**nginx(UNKNOWN_CODING), "lighttpd": (501, PAGE)}, "nginx and lighttpd say so of codings they do not know"),
    "chunked last": ({**nginx(UNKNOWN_CODING), **apache(NOT_JSON), "lighttpd": (501, PAGE)},
                     "the same; Apache looks at the last coding, and reads no bytes"),
    # Malformed chunks end the body for mod_fcgid, which hands on what it has: for a blob the digest tells.
    "chunk": (those(SPOOLED, NOT_JSON), "see above"),
    "chunk of a blob": (those(SPOOLED_UPLOADS, WRONG_DIGEST), "see above"),
    "chunk beyond all": ({**apache(TOO_LARGE), **those(SPOOLED, NOT_JSON)},
                         "see above; Apache calls the size too large"),
    "chunk of a blob beyond all": ({**apache(TOO_LARGE), **those(SPOOLED_UPLOADS, WRONG_DIGEST)}, "see above"),
    "version": ({**nginx((505, "UNSUPPORTED")), **apache((200, ""))}, "Apache takes HTTP/3.7 for HTTP/1.1"),
    "no field": (nginx((200, "")), "nginx leaves out a line that is no field"),
}


def expected(row, kind):
    """(status, code) of the answer to a row where the registry is served in this way; None: the row is not for it."""
    answers = SERVERS_OWN[row.server][0] if row.server else {}
    return answers.get(kind, (row.status, row.code))


def is_page(kind, status, code):
    """Whether this is an answer of a web server that has not seen its configuration yet."""
    return code == PAGE and status in PAGES.get(kind, ())


def is_expected(row, kind, outcome):
    wanted = expected(row, kind)
    return outcome == wanted or (is_page(kind, *outcome) and wanted[0] in PAGES[kind])


ROWS = [*paths.ROWS, *queries.ROWS, *manifests.ROWS, *uploads.ROWS, *framing.ROWS]
GROUPS = sorted({row.group for row in ROWS})
