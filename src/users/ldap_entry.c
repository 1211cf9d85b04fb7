// SPDX-License-Identifier: ISC
#include "users/ldap_entry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "users/account.h"
#include "users/ranged.h"
#include "users/rule_words.h"

#define RULES_MAX 3 /* attributes that hold a rule */
#define WORDS_MAX (ROW_TEXT_MAX * 2)

/* An attribute, and what is done with each value: false when out of memory. */
struct wanted {
    char *name;
    bool (*take)(struct ldap_entry *e, struct text value, size_t rank);
    size_t rank; /* among those that hold addresses */
};

/* What the attributes of one entry say of its rule. */
struct said {
    char hosts_room[ROW_TEXT_MAX];
    char more_hosts_room[ROW_TEXT_MAX];
    struct writer hosts;
    struct writer more_hosts;
    size_t flags;
    bool allow_unauthorized;
    bool bad;
    char why[ROW_ERROR_MAX];
};

struct ldap_entry {
    struct ldap_session *session;
    struct row_set *rows;
    struct account *account;
    struct wanted *wanted;
    size_t wanted_count;
    char **attributes;
    struct text dn; /* of the entry that is read */
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
    e->said.bad = e->said.bad || !rule_words_add_hosts(value, &e->said.hosts, e->said.why);
    return true;
}

static bool take_more_host(struct ldap_entry *e, struct text value, size_t rank)
{
    (void)rank;
    e->said.bad = e->said.bad || !rule_words_add_hosts(value, &e->said.more_hosts, e->said.why);
    return true;
}

static bool ldap_entry_take_flag(struct ldap_entry *e, struct text value, size_t rank)
{
    struct said *said = &e->said;

    (void)rank;
    if (said->flags++ > 0 && !said->bad) {
        snprintf(said->why, sizeof said->why, "a second allow_unauthorized: expected one value");
        said->bad = true;
    }
    said->bad = said->bad || !rule_words_flag(value, &said->allow_unauthorized, said->why);
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

struct ldap_entry *ldap_entry_init(struct ldap_session *session, struct row_set *rows)
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
    return e;
}

void ldap_entry_free(struct ldap_entry **entry)
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

char **ldap_entry_attributes(struct ldap_entry *e)
{
    return e->attributes;
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

/* All values that a message has of an attribute, from one on. `more_r`: the first that it does not
 * have; 0: it has all. */
static bool ldap_entry_take_attribute(struct ldap_entry *e, LDAPMessage *message,
        const struct wanted *wanted, uint64_t from, uint64_t *more_r)
{
    BerElement *position = NULL;
    LDAP *ld = e->session->ld;
    bool good = true;
    bool seen = from == 0; /* it need not be there at all, but for what was said to follow */

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

/* A few more of one attribute. */
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

static bool take_wanted(struct ldap_entry *e, LDAPMessage *message, const struct wanted *wanted)
{
    uint64_t from = 0;
    bool good = ldap_entry_take_attribute(e, message, wanted, 0, &from);

    while (good && from > 0)
        good = fetch_part(e, wanted, from, &from);
    return good;
}

static void forget_entry(struct ldap_entry *e)
{
    account_clear(e->account);
    e->said.hosts = writer_of(e->said.hosts_room, sizeof e->said.hosts_room);
    e->said.more_hosts = writer_of(e->said.more_hosts_room, sizeof e->said.more_hosts_room);
    e->said.flags = 0;
    e->said.allow_unauthorized = false;
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
    for (size_t i = 0; good && i < e->wanted_count; i++)
        good = take_wanted(e, message, &e->wanted[i]);
    if (!good)
        return false;
    const size_t count = account_settle(e->account);
    if (count == 0) {
        row_set_pass(e->rows);
    } else if (e->said.bad) {
        row_set_refuse(e->rows, e->dn, e->said.why);
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
