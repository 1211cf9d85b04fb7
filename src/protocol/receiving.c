// SPDX-License-Identifier: ISC
#include "protocol/receiving.h"

#include <stdlib.h>

#include "protocol/domain.h"

/* `d:1,` is the shortest entry, the last one has no comma. */
#define ENTRIES_MAX ((RECEIVING_MAX + 1) / 4)

struct entry {
    struct text domain; /* in `names` */
    uint32_t recipients;
};

/* A list that passes RECEIVING_MAX cannot come back under it, so that a fixed room is enough. */
struct receiving {
    bool any; /* `*`: the entries do not count any more */
    uint32_t total;
    size_t count;
    struct entry entries[ENTRIES_MAX];
    size_t names_len;
    char names[RECEIVING_MAX];
};

static bool is_any(struct text domain)
{
    return text_equal(domain, text_of("*"));
}

static bool is_lower(struct text t)
{
    for (size_t i = 0; i < t.len; i++)
        if (t.at[i] != text_lower(t.at[i]))
            return false;
    return true;
}

bool receiving_next(struct reader *r, struct text *domain_r, uint32_t *recipients_r)
{
    if (r->failed || r->rest.len == 0)
        return false;
    struct reader entry = reader_of(reader_field(r, ','));
    const struct text domain = reader_until(&entry, ':');
    uint64_t recipients;
    if (!text_decimal(reader_rest(&entry), RECEIVING_RECIPIENTS_MAX, &recipients) ||
            recipients == 0) {
        r->failed = true;
        return false;
    }
    *domain_r = domain;
    *recipients_r = (uint32_t)recipients;
    return true;
}

/* Whether `domain` stands in what precedes it. */
static bool is_repeated(struct text receiving, struct text domain)
{
    const struct text before = {receiving.at, (size_t)(domain.at - receiving.at)};

    return receiving_recipients(before, domain) > 0;
}

bool receiving_is_valid(struct text receiving)
{
    if (receiving.len == 0 || receiving.len > RECEIVING_MAX ||
            receiving.at[receiving.len - 1] == ',')
        return false;
    struct reader r = reader_of(receiving);
    struct text domain;
    uint32_t recipients;
    uint32_t total = 0;
    while (receiving_next(&r, &domain, &recipients)) {
        total += recipients;
        if (total > RECEIVING_RECIPIENTS_MAX)
            return false;
        if (is_any(domain))
            return domain.at == receiving.at && r.rest.len == 0;
        if (!domain_is_ldh(domain) || !is_lower(domain) || is_repeated(receiving, domain))
            return false;
    }
    return !r.failed;
}

uint32_t receiving_recipients(struct text receiving, struct text domain)
{
    struct reader r = reader_of(receiving);
    struct text named;
    uint32_t recipients;

    while (domain.len > 0 && receiving_next(&r, &named, &recipients))
        if (is_any(named) || text_equal_fold(named, domain))
            return recipients;
    return 0;
}

bool receiving_covers(struct text receiving, struct text rcpt)
{
    struct reader r = reader_of(rcpt);

    do {
        if (receiving_recipients(receiving, reader_field(&r, ',')) == 0)
            return false;
    } while (r.rest.len > 0);
    return true;
}

struct receiving *receiving_init(void)
{
    return calloc(1, sizeof(struct receiving));
}

void receiving_free(struct receiving **receiving)
{
    free(*receiving);
    *receiving = NULL;
}

static struct entry *receiving_find(struct receiving *receiving, struct text domain)
{
    for (size_t i = 0; i < receiving->count; i++)
        if (text_equal_fold(receiving->entries[i].domain, domain))
            return &receiving->entries[i];
    return NULL;
}

/* False when the list would be too long for a payload, whatever the counts. */
static bool receiving_append(struct receiving *receiving, struct text domain, uint32_t recipients)
{
    const size_t names_len = receiving->names_len + domain.len;

    if (receiving->count == ENTRIES_MAX || names_len > sizeof receiving->names)
        return false;
    char *name = receiving->names + receiving->names_len;
    for (size_t i = 0; i < domain.len; i++)
        name[i] = text_lower(domain.at[i]);
    receiving->names_len = names_len;
    receiving->entries[receiving->count++] = (struct entry){{name, domain.len}, recipients};
    return true;
}

bool receiving_add(struct receiving *receiving, struct text domain, uint32_t recipients)
{
    if (recipients == 0 || recipients > RECEIVING_RECIPIENTS_MAX - receiving->total)
        return false;
    struct entry *entry = receiving_find(receiving, domain);
    if (entry != NULL)
        entry->recipients += recipients;
    else if (is_any(domain) || !receiving_append(receiving, domain, recipients))
        receiving->any = true;
    receiving->total += recipients;
    return true;
}

static void receiving_put_entry(struct writer *w, struct text domain, uint32_t recipients)
{
    writer_put(w, domain);
    writer_char(w, ':');
    writer_decimal(w, recipients);
}

bool receiving_format(const struct receiving *receiving, struct writer *w)
{
    char buffer[RECEIVING_MAX];
    struct writer list = writer_of(buffer, sizeof buffer);

    if (receiving->total == 0)
        return false;
    for (size_t i = 0; i < receiving->count; i++) {
        if (i > 0)
            writer_char(&list, ',');
        receiving_put_entry(&list, receiving->entries[i].domain, receiving->entries[i].recipients);
    }
    if (receiving->any || list.failed)
        receiving_put_entry(w, text_of("*"), receiving->total);
    else
        writer_put(w, writer_text(&list));
    return !w->failed;
}
