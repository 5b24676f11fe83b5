"""Files that are accepted, each the plain one with one thing changed."""

from __future__ import annotations

from tests.exportfile.support import BOOK, CHUNK, CONFIG, NOW, SHOT, book, chunk, config, export, shot, with_value

C = with_value
UPPER = f"'{CHUNK.upper()}'"
TWO_CHUNKS = ", ".join(f"({', '.join(chunk(number).values.values())})" for number in (1, 2))


def conflict(text: str) -> str:
    return export(book=book(conflict=text))


def begin(text: str) -> str:
    return export(head=text)


def commit(text: str) -> str:
    return export(tail=text)


ACCEPTED: dict[str, dict[str, str]] = {
    "bytes": {
        "plain": export(),
        "crlf": export().replace("\n", "\r\n"),
        "cr": export().replace("\n", "\r"),
        "form feeds and tabs": export().replace("\n", "\f\t\n"),
        "no final line end": export().rstrip("\n"),
        "line ends in a literal": C("chunk_text", "'a\r\nb\rc\nd'"),
        "feff in a literal": C("chunk_text", "'a\ufeffb'"),
        "controls in a literal": C("chunk_text", "'\x01\x0b\x1f\x7f\u0080'"),
        "no-break space in a literal": C("chunk_text", "'\u00a0'"),
        "nested comment": export(more="/* a /* b */ -- ' */ ;\n"),
        "comment to the end": commit("COMMIT; -- the end"),
        "block comment to the end": commit("COMMIT; /* the\nend */"),
        "comment ended by cr": begin("-- x\rBEGIN;\n"),
        "comment with u+2028, u+0085, vt, ff": begin("-- x\u2028\u0085\v\f' \" /* \\! ls\nBEGIN;\n"),
        "comment of two dashes": begin("--\nBEGIN;--\n"),
        "comment like a dump": begin("--\n-- PostgreSQL database dump\n--\nBEGIN;\n"),
        "comment like another dump": begin("/*! x */ BEGIN;\n"),
        "many blanks": export().replace(", ", "," + " \n" * 300),
        "many comments": export().replace(", ", ",/**/-- x\n" * 1).replace("VALUES", "VALUES" + "/* ( */" * 500),
    },
    "statements": {
        "begin work": begin("BEGIN WORK;\n"),
        "begin transaction": begin("begin\ntransaction ;\n"),
        "begin with comments": begin("/**/ BEGIN /* ; */ -- ;\n ; "),
        "begin far from its semicolon": begin("BEGIN" + " " * 5000 + ";"),
        "start transaction": begin("Start Transaction;\n"),
        "commit work": commit("COMMIT WORK;\n"),
        "commit transaction": commit("commit transaction;"),
        "end": commit("END;\n"),
        "end transaction": commit("END TRANSACTION;\n"),
        "empty statements": export(more=";\n ; /* */ ;;\n"),
        "words of other statements in literals": C("chunk_text", "'; COMMIT; \\! ls :x $1 -- /* DROP'"),
    },
    "insert": {
        "public": export(book=book(name="public.books")),
        "upper case": export(book=book(name="PUBLIC . Books")),
        "quoted": export(book=book(name='"public"."books"')),
        "quoted column": export().replace("(id, title", '("id", TITLE'),
        "columns in another order": export(
            config=config(
                columns="dimensions, id, is_active, model_name, model_version, created_at",
                rows=f"(3, '{CONFIG}', true, 'm', 'v', '{NOW}')",
            )
        ),
        "defaults left out": export(book=book(source_type=None)),
        "default column given": C("source_type", "'pdf'", "book"),
        "nullable columns left out": export(book=book(kindle_url=None, book_metadata=None)),
        "several rows": export(chunk=chunk(rows=TWO_CHUNKS)),
        "several rows apart": export(chunk=chunk(rows=TWO_CHUNKS.replace("), (", ") /* , ( */\n,-- , (\n("))),
        "constraint": conflict("ON CONFLICT ON CONSTRAINT books_pkey DO NOTHING"),
        "quoted constraint": conflict('on conflict on constraint "books_pkey" do nothing'),
        "quoted target": conflict('ON CONFLICT ("id") DO NOTHING'),
        "update": conflict("ON CONFLICT (id) DO UPDATE SET updated_at = EXCLUDED.updated_at"),
        "update spelt otherwise": conflict('on conflict(ID)do update set "updated_at"=(excluded."updated_at")'),
        "comment before the semicolon": export(book=book(end=" /* ; */ -- ;\n;\n")),
        "no blanks": export(book=book(conflict="ON CONFLICT(id)DO NOTHING")).replace(") \nVALUES (", ")VALUES("),
    },
    "values": {
        "continued string": C("chunk_text", "'a'\n'b' -- c\n\t'd'"),
        "continued escape string": C("chunk_text", "E'a\\n'\n'\\x41'"),
        "continued unicode string": C("chunk_text", "U&'\\00'\r'41'"),
        "escape string": C("chunk_text", "e'\\'\\\\ \\101 \\x4 \\u00e9 \\U0001F600 \\uD83D\\uDE00 '' \\q'"),
        "unicode string": C("chunk_text", "u&'\\0041 \\+01F600 \\D83D\\DE00 \\\\ '''"),
        "dollar string": C("chunk_text", "$$a'b$1$$"),
        "tagged dollar string": C("chunk_text", "$été_1$a$$b$e$c$été_1$"),
        "cast": C("chunk_text", "'a'::varchar"),
        "cast by its other name": C("chunk_text", "'a'::character varying"),
        "cast with catalog": C("chunk_token_count", "'3'::pg_catalog.int4"),
        "CAST": C("chunk_token_count", "CAST(3 AS integer)"),
        "CAST of a negative": C("word_count", "CAST(-3 AS int)", "book"),
        "typed": C("created_at", f"timestamp '{NOW}'"),
        "typed in full": C("created_at", f"timestamp without time zone '{NOW}'"),
        "typed uuid": C("id", f"uuid '{CHUNK}'"),
        "typed with length": C("source_domain", "varchar(255) 'x'", "book"),
        "cast with length": C("source_domain", "'x'::character varying(255)", "book"),
        "cast without length": C("source_domain", "'x'::varchar", "book"),
        "vector with schema": C("embedding", "'[1,2,3]'::public.vector"),
        "vector with length": C("embedding", "'[1,2,3]'::public.vector(3)"),
        "typed vector": C("embedding", "vector '[1,2,3]'"),
        "uncast vector": C("embedding", "'[1,2,3]'"),
        "enum cast": C("source_type", "'kindle'::public.source_type", "book"),
        "typed enum": C("source_type", "source_type 'website'", "book"),
        "null cast": C("book_metadata", "NULL::json", "book"),
        "boolean cast": C("is_active", "'t'::bool", "config"),
        "parentheses": C("chunk_text", "((('a')))"),
        "parentheses and cast": C("chunk_token_count", "((3)::integer)"),
        "fifty parentheses": C("chunk_text", "(" * 49 + "'a'" + ")" * 49),
        "negative": C("word_count", "-3", "book"),
        "negative apart": C("word_count", "- /* */ 3", "book"),
        "negative in front of parentheses": C("word_count", "-(3)", "book"),
        "leading zeros": C("word_count", "007", "book"),
        "quoted integer": C("word_count", "'-2147483648'", "book"),
        "largest integer": C("word_count", "2147483647", "book"),
        "smallest integer": C("word_count", "-2147483648", "book"),
        "upper-case uuid": C("id", UPPER),
        "same uuid, other case": C("screenshot_ids", f"ARRAY['{SHOT.upper()}']::uuid[]"),
        "text like a number": C("chunk_text", "'5'"),
        "text of 255 characters": C("source_domain", "'" + "\u00e9" * 255 + "'", "book"),
        "timestamp with a blank": C("created_at", "'2026-01-02 03:04:05'"),
        "timestamp to the minute": C("created_at", "'2026-01-02T03:04'"),
        "timestamp of a tenth": C("created_at", "'2024-02-29T23:59:59.9'"),
        "booleans": export(config=config(is_active="'f'")),
        "boolean word": C("is_active", "'true'", "config"),
        "boolean constant": C("is_active", "FALSE", "config"),
        "json": C("book_metadata", '\'{"a": [1, 2.5e3, null, true, "\\u00e9"]}\'', "book"),
        "json cast": C("book_metadata", "'[]'::json", "book"),
        "array in text": C("screenshot_ids", f"' {{ \"{SHOT}\" , {SHOT} }} '"),
        "array cast": C("screenshot_ids", f"CAST(ARRAY['{SHOT}'] AS uuid[])"),
        "array by the other name": C("screenshot_ids", f"ARRAY['{SHOT}']::uuid ARRAY"),
        "empty array": C("screenshot_ids", "ARRAY[]::uuid[]"),
        "empty array in text": C("screenshot_ids", "'{}'"),
        "vector blanks": C("embedding", "' [ 1 ,\t-2\n, 3 ] '"),
        "vector forms": C("embedding", "'[1e-3,-.5,5.]'"),
        "vector exponents": C("embedding", "'[1E+2,0.10e-02,000.5]'"),
        "vector subnormal": C("embedding", "'[1,2,1e-40]'"),
        "vector largest": C("embedding", "'[1.8446743e19,0,-0.0]'"),
    },
    "rules": {
        "header": begin("-- Total Chunks: 1\n--  Total Screenshots: 1 \nBEGIN;\n"),
        "other headers": begin(
            "-- Total chunks: 9\n-- Total Chunks 9\n-- Total Books: 9\n/* Total Chunks: 9 */\nBEGIN;\n"
        ),
        "header twice alike": begin("-- Total Chunks: 1\n-- Total Chunks: 1\nBEGIN;\n"),
        "header after begin": begin("BEGIN;\n-- Total Chunks: 9\n"),
        "header with thousands": begin("-- Total Chunks: 0,001\nBEGIN;\n"),
        "no screenshots": export(shot="", chunk=chunk(screenshot_ids="ARRAY[]::uuid[]")),
        "chunks out of order": export(chunk=str(chunk(2)) + str(chunk(1))),
        "a parent in an earlier row": export(shot=str(shot(1)) + str(shot(2))),
        "an unused config": export(config=str(config()) + str(config(id=f"'{BOOK}'", dimensions="9"))),
        "path in chunk text": C("chunk_text", "'see /home/me/x and C:\\x and file:///x'"),
        "no local path": C(
            "kindle_url", "'https://x.example/home/a /homes/ x~/ 1/Users/ abc:\\ ~ / file:// ~'", "book"
        ),
        "no local path in json": C("book_metadata", '\'{"u": "https://x/home/y", "t": "a/b\\\\n"}\'', "book"),
    },
}
