// SPDX-License-Identifier: ISC
#include "protocol/results.h"

#include "protocol/digest.h"

#define LINE_MAX_OCTETS 78 /* RFC 5322, 2.1.1 */

/* Writing */

static const char *const words[] = {
        [VERDICT_YES] = "pass",
        [VERDICT_NO] = "fail",
        [VERDICT_ALLOW] = "neutral",
        [VERDICT_NONE] = "none",
        [VERDICT_TEMPERROR] = "temperror",
        [VERDICT_PERMERROR] = "permerror",
};

/* In a dot-atom, but not in a token. */
static bool is_between(char c)
{
    return c == '/' || c == '=' || c == '?';
}

static bool is_atext(char c)
{
    static const char others[] = "!#$%&'*+-/=?^_`{|}~";

    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || text_is_digit(c) ||
           memchr(others, c, sizeof others - 1) != NULL;
}

/* What may be written without quotes: a dot-atom of which a reader of tokens makes the same. */
static bool results_is_plain(struct text t)
{
    bool after_dot = true;

    for (size_t i = 0; i < t.len; i++) {
        if (t.at[i] == '.' ? after_dot : !is_atext(t.at[i]) || is_between(t.at[i]))
            return false;
        after_dot = t.at[i] == '.';
    }
    return !after_dot;
}

static void results_put_local(struct writer *w, struct text local)
{
    if (results_is_plain(local)) {
        writer_put(w, local);
        return;
    }
    writer_char(w, '"');
    for (size_t i = 0; i < local.len; i++) {
        if (local.at[i] == '"' || local.at[i] == '\\')
            writer_char(w, '\\');
        writer_char(w, local.at[i]);
    }
    writer_char(w, '"');
}

static void results_put_author(struct writer *w, const struct results *results)
{
    writer_string(w, "header.from=");
    if (results->verdict == VERDICT_YES) {
        results_put_local(w, address_local(results->author));
        writer_char(w, '@');
    }
    writer_put(w, address_domain(results->author));
}

/* The value on its way, which knows how long its last line is. */
struct folded {
    struct writer *w;
    const char *eol;
    size_t column;
};

/* A piece with a space before it, on a line of its own if it does not fit on this one. */
static void results_put_piece(struct folded *folded, const struct writer *piece)
{
    const struct text text = writer_text(piece);

    if (folded->column + 1 + text.len > LINE_MAX_OCTETS) {
        writer_string(folded->w, folded->eol);
        folded->column = 0;
    }
    writer_char(folded->w, ' ');
    writer_put(folded->w, text);
    folded->column += 1 + text.len;
    folded->w->failed = folded->w->failed || piece->failed;
}

bool results_format(
        struct text authserv_id, const struct results *results, const char *eol, struct writer *w)
{
    char buffer[2 * ADDRESS_MAX];
    struct folded folded = {w, eol, sizeof RESULTS_NAME - 1 + 2 + authserv_id.len + 1};
    struct writer piece = writer_of(buffer, sizeof buffer);

    if (results->verdict == VERDICT_NONE)
        return false;
    writer_put(w, authserv_id);
    writer_char(w, ';');
    writer_string(&piece, RESULTS_METHOD "=");
    writer_string(&piece, words[results->verdict]);
    results_put_piece(&folded, &piece);
    if (results->reason.len > 0) {
        piece = writer_of(buffer, sizeof buffer);
        writer_string(&piece, "reason=\"");
        writer_put(&piece, results->reason);
        writer_char(&piece, '"');
        results_put_piece(&folded, &piece);
    }
    if (results->author != NULL) {
        piece = writer_of(buffer, sizeof buffer);
        results_put_author(&piece, results);
        results_put_piece(&folded, &piece);
    }
    return !w->failed;
}

/* Reading: a strict reader of RFC 8601, section 2.2, with a sticky error
 *
 *     value      = [CFWS] id [ CFWS 1*DIGIT ] *( [CFWS] ";" result ) [CFWS]
 *     id         = token / quoted-string
 *     result     = [CFWS] token [ "/" 1*DIGIT ] [CFWS] "=" [CFWS] token *( CFWS property )
 *                / [CFWS] "none"
 *     property   = token [CFWS] "=" [CFWS] ( [ word / dot-atom ] "@" token / word )
 *     word       = token / quoted-string
 */

struct scan {
    struct text rest;
    bool failed;
};

static bool at_end(const struct scan *scan)
{
    return scan->failed || scan->rest.len == 0;
}

static bool next_is(const struct scan *scan, char c)
{
    return !at_end(scan) && scan->rest.at[0] == c;
}

static void skip(struct scan *scan, size_t count)
{
    scan->rest.at += count;
    scan->rest.len -= count;
}

static bool results_take(struct scan *scan, char c)
{
    if (!next_is(scan, c))
        return false;
    skip(scan, 1);
    return true;
}

static bool is_text_octet(char c)
{
    return c == '\t' || (c >= ' ' && c < '\x7f') || c == '\r' || c == '\n';
}

/* Behind its `(`. Nested ones count. */
static void results_skip_comment(struct scan *scan)
{
    for (unsigned depth = 1; depth > 0;) {
        if (at_end(scan) || !is_text_octet(scan->rest.at[0])) {
            scan->failed = true;
            return;
        }
        const char c = scan->rest.at[0];
        skip(scan, 1);
        if (c == '\\' && !at_end(scan))
            skip(scan, 1);
        else if (c == '(')
            depth++;
        else if (c == ')')
            depth--;
    }
}

/* Returns whether there was any. */
static bool results_skip_cfws(struct scan *scan)
{
    const size_t before = scan->rest.len;

    while (!at_end(scan)) {
        if (text_is_white(scan->rest.at[0]))
            skip(scan, 1);
        else if (results_take(scan, '('))
            results_skip_comment(scan);
        else
            break;
    }
    return scan->rest.len != before;
}

static bool is_token_octet(char c)
{
    return c > ' ' && c < '\x7f' && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

static struct text results_take_token(struct scan *scan)
{
    size_t len = 0;

    while (!scan->failed && len < scan->rest.len && is_token_octet(scan->rest.at[len]))
        len++;
    const struct text token = {scan->rest.at, len};
    scan->failed = scan->failed || len == 0;
    if (!scan->failed)
        skip(scan, len);
    return token;
}

/* Behind its `"`; writes what it means. */
static void results_take_quoted(struct scan *scan, struct writer *w)
{
    for (;;) {
        if (at_end(scan) || !is_text_octet(scan->rest.at[0])) {
            scan->failed = true;
            return;
        }
        char c = scan->rest.at[0];
        skip(scan, 1);
        if (c == '"')
            return;
        if (c == '\\' && !at_end(scan)) {
            c = scan->rest.at[0];
            skip(scan, 1);
        }
        writer_char(w, c);
    }
}

static void results_take_word(struct scan *scan, struct writer *w)
{
    if (results_take(scan, '"')) {
        results_take_quoted(scan, w);
        return;
    }
    const struct text token = results_take_token(scan);
    for (size_t i = 0; i < token.len; i++)
        writer_char(w, token.at[i]);
}

static void take_digits(struct scan *scan)
{
    const struct text token = results_take_token(scan);

    for (size_t i = 0; i < token.len; i++)
        scan->failed = scan->failed || !text_is_digit(token.at[i]);
}

static void results_take_id(struct scan *scan, struct writer *id)
{
    results_skip_cfws(scan);
    results_take_word(scan, id);
    const bool slash = results_take(scan, '/');
    if (slash || (results_skip_cfws(scan) && !at_end(scan) && !next_is(scan, ';')))
        take_digits(scan);
    results_skip_cfws(scan);
}

static void take_equals(struct scan *scan)
{
    results_skip_cfws(scan);
    scan->failed = !results_take(scan, '=');
    results_skip_cfws(scan);
}

/* A local part that is a dot-atom, which has more octets than a token. */
static bool results_take_local(struct scan *scan)
{
    size_t len = 0;

    while (!scan->failed && len < scan->rest.len &&
            (is_token_octet(scan->rest.at[len]) || is_between(scan->rest.at[len])))
        len++;
    if (scan->failed || len == scan->rest.len || scan->rest.at[len] != '@')
        return false;
    skip(scan, len);
    return true;
}

static void results_take_property(struct scan *scan)
{
    char buffer[1];
    struct writer nowhere = writer_of(buffer, 0);

    (void)results_take_token(scan);
    take_equals(scan);
    if (!results_take_local(scan))
        results_take_word(scan, &nowhere);
    if (results_take(scan, '@'))
        (void)results_take_token(scan);
}

static void results_take_result(struct scan *scan)
{
    results_skip_cfws(scan);
    const struct text method = results_take_token(scan);
    results_skip_cfws(scan);
    if (text_equal_fold(method, text_of("none")) && (at_end(scan) || next_is(scan, ';')))
        return;
    if (results_take(scan, '/')) {
        results_skip_cfws(scan);
        take_digits(scan);
    }
    take_equals(scan);
    (void)results_take_token(scan);
    while (results_skip_cfws(scan) && !at_end(scan) && !next_is(scan, ';'))
        results_take_property(scan);
}

/* What stands behind the next time that our method's name is in it; false when it is not. */
static bool results_find_word(struct text *rest)
{
    const struct text word = text_of(RESULTS_METHOD);

    while (rest->len >= word.len && !text_starts_with_fold(*rest, word))
        *rest = (struct text){rest->at + 1, rest->len - 1};
    if (rest->len < word.len)
        return false;
    *rest = (struct text){rest->at + word.len, rest->len - word.len};
    return true;
}

/* Also inside a comment or a quoted string: a reader that knows neither takes it for a result. */
static bool results_looks_like_ours(struct text value)
{
    while (results_find_word(&value)) {
        struct scan behind = {value, false};
        results_skip_cfws(&behind);
        if (next_is(&behind, '=') || next_is(&behind, '/'))
            return true;
    }
    return false;
}

/* Readers drop these, or show nothing for them. */
static bool results_is_dropped(char c)
{
    return c <= ' ' || c >= '\x7f' || c == '"' || c == '\\' || c == '(' || c == ')';
}

/* Whether the word is there once dropped octets are gone, and comments too. */
static bool results_has_word_between(struct text value, bool in_comments)
{
    static const char word[] = RESULTS_METHOD;
    size_t found = 0;
    unsigned depth = 0;

    for (size_t i = 0; i < value.len && found < sizeof word - 1; i++) {
        const char c = text_lower(value.at[i]);
        depth += c == '(';
        if (!in_comments && depth > 0)
            i += c == '\\';
        else if (!results_is_dropped(c))
            found = c == word[found] ? found + 1 : c == word[0];
        depth -= c == ')' && depth > 0;
    }
    return found == sizeof word - 1;
}

static bool results_has_word(struct text value)
{
    return results_has_word_between(value, true) || results_has_word_between(value, false);
}

static bool results_is_name_octet(char c)
{
    return is_atext(c) && c != '/' && c != '=' && c != '?';
}

/* Whether it is `name`, perhaps with the root's dot, and perhaps with more behind it that belongs
 * to no name. */
static bool results_id_is(struct text id, struct text name)
{
    id = text_trim(id);
    if (!text_starts_with_fold(id, name))
        return false;
    id = (struct text){id.at + name.len, id.len - name.len};
    if (id.len > 0 && id.at[0] == '.')
        id = (struct text){id.at + 1, id.len - 1};
    return id.len == 0 || !results_is_name_octet(id.at[0]);
}

/* Readers decode it, wherever it stands. */
static bool results_has_encoded_word(struct text value)
{
    return value.len > 0 && memmem(value.at, value.len, "=?", 2) != NULL;
}

static struct text results_before_semicolon(struct text value)
{
    const char *semicolon = value.len > 0 ? memchr(value.at, ';', value.len) : NULL;

    return semicolon != NULL ? (struct text){value.at, (size_t)(semicolon - value.at)} : value;
}

bool results_is_forged(const struct field *field, struct text authserv_id)
{
    const struct text value = field->value;
    char buffer[DOMAIN_MAX + 2];
    struct writer id = writer_of(buffer, sizeof buffer);
    struct scan scan = {value, false};

    if (field->has_bare_cr || field->longest_line > DIGEST_LINE_MAX ||
            results_has_encoded_word(results_before_semicolon(value)))
        return true;
    results_take_id(&scan, &id);
    const bool is_ours = scan.failed || results_id_is(writer_text(&id), authserv_id);
    if (is_ours && results_has_encoded_word(value))
        return true;
    if (!results_has_word(value))
        return false;
    do {
        scan.failed = !results_take(&scan, ';');
        results_take_result(&scan);
    } while (!at_end(&scan));
    return scan.failed || field->space_before_colon || (is_ours && results_looks_like_ours(value));
}
