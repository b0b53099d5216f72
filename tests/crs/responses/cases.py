"""What must match each rule of CRS's RESPONSE-95x files, and what must not although it is nearly the same.

By rule id; where the releases differ, each has a table of its own. `cases()` adds those that follow from the rules' form.
"""

import re
from dataclasses import dataclass, replace

EVERY_LEVEL = 4


@dataclass(frozen=True)
class Page:
    """An answer, and how it is looked at."""

    body: str = "<p>A page.</p>"
    status: int = 200
    coding: str = ""  # what it says in Content-Encoding
    level: int = EVERY_LEVEL  # of paranoia
    sets: str = ""  # a word that responses/setup.conf knows: "early", "skip", "off"


SQL = " SQL error"  # the rules about databases look at pages alone that have a word of a list, as this is

# id: (a text that must match, one that must not)
TEXTS = {
    950130: ("<title>Index of /a</title></head><body><h1>Index of /a", "<title>Index of /a</title><h2>Index of /a"),
    950140: ("#!/bin/sh\necho", "# !/bin/sh\necho"),
    951110: ("JET Database Engine" + SQL, "JET Database Machine" + SQL),
    951120: ("java.sql.SQLException" + SQL, "java.sql.SQLWarning" + SQL),
    951130: ("DB2 SQL error", "DB2 SQL warning" + SQL),
    951140: ("[DM_QUERY_E_SYNTAX]" + SQL, "[DM_QUERY_E_ORDER]" + SQL),
    951150: ("Dynamic SQL Error" + SQL, "Dynamic SQL Errand" + SQL),
    951160: ("Exception condition 12. Transaction rollback." + SQL, "Exception condition. Transaction rollback." + SQL),
    951170: ("org.hsqldb.jdbc" + SQL, "org.hsqldb.odbc" + SQL),
    951180: ("com.informix.jdbc" + SQL, "com.informix.odbc" + SQL),
    951190: ("Ingres SQLSTATE" + SQL, "Ingres STATE" + SQL),
    951200: ("Unexpected end of command in statement" + SQL, "Expected end of command in statement" + SQL),
    951210: ("Warning: maxdb_query(): failed" + SQL, "Warning: mindb_query(): failed" + SQL),
    951220: ("Incorrect syntax near" + SQL, "Correct syntax near" + SQL),
    951230: ("You have an error in your SQL syntax; check" + SQL, "You have an error in your syntax; check" + SQL),
    951240: ("PostgreSQL query failed:" + SQL, "Postgres query failed:" + SQL),
    951250: ("SQLite/JDBCDriver" + SQL, "SQLite/ODBCDriver" + SQL),
    951260: ("Sybase message:" + SQL, "Sybase massage:" + SQL),
    952110: ("java.lang.NullPointerException", "java.lang.NullPointer"),
    953110: ("fopen('a')", "fopens('a')"),
    954110: ("cannot connect to the server: timed out", "cannot connect to the server: refused"),
}

TEXTS_3 = {
    951100: (SQL, " SQL"),
    952100: ("<jsp:include>", "<jsq:include>"),
    953100: ("open_basedir restriction in effect", "open_basedir restriction"),
    953120: ("<?php echo 1; ?>", "<?xml version='1.0'?>"),
    # libmodsecurity wants two backslashes where Apache halves what the rule has (known-failures.yaml).
    954100: (r"c:\\inetpub\wwwroot", r"c:\\inetpubs"),
    954120: ("An Error Has Occurred", "An Error Has Been Made"),
}

TEXTS_4 = {
    950150: ("System.NullReferenceException", "System.NullReference"),
    951100: (" SQL", SQL),  # it matches where the list does not
    953100: ("has not been properly started, can't compile file", "has not been properly started"),
    953101: ("Out of memory", "Out of memories"),
    953120: ("<?php echo 1; ?>", "<?phpecho 1; ?>"),
    954100: (r"c:\inetpub\wwwroot", r"c:\inetpubs"),
    954101: (r"\inetpub\wwwroot", "inetpub"),
    954120: ("<title>401.1 - Unauthorized: Access is denied due to invalid credentials.</title>", "<title>401.1 - Unauthorized"),
    955100: ("<title>=[ 1n73ct10n privat shell ]=</title>", "<title>=[ privat shell ]=</title>"),
    955110: ("<title>r57 shell</title>", "<title>r58 shell</title>"),
    955120: (
        "<html><head><meta http-equiv='Content-Type' content='text/html; charset=UTF-8'><title>a - WSO 2.5</title>",
        "<html><head><meta http-equiv='Content-Type' content='text/html; charset=UTF-8'><title>a - WSO</title>",
    ),
    955130: (
        "B4TM4N SH3LL</title><meta name='author' content='k4mpr3t'/>",
        "B4TM4N SH3LL</title><meta name='author' content='k4mp'/>",
    ),
    955140: ("<title>Mini Shell</title>Developed By LameHacker", "<title>Mini Shell</title>Developed By a Hacker"),
    955150: ("<title>.:: a ~ Ashiyane V 1.0 ::.</title>", "<title>.:: a ~ Ashiyane V one ::.</title>"),
    955160: ("<title>Symlink_Sa 3.0</title>", "<title>Symlink_Sa three</title>"),
    955170: ("<title>CasuS 1.5 by MafiABoY</title>", "<title>CasuS 1.5 by Mafia</title>"),
    955180: (
        "<html>\r\n<head>\r\n<title>GRP WebShell 2.0 release</title>",
        "<html>\n<head>\n<title>GRP WebShell 2.0 release</title>",
    ),
    955190: ("<small>NGHshell 2.0 by Cr4sh</body></html>\n", "<small>NGHshell 2.0 by Cr4sh</body></html>"),
    955200: ("<title>SimAttacker - Version : 1.0 - a", "<title>SimAttacker - Version : one - a"),
    955210: (
        "<!DOCTYPE html>\n<html>\n<!-- By Artyum a<title>Web Shell</title>",
        "<!DOCTYPE html>\n<html>\n<!-- By Artyum a<title>Shell</title>",
    ),
    955220: ("<title>lama's'hell v. 3.0</title>", "<title>lama's'hell v. three</title>"),
    955230: (" <html>\n <head>\n  <title>lostDC - a", " <html>\n<head>\n<title>lostDC - a"),
    955240: (
        "<title>PHP Web Shell</title>\r\n<html>\r\n<body>\r\n    <!-- Replaces command with Base64-encoded Data -->",
        "<title>PHP Web Shell</title>\r\n<html>\r\n<body>\r\n    <!-- Replaces command -->",
    ),
    955250: (
        '<html>\n<head>\n<div align="left"><font size="1">Input command :</font></div>\n'
        '<form name="cmd" method="POST" enctype="multipart/form-data">',
        '<html>\n<head>\n<div align="left"><font size="1">Input :</font></div>\n'
        '<form name="cmd" method="POST" enctype="multipart/form-data">',
    ),
    955260: ("<html>\n<head>\n<title>Ru24PostWebShell a", "<html>\n<head>\n<title>Ru24Post a"),
    955270: ("<title>s72 Shell v1.0 Codinf by Cr@zy_King</title>", "<title>s72 Shell v1.0 by Cr@zy_King</title>"),
    955280: (
        '<html>\r\n<head>\r\n<meta http-equiv="Content-Type" content="text/html; charset=gb2312">\r\n<title>PhpSpy Ver 2006</title>',
        '<html>\r\n<head>\r\n<meta http-equiv="Content-Type" content="text/html; charset=gb2312">\r\n<title>PhpSpy</title>',
    ),
    955290: (" <html>\n\n<head>\n\n<title>g00nshell v1.3 a", "<html>\n\n<head>\n\n<title>g00nshell v1.3 a"),
    955300: ("<title>PuNkHoLic shell</title>", "<title>PuNkHoLic</title>"),
    955310: (
        "<html>\n      <head>\n             <title>azrail 1.0 by C-W-M</title>",
        "<html>\n<head>\n<title>azrail 1.0 by C-W-M</title>",
    ),
    955320: (">SmEvK_PaThAn Shell v3 coded by <a href=", ">SmEvK_PaThAn Shell v3 coded by a"),
    955330: ("<html>\n<title>a ~ Shell I</title>\n<head>\n<style>", "<html>\n<title>a ~ Shell II</title>\n<head>\n<style>"),
    955340: (" <html><head><title>:: b374k m1n1 1.01 ::</title>", " <html><head><title>:: b374k m1n1 ::</title>"),
    # libmodsecurity looks for the backslashes that escape quotes in the rule.
    955350: (r'<h1 style=\"margin-bottom: 0\">webadmin.php</h1>', r'<h1 style=\"margin-bottom: 0\">webadmin.html</h1>'),
    955400: ("<title>Webshell Akmal archtte id</title>", "<title>Webshell</title>"),
    956100: ("ArgumentError:", "Argument error:"),
    956110: ("<%= a %>", "< %= a %>"),
}

LEAK = Page(TEXTS[951230][0])
ERROR_OF_IIS = "Server Error in '/' Application"

PAGES = {
    950100: (Page(status=500), Page(status=404)),
    954130: (Page(ERROR_OF_IIS), Page(ERROR_OF_IIS, status=404)),
    959100: (LEAK, Page()),
}
PAGES_4 = {
    950021: (Page(sets="skip"), Page()),
    959101: (Page(status=500, sets="early"), Page(status=500)),
    # Without a condition: nothing but the engine's own switch keeps them from matching.
    959059: (Page(), Page(sets="off")),
    959159: (Page(), Page(sets="off")),
}


def by_form(rule: str) -> tuple[Page, Page] | None:
    """Of a rule that is one of many of its kind: skips below a level, skips packed bodies, sums at a level."""
    if below := re.search(r'PARANOIA_LEVEL "@lt (\d)"', rule):
        return Page(level=int(below[1]) - 1), Page(level=int(below[1]))
    if least := re.search(r'PARANOIA_LEVEL "@ge (\d)"', rule):
        return Page(level=int(least[1])), Page(level=int(least[1]) - 1)
    if 'RESPONSE_HEADERS:Content-Encoding "@pm' in rule:
        return Page(coding="gzip"), Page(coding="identity")
    return None


def cases(release: int, rules: dict[int, str]) -> dict[int, tuple[Page, Page]]:
    """For each of these rules of a release (3 or 4), by id: a page that must match it, and one that must not."""
    texts = TEXTS | (TEXTS_3 if release == 3 else TEXTS_4)
    pages = PAGES | (PAGES_4 if release == 4 else {})
    pages |= {number: tuple(replace(Page(), body=text) for text in pair) for number, pair in texts.items()}
    found = {number: by_form(text) or pages.get(number) for number, text in rules.items()}
    return {number: pair for number, pair in found.items() if pair}
