// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "users/directory_backend.h"
#include "users/ldap_entry.h"
#include "users/ldap_session.h"

#define PAGE 500 /* entries; Active Directory gives at most 1000 in one */
/* LDAP_SERVER_DOMAIN_SCOPE_OID ([MS-ADTS], 3.1.1.3.4.1.4): Active Directory does not speak of the
 * other parts that every domain has (its DNS, its configuration). */
#define DOMAIN_SCOPE "1.2.840.113556.1.4.1339"

struct paging {
    struct ldap_session *session;
    struct ldap_entry *entry;
    struct berval *cookie; /* of the next page; NULL: the first */
    bool done;
};

static bool is_left(const struct berval *cookie)
{
    return cookie != NULL && cookie->bv_len > 0;
}

/* The end of a page: all of it was there, and it says whether another follows (RFC 2696). */
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
                s, "search", LDAP_CONTROL_NOT_FOUND, "the server does not give pages");
    } else {
        error = ldap_parse_pageresponse_control(s->ld, paged, &estimate, &cookie);
        p->done = !is_left(&cookie);
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

/* A part of what was asked for is on another server, which is not asked: it is not all. */
static bool refuse_reference(struct paging *p, LDAPMessage *message)
{
    char **references = NULL;

    (void)ldap_parse_reference(p->session->ld, message, &references, NULL, 0);
    (void)ldap_session_fail(p->session, "a part is elsewhere", LDAP_REFERRAL,
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
    const bool good =
            ldap_session_search(p->session, directory->base.at, LDAP_SCOPE_SUBTREE,
                    directory->filter.at, ldap_entry_attributes(p->entry), controls, &id) &&
            take_page(p, id);
    ldap_control_free(controls[0]);
    return good;
}

static bool read_pages(struct ldap_session *session, struct row_set *rows)
{
    struct paging p = {.session = session, .entry = ldap_entry_init(session, rows)};
    bool good = p.entry != NULL || ldap_session_fail(session, "read", LDAP_NO_MEMORY, "");

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
