// SPDX-License-Identifier: ISC
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "users/directory_backend.h"
#include "users/ldap_session.h"
#include "users/mailbox.h"
#include "users/row_set.h"
#include "users/rule_words.h"

#define PAGE 500 /* entries; Active Directory allows at most 1000 a page */
/* LDAP_SERVER_DOMAIN_SCOPE_OID ([MS-ADTS], 3.1.1.3.4.1.4): Active Directory then sends no
 * references to the other parts that every domain has (its DNS, its configuration). */
#define DOMAIN_SCOPE "1.2.840.113556.1.4.1339"

/* Turns directory entries into rows. The primary address gets the row with the rule. Each other
 * address gets an alias row. */
struct ldap_entry;

/* Adds an entry's rows. Values that Active Directory left out, because there are too many, are
 * fetched. False with a sentence in the session. */
bool ldap_entry_take(struct ldap_entry *entry, LDAPMessage *message)
        __attribute__((warn_unused_result));

#define RULES_MAX 4 /* attributes that hold a rule */
#define WORDS_MAX (ROW_TEXT_MAX * 2)

/* An attribute, and the function for each of its values; that returns false when out of memory. */
struct wanted {
    char *name;
    bool (*take)(struct ldap_entry *e, struct text value, size_t rank);
    size_t rank; /* among the address attributes */
};

/* The rule as the attributes of one entry give it. */
struct said {
    char hosts_buffer[ROW_TEXT_MAX];
    char more_hosts_buffer[ROW_TEXT_MAX];
    struct writer hosts;
    struct writer more_hosts;
    size_t flags;
    bool allow_unauthorized;
    char not_before[DATE_TEXT_MAX]; /* "": none */
    bool bad;
    char error[ROW_ERROR_MAX];
};

struct ldap_entry {
    struct ldap_session *session;
    struct row_set *rows;
    struct account *account;
    struct wanted *wanted;
    size_t wanted_count;
    char **attributes;
    struct text dn; /* of the current entry */
    struct said said;
};

static bool take_address(struct ldap_entry *e, struct text value, size_t rank)
{
    const enum account_result result = account_add(e->account, value, rank);

    if (result == ACCOUNT_BAD)
        row_set_skip(e->rows, value, e->dn);
    return result != ACCOUNT_NO_MEMORY;
}

static bool ldap_entry_take_host(struct ldap_entry *e, struct text value, size_t rank)
{
    (void)rank;
    e->said.bad = e->said.bad || !rule_words_add_hosts(value, &e->said.hosts, e->said.error);
    return true;
}

static bool take_more_host(struct ldap_entry *e, struct text value, size_t rank)
{
    (void)rank;
    e->said.bad = e->said.bad || !rule_words_add_hosts(value, &e->said.more_hosts, e->said.error);
    return true;
}

static bool ldap_entry_take_flag(struct ldap_entry *e, struct text value, size_t rank)
{
    struct said *said = &e->said;

    (void)rank;
    if (said->flags++ > 0 && !said->bad) {
        snprintf(
                said->error, sizeof said->error, "a second allow_unauthorized: expected one value");
        said->bad = true;
    }
    said->bad = said->bad || !rule_words_flag(value, &said->allow_unauthorized, said->error);
    return true;
}

static bool ldap_entry_take_date(struct ldap_entry *e, struct text value, size_t rank)
{
    struct said *said = &e->said;

    (void)rank;
    if (said->not_before[0] != '\0' && !said->bad) {
        snprintf(said->error, sizeof said->error, "a second not_before: expected one value");
        said->bad = true;
    }
    said->bad = said->bad || !rule_words_date(value, said->not_before, said->error);
    return true;
}

static void want(struct ldap_entry *e, char *name,
        bool (*take)(struct ldap_entry *e, struct text value, size_t rank), size_t rank)
{
    if (name == NULL)
        return;
    e->wanted[e->wanted_count] = (struct wanted){name, take, rank};
    e->attributes[e->wanted_count++] = name;
}

static void ldap_entry_free(struct ldap_entry **entry)
{
    struct ldap_entry *e = *entry;

    if (e == NULL)
        return;
    account_free(&e->account);
    free(e->wanted);
    free(e->attributes);
    free(e);
    *entry = NULL;
}

/* Borrows its arguments. NULL when out of memory. */
static struct ldap_entry *ldap_entry_init(struct ldap_session *session, struct row_set *rows)
{
    const struct config_directory *directory = session->directory;
    const size_t most = directory->addresses.count + RULES_MAX;
    struct ldap_entry *e = calloc(1, sizeof *e);

    if (e == NULL)
        return NULL;
    e->session = session;
    e->rows = rows;
    e->account = account_init();
    e->wanted = calloc(most, sizeof *e->wanted);
    e->attributes = calloc(most + 1, sizeof *e->attributes);
    if (e->account == NULL || e->wanted == NULL || e->attributes == NULL) {
        ldap_entry_free(&e);
        return NULL;
    }
    for (size_t i = 0; i < directory->addresses.count; i++)
        want(e, directory->addresses.at[i].at, take_address, i);
    want(e, directory->hosts.at, ldap_entry_take_host, 0);
    want(e, directory->more_hosts.at, take_more_host, 0);
    want(e, directory->allow_unauthorized.at, ldap_entry_take_flag, 0);
    want(e, directory->not_before.at, ldap_entry_take_date, 0);
    return e;
}

static bool take_values(struct ldap_entry *e, LDAPMessage *message, const char *description,
        const struct wanted *wanted)
{
    struct berval **values = ldap_get_values_len(e->session->ld, message, description);
    bool good = true;

    for (size_t i = 0; good && values != NULL && values[i] != NULL; i++)
        good = wanted->take(e, (struct text){values[i]->bv_val, values[i]->bv_len}, wanted->rank);
    ldap_value_free_len(values);
    return good || ldap_session_fail(e->session, "read", LDAP_NO_MEMORY, "");
}

/* Reads a message's values of an attribute, starting with value number `from`. `more_r`: the first
 * value that the message lacks; 0: it has all. */
static bool ldap_entry_take_attribute(struct ldap_entry *e, LDAPMessage *message,
        const struct wanted *wanted, uint64_t from, uint64_t *more_r)
{
    BerElement *position = NULL;
    LDAP *ld = e->session->ld;
    bool good = true;
    bool seen = from == 0; /* the attribute may be missing, unless more values were announced */

    *more_r = 0;
    for (char *description = ldap_first_attribute(ld, message, &position);
            good && description != NULL; description = ldap_next_attribute(ld, message, position)) {
        uint64_t first = 0;
        uint64_t next = 0;
        const enum ranged ranged =
                ranged_read(text_of(description), text_of(wanted->name), &first, &next);
        const bool is_range = ranged == RANGED_PART || ranged == RANGED_LAST;
        if (ranged == RANGED_WRONG || (is_range && first != from))
            good = ldap_session_fail(e->session, "search", LDAP_DECODING_ERROR, description);
        else if (ranged != RANGED_ANOTHER)
            good = take_values(e, message, description, wanted);
        seen = seen || is_range;
        if (ranged == RANGED_PART)
            *more_r = next;
        ldap_memfree(description);
    }
    ber_free(position, 0);
    return good && (seen || ldap_session_fail(e->session, "search for more values of an entry",
                                    LDAP_NO_SUCH_ATTRIBUTE, e->dn.at));
}

/* Fetches a further part of one attribute's values. */
static bool fetch_part(
        struct ldap_entry *e, const struct wanted *wanted, uint64_t from, uint64_t *more_r)
{
    char description[512];
    LDAPMessage *found = NULL;

    snprintf(description, sizeof description, "%.450s;range=%" PRIu64 "-*", wanted->name, from);
    const int error = ldap_session_get(e->session, e->dn.at, description, &found);
    bool good = error == LDAP_SUCCESS;
    if (!good)
        (void)ldap_session_fail(e->session, "search for more values of an entry", error, e->dn.at);
    else
        good = ldap_entry_take_attribute(
                e, ldap_first_entry(e->session->ld, found), wanted, from, more_r);
    ldap_msgfree(found);
    return good;
}

static void forget_entry(struct ldap_entry *e)
{
    account_clear(e->account);
    e->said.hosts = writer_of(e->said.hosts_buffer, sizeof e->said.hosts_buffer);
    e->said.more_hosts = writer_of(e->said.more_hosts_buffer, sizeof e->said.more_hosts_buffer);
    e->said.flags = 0;
    e->said.allow_unauthorized = false;
    e->said.not_before[0] = '\0';
    e->said.bad = false;
}

static void put_rule(const struct said *said, struct writer *words)
{
    if (writer_text(&said->hosts).len > 0)
        rule_words_put(words, "hosts", writer_text(&said->hosts));
    if (writer_text(&said->more_hosts).len > 0)
        rule_words_put(words, "more_hosts", writer_text(&said->more_hosts));
    if (said->allow_unauthorized)
        rule_words_put(words, "allow_unauthorized", text_of("yes"));
    if (said->not_before[0] != '\0')
        rule_words_put(words, "not_before", text_of(said->not_before));
}

static bool put_rows(struct ldap_entry *e, size_t count)
{
    char rule_octets[WORDS_MAX];
    char alias_octets[ADDRESS_MAX + sizeof " alias="];
    struct writer rule = writer_of(rule_octets, sizeof rule_octets);
    struct writer alias = writer_of(alias_octets, sizeof alias_octets);
    const struct text primary = account_address(e->account, 0);

    put_rule(&e->said, &rule);
    rule_words_put(&alias, "alias", primary);
    bool good = row_set_put(e->rows, primary, writer_text(&rule), e->dn);
    for (size_t i = 1; good && i < count; i++)
        good = row_set_put(e->rows, account_address(e->account, i), writer_text(&alias), e->dn);
    return good || ldap_session_fail(e->session, "read", LDAP_NO_MEMORY, "");
}

static bool ldap_entry_take_entry(struct ldap_entry *e, LDAPMessage *message)
{
    bool good = true;

    forget_entry(e);
    for (size_t i = 0; good && i < e->wanted_count; i++) {
        uint64_t from = 0;
        good = ldap_entry_take_attribute(e, message, &e->wanted[i], 0, &from);
        while (good && from > 0)
            good = fetch_part(e, &e->wanted[i], from, &from);
    }
    if (!good)
        return false;
    const size_t count = account_settle(e->account);
    if (count == 0) {
        row_set_pass(e->rows);
    } else if (e->said.bad) {
        row_set_refuse(e->rows, e->dn, e->said.error);
    } else {
        good = put_rows(e, count);
    }
    return good;
}

bool ldap_entry_take(struct ldap_entry *e, LDAPMessage *message)
{
    char *dn = ldap_get_dn(e->session->ld, message);

    if (dn == NULL)
        return ldap_session_fail(e->session, "search", LDAP_DECODING_ERROR, "an entry without DN");
    e->dn = text_of(dn);
    const bool good = ldap_entry_take_entry(e, message);
    ldap_memfree(dn);
    return good;
}

struct paging {
    struct ldap_session *session;
    struct ldap_entry *entry;
    struct berval *cookie; /* of the next page; NULL: the first page */
    bool done;
};

/* Handles the end of a page: the page was complete, and the result says whether another follows
 * (RFC 2696). */
static bool end_page(struct paging *p, LDAPMessage *message)
{
    struct ldap_session *s = p->session;
    LDAPControl **controls = NULL;
    char *text = NULL;
    ber_int_t estimate = 0;
    struct berval cookie = {0};
    int code = LDAP_OTHER;

    ber_bvfree(p->cookie);
    p->cookie = NULL;
    int error = ldap_parse_result(s->ld, message, &code, NULL, &text, NULL, &controls, 0);
    LDAPControl *paged = ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, controls, NULL);
    bool good = false;
    if (error != LDAP_SUCCESS || code != LDAP_SUCCESS) {
        (void)ldap_session_fail(s, "search", error != LDAP_SUCCESS ? error : code, text);
    } else if (paged == NULL) {
        (void)ldap_session_fail(
                s, "search", LDAP_CONTROL_NOT_FOUND, "the server does not support paged results");
    } else {
        error = ldap_parse_pageresponse_control(s->ld, paged, &estimate, &cookie);
        p->done = cookie.bv_len == 0;
        good = error == LDAP_SUCCESS && (p->done || (p->cookie = ber_bvdup(&cookie)) != NULL);
        if (!good)
            (void)ldap_session_fail(
                    s, "search", error != LDAP_SUCCESS ? error : LDAP_NO_MEMORY, "");
    }
    ber_memfree(cookie.bv_val);
    ber_memfree(text);
    ldap_controls_free(controls);
    return good;
}

/* A reference means that part of the result is on another server. It is not followed, so the result
 * is incomplete. */
static bool refuse_reference(struct paging *p, LDAPMessage *message)
{
    char **references = NULL;

    (void)ldap_parse_reference(p->session->ld, message, &references, NULL, 0);
    (void)ldap_session_fail(p->session, "a part is on another server", LDAP_REFERRAL,
            references != NULL && references[0] != NULL ? references[0] : "");
    ber_memvfree((void **)references);
    return false;
}

static bool take_page(struct paging *p, int id)
{
    bool good = true;
    bool ended = false;

    while (good && !ended) {
        LDAPMessage *message = ldap_session_next(p->session, id);
        if (message == NULL)
            return false;
        switch (ldap_msgtype(message)) {
        case LDAP_RES_SEARCH_ENTRY:
            good = ldap_entry_take(p->entry, message);
            break;
        case LDAP_RES_SEARCH_REFERENCE:
            good = refuse_reference(p, message);
            break;
        case LDAP_RES_SEARCH_RESULT:
            good = end_page(p, message);
            ended = true;
            break;
        default:
            break;
        }
        ldap_msgfree(message);
    }
    return good;
}

static bool read_page(struct paging *p)
{
    const struct config_directory *directory = p->session->directory;
    char scope_name[] = DOMAIN_SCOPE;
    LDAPControl scope = {.ldctl_oid = scope_name};
    LDAPControl *controls[] = {NULL, NULL, NULL};
    int id = 0;

    const int error = ldap_create_page_control(p->session->ld, PAGE, p->cookie, 1, &controls[0]);
    if (error != LDAP_SUCCESS)
        return ldap_session_fail(p->session, "search", error, NULL);
    if (p->session->is_active_directory)
        controls[1] = &scope;
    const bool good = ldap_session_search(p->session, directory->base.at, LDAP_SCOPE_SUBTREE,
                              directory->filter.at, p->entry->attributes, controls, &id) &&
                      take_page(p, id);
    ldap_control_free(controls[0]);
    return good;
}

static bool read_pages(struct ldap_session *session, struct row_set *rows)
{
    struct paging p = {.session = session, .entry = ldap_entry_init(session, rows)};
    bool good = true;

    if (p.entry == NULL)
        return ldap_session_fail(session, "read", LDAP_NO_MEMORY, "");
    while (good && !p.done)
        good = read_page(&p);
    ber_bvfree(p.cookie);
    ldap_entry_free(&p.entry);
    return good;
}

static bool read_ldap(const struct config_directory *directory, const char *password,
        struct row_set *rows, char error_r[DIRECTORY_ERROR_MAX])
{
    struct ldap_session session;

    if (!ldap_session_open(&session, directory, password, error_r))
        return false;
    const bool good = read_pages(&session, rows);
    ldap_session_close(&session);
    return good;
}

const struct directory_backend directory_ldap = {"ldap", read_ldap};
