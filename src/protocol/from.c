// SPDX-License-Identifier: ISC
#include "protocol/from.h"

#include <string.h>

#include "protocol/encoded_word.h"
#include "protocol/utf8.h"

/* The grammar (RFC 5322, sections 3.2 and 3.4, with UTF-8 as in RFC 6532):
 *
 *     from    = [CFWS] ( addr / [phrase] [CFWS] "<" [FWS] addr [FWS] ">" ) [CFWS]
 *             / [CFWS] addr [CFWS] "<" [FWS] addr [FWS] ">" [CFWS]  ; the same address twice
 *     addr    = ( dot-atom / quoted-string ) "@" dot-atom        ; nothing between the parts
 *     phrase  = word *( [CFWS] word )                            ; an encoded word is an atom
 *     word    = 1*( atext / "." ) / quoted-string
 *
 * The octets are checked first: below here CR and LF are folds and nothing else. */

enum token_kind {
    TOKEN_END,
    TOKEN_BAD, /* a comment or a quoted string that never ends */
    TOKEN_ATOM,
    TOKEN_QUOTED,
    TOKEN_SPECIAL,
};

struct token {
    enum token_kind kind;
    struct text text; /* without its quotes, with its quoted pairs */
    bool space;       /* stood before it */
    bool comment;     /* so did this */
};

struct scanner {
    struct text rest;
    enum from_result error; /* what TOKEN_BAD stands for; FROM_OK: none was met */
    bool quoted_less;       /* a quoted string has a `<` */
    bool quoted_at;         /* ... an `@` */
    bool quoted_end;        /* ... a fold or an escaped backslash, where it ends for some readers */
};

struct mailbox {
    struct token local;
    struct token domain;
};

/* Octets of the line's end at `at` if the line goes on with white space; 0 if it does not. */
static size_t from_fold_len(const unsigned char *at, size_t left)
{
    const size_t end = at[0] == '\r' ? 2 : 1;

    if (left <= end || at[end - 1] != '\n')
        return 0;
    return text_is_space((char)at[end]) ? end : 0;
}

/* No control octet, and no line end that is no fold. */
static bool from_octets_are_good(struct text value)
{
    for (size_t i = 0, len = 0; i < value.len; i += len) {
        const unsigned char *at = (const unsigned char *)value.at + i;
        len = 1;
        if (*at == '\r' || *at == '\n')
            len = from_fold_len(at, value.len - i);
        else if ((*at < ' ' && *at != '\t') || *at == 0x7f)
            len = 0;
        if (len == 0)
            return false;
    }
    return true;
}

static bool is_line_end(char c)
{
    return c == '\r' || c == '\n';
}

/* atext, and the dot that atoms in names and addresses hold. */
static bool from_is_atom(char c)
{
    static const char others[] = "!#$%&'*+-/=?^_`{|}~.";
    const char lower = text_lower(c);

    return (lower >= 'a' && lower <= 'z') || text_is_digit(c) || (unsigned char)c >= 0x80 ||
           memchr(others, c, sizeof others - 1) != NULL;
}

static struct text from_take(struct scanner *s, size_t len)
{
    const struct text taken = {s->rest.at, len};

    s->rest.at += len;
    s->rest.len -= len;
    return taken;
}

/* Steps over `\` and what it quotes. A fold cannot be quoted: it is gone before pairs are read. */
static bool skip_pair(struct scanner *s)
{
    if (s->rest.len < 2 || is_line_end(s->rest.at[1]))
        return false;
    (void)from_take(s, 2);
    return true;
}

/* From the first `(` to the `)` that closes it. Counts instead of recursing: the depth is the
 * sender's choice. */
static bool from_skip_comment(struct scanner *s)
{
    size_t depth = 0;

    while (s->rest.len > 0) {
        const char c = s->rest.at[0];
        if (c == '\\') {
            if (!skip_pair(s))
                return false;
            continue;
        }
        (void)from_take(s, 1);
        if (c == '(')
            depth++;
        else if (c == ')' && --depth == 0)
            return true;
    }
    return false;
}

/* What stands between the quotes, of which the first is next. */
static bool from_read_quoted(struct scanner *s, struct text *inside_r)
{
    (void)from_take(s, 1);
    const struct text from = s->rest;
    while (s->rest.len > 0) {
        if (s->rest.at[0] == '"') {
            *inside_r = (struct text){from.at, from.len - s->rest.len};
            (void)from_take(s, 1);
            return true;
        }
        if (s->rest.at[0] != '\\')
            (void)from_take(s, 1);
        else if (!skip_pair(s))
            return false;
    }
    return false;
}

static bool from_has(struct text t, char c)
{
    return t.len > 0 && memchr(t.at, c, t.len) != NULL;
}

static bool matters(char c)
{
    return c == '\\' || c == '@' || c == '[' || c == ']';
}

/* Whether an octet from 0x80 on stands directly before one that matters: in Asian charsets the two
 * can be one character, and the second one then means nothing to a reader. */
static bool from_hides_octet(struct text t)
{
    for (size_t i = 1; i < t.len; i++)
        if ((unsigned char)t.at[i - 1] >= 0x80 && matters(t.at[i]))
            return true;
    return false;
}

/* What is wrong with a comment, with its parentheses, that ends. */
static enum from_result from_check_comment(struct text comment)
{
    static const char misleading[] = "<>@\"\\";

    if (from_hides_octet(comment))
        return FROM_OCTET;
    for (size_t i = 0; i < strlen(misleading); i++)
        if (from_has(comment, misleading[i]))
            return FROM_MISLEADING;
    return FROM_OK;
}

/* What is wrong with the inside of a quoted string. */
static enum from_result from_check_quoted(struct scanner *s, struct text inside)
{
    s->quoted_less = s->quoted_less || from_has(inside, '<');
    s->quoted_at = s->quoted_at || from_has(inside, '@');
    s->quoted_end = s->quoted_end || from_has(inside, '\n') ||
                    (inside.len > 0 && memmem(inside.at, inside.len, "\\\\", 2) != NULL);
    return from_hides_octet(inside) ? FROM_OCTET : FROM_OK;
}

static struct text from_read_atom(struct scanner *s)
{
    size_t len = 0;

    while (len < s->rest.len && from_is_atom(s->rest.at[len]))
        len++;
    return from_take(s, len);
}

/* Steps over CFWS and notes in `token` what it was made of. */
static enum from_result from_skip_gap(struct scanner *s, struct token *token)
{
    enum from_result result = FROM_OK;

    while (s->rest.len > 0 && result == FROM_OK) {
        const struct text rest = s->rest;
        if (text_is_white(rest.at[0])) {
            (void)from_take(s, 1);
            token->space = true;
        } else if (rest.at[0] == '(') {
            token->comment = true;
            result = from_skip_comment(s)
                             ? from_check_comment((struct text){rest.at, rest.len - s->rest.len})
                             : FROM_COMMENT;
        } else {
            break;
        }
    }
    return result;
}

static struct token bad(struct scanner *s, enum from_result error)
{
    s->error = error;
    return (struct token){.kind = TOKEN_BAD};
}

static struct token from_next_quoted(struct scanner *s, struct token token)
{
    token.kind = TOKEN_QUOTED;
    if (!from_read_quoted(s, &token.text))
        return bad(s, FROM_SYNTAX);
    const enum from_result result = from_check_quoted(s, token.text);
    return result == FROM_OK ? token : bad(s, result);
}

static struct token from_next_token(struct scanner *s)
{
    struct token token = {.kind = TOKEN_END};
    const enum from_result gap = from_skip_gap(s, &token);

    if (gap != FROM_OK)
        return bad(s, gap);
    if (s->rest.len == 0)
        return token;
    if (s->rest.at[0] == '"')
        return from_next_quoted(s, token);
    token.kind = from_is_atom(s->rest.at[0]) ? TOKEN_ATOM : TOKEN_SPECIAL;
    token.text = token.kind == TOKEN_ATOM ? from_read_atom(s) : from_take(s, 1);
    return token;
}

static bool from_is_word(const struct token *token)
{
    return token->kind == TOKEN_ATOM || token->kind == TOKEN_QUOTED;
}

/* The special octet that `token` is, or NUL, which no token is. */
static char special(const struct token *token)
{
    return token->kind == TOKEN_SPECIAL ? token->text.at[0] : '\0';
}

/* Whether `t` could be, or be the end of, an encoded word (RFC 2047) to a reader that decodes
 * before it parses. */
static bool from_holds_encoded(struct text t)
{
    return t.len > 0 && memmem(t.at, t.len, "?=", 2) != NULL;
}

/* What `at` should be, the `@`, and the domain; the local part is read. */
static enum from_result from_read_domain(
        struct scanner *s, const struct token *at, struct token *domain_r)
{
    if (at->comment)
        return FROM_COMMENT;
    if (special(at) != '@')
        return at->kind == TOKEN_END || special(at) == '>' ? FROM_DOMAIN : FROM_SYNTAX;
    *domain_r = from_next_token(s);
    if (domain_r->comment)
        return FROM_COMMENT;
    if (special(domain_r) == '[')
        return FROM_LITERAL;
    if (domain_r->kind != TOKEN_ATOM)
        return FROM_DOMAIN;
    return at->space || domain_r->space ? FROM_SYNTAX : FROM_OK;
}

/* Behind the `<`. */
static enum from_result from_read_angle(struct scanner *s, struct mailbox *mailbox_r)
{
    mailbox_r->local = from_next_token(s);
    if (mailbox_r->local.comment)
        return FROM_COMMENT;
    if (special(&mailbox_r->local) == '>')
        return FROM_EMPTY;
    if (special(&mailbox_r->local) == '@')
        return FROM_ROUTE;
    if (!from_is_word(&mailbox_r->local))
        return FROM_LOCAL;
    const struct token at = from_next_token(s);
    const enum from_result result = from_read_domain(s, &at, &mailbox_r->domain);
    if (result != FROM_OK)
        return result;
    const struct token close = from_next_token(s);
    if (close.comment)
        return FROM_COMMENT;
    if (special(&close) != '>')
        return special(&close) == ',' ? FROM_SEVERAL : FROM_SYNTAX;
    const struct token behind = from_next_token(s);
    if (behind.kind == TOKEN_END)
        return FROM_OK;
    return special(&behind) == ',' ? FROM_SEVERAL : FROM_TRAILING;
}

/* Behind the `<` that follows an address: the very same, or the first is no name. */
static enum from_result from_read_repeated(struct scanner *s, struct mailbox *mailbox)
{
    const struct mailbox first = *mailbox;

    if (from_read_angle(s, mailbox) != FROM_OK)
        return FROM_PHRASE;
    return text_equal_fold(first.local.text, mailbox->local.text) &&
                           first.local.kind == mailbox->local.kind &&
                           text_equal_fold(first.domain.text, mailbox->domain.text)
                   ? FROM_OK
                   : FROM_PHRASE;
}

/* An address without angle brackets, from its `@` on. */
static enum from_result from_read_bare(
        struct scanner *s, const struct token *at, struct mailbox *mailbox_r)
{
    const enum from_result result = from_read_domain(s, at, &mailbox_r->domain);

    if (result != FROM_OK)
        return result;
    const struct token behind = from_next_token(s);
    if (behind.kind == TOKEN_END)
        return FROM_OK;
    if (special(&behind) == '<')
        return from_read_repeated(s, mailbox_r);
    return special(&behind) == ',' ? FROM_SEVERAL : FROM_SYNTAX;
}

/* What it is, if no address follows the words before `stop`. */
static enum from_result from_without_address(const struct token *stop, size_t words, bool encoded)
{
    if (special(stop) == ':')
        return FROM_GROUP;
    if (encoded && (stop->kind == TOKEN_END || special(stop) == ','))
        return FROM_ENCODED;
    if (stop->kind == TOKEN_END)
        return FROM_EMPTY;
    return special(stop) == ',' && words == 0 ? FROM_SEVERAL : FROM_PHRASE;
}

static enum from_result from_read_mailbox(struct scanner *s, struct mailbox *mailbox_r)
{
    struct token token = from_next_token(s);
    size_t words = 0;
    bool encoded = false;

    for (; from_is_word(&token); token = from_next_token(s)) {
        mailbox_r->local = token;
        encoded = encoded || from_holds_encoded(token.text);
        words++;
    }
    if (special(&token) == '<')
        return from_read_angle(s, mailbox_r);
    if (special(&token) != '@' || words > 1)
        return from_without_address(&token, words, encoded);
    return words == 1 ? from_read_bare(s, &token, mailbox_r) : FROM_LOCAL;
}

static bool is_dot_atom(struct text t)
{
    return t.len > 0 && t.at[0] != '.' && t.at[t.len - 1] != '.' &&
           memmem(t.at, t.len, "..", 2) == NULL;
}

/* The local part as it is meant: without quoted pairs. */
static bool from_read_local(const struct token *local, struct writer *w)
{
    if (local->kind == TOKEN_ATOM && !is_dot_atom(local->text))
        return false;
    for (size_t i = 0; i < local->text.len; i++) {
        if (local->kind == TOKEN_QUOTED && local->text.at[i] == '\\')
            i++;
        writer_char(w, local->text.at[i]);
    }
    return !w->failed;
}

/* Whether `local` has more than an unquoted one may have, and single SPs inside: an `@` some
 * readers take for the one that counts, other white space they drop, quotes and backslashes too. */
static bool from_local_misleads(struct text local)
{
    bool after_space = true;

    for (size_t i = 0; i < local.len; i++) {
        const bool is_space = local.at[i] == ' ';
        if (is_space ? after_space : !from_is_atom(local.at[i]))
            return true;
        after_space = is_space;
    }
    return after_space && local.len > 0;
}

static enum from_result from_make_author(const struct mailbox *mailbox, struct address *author_r)
{
    char local[ADDRESS_LOCAL_MAX];
    char domain[DOMAIN_MAX + 1];
    struct writer w = writer_of(local, sizeof local);

    if (from_holds_encoded(mailbox->local.text) || from_holds_encoded(mailbox->domain.text))
        return FROM_ENCODED;
    if (!utf8_is_valid(mailbox->local.text) || !utf8_is_valid(mailbox->domain.text))
        return FROM_OCTET;
    if (from_has(mailbox->local.text, '\n'))
        return FROM_MISLEADING;
    if (!from_read_local(&mailbox->local, &w))
        return FROM_LOCAL;
    if (from_local_misleads(writer_text(&w)))
        return FROM_MISLEADING;
    if (!domain_to_ascii(mailbox->domain.text, domain) || strchr(domain, '.') == NULL)
        return FROM_DOMAIN;
    return address_make_ascii(writer_text(&w), text_of(domain), author_r) ? FROM_OK : FROM_LOCAL;
}

/* Whether a reader that decodes encoded words before it parses can see another author. */
static bool from_words_mislead(const struct scanner *s, struct text value)
{
    const struct encoded_word_signs signs = encoded_word_signs(value);

    if (signs.control || signs.hidden || signs.crosses)
        return true;
    return (signs.less || signs.at || signs.quote) && (signs.less || s->quoted_less) &&
           (signs.at || s->quoted_at);
}

enum from_result from_parse(struct text value, struct address *author_r)
{
    struct scanner s = {.rest = value, .error = FROM_OK};
    struct mailbox mailbox = {0};
    struct address author;

    if (!from_octets_are_good(value))
        return FROM_OCTET;
    const enum from_result result = from_read_mailbox(&s, &mailbox);
    if (s.error != FROM_OK)
        return s.error;
    if (result != FROM_OK)
        return result;
    const enum from_result made = from_make_author(&mailbox, &author);
    if (made != FROM_OK)
        return made;
    if ((s.quoted_end && (s.quoted_less || s.quoted_at)) || from_words_mislead(&s, value))
        return FROM_MISLEADING;
    *author_r = author;
    return FROM_OK;
}

const char *from_result_text(enum from_result result)
{
    static const char *const texts[] = {
            [FROM_OK] = "has one mailbox",
            [FROM_EMPTY] = "has no mailbox",
            [FROM_SEVERAL] = "has more than one mailbox",
            [FROM_GROUP] = "has a group",
            [FROM_ROUTE] = "has a route before the address",
            [FROM_COMMENT] = "has a comment inside the address, or one that never ends",
            [FROM_MISLEADING] = "shows some readers another address than others",
            [FROM_PHRASE] = "has a special character outside quotes in the display name",
            [FROM_TRAILING] = "has something behind the address",
            [FROM_ENCODED] = "has an encoded word where the address stands",
            [FROM_LITERAL] = "has a domain literal",
            [FROM_LOCAL] = "has no valid local part",
            [FROM_DOMAIN] = "has no valid domain",
            [FROM_OCTET] = "has an octet that is not allowed, or an address that is not UTF-8",
            [FROM_SYNTAX] = "is not a mailbox",
    };

    return texts[result];
}
