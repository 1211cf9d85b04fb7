// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdlib.h>

#include "protocol/domain.h"
#include "protocol/receiving.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth)
        abort();
}

/* What is valid comes out again, entry after entry, and through adding up. */
static void check_valid(struct text receiving)
{
    struct reader r = reader_of(receiving);
    char buffer[RECEIVING_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);
    struct receiving *sum = receiving_init();
    struct text domain;
    uint32_t recipients;
    uint32_t total = 0;

    while (receiving_next(&r, &domain, &recipients)) {
        if (total > 0)
            writer_char(&w, ',');
        writer_put(&w, domain);
        writer_char(&w, ':');
        writer_decimal(&w, recipients);
        total += recipients;
        require(recipients > 0 && total <= RECEIVING_RECIPIENTS_MAX);
        require(receiving_recipients(receiving, domain) == recipients);
        require(receiving_covers(receiving, domain));
        require(receiving_add(sum, domain, recipients));
    }
    require(!r.failed && text_equal(writer_text(&w), receiving));
    w = writer_of(buffer, sizeof buffer);
    require(receiving_format(sum, &w) && text_equal(writer_text(&w), receiving));
    receiving_free(&sum);
}

/* The list is covered just when each of its domains has recipients. */
static void check_covers(struct text receiving, struct text rcpt)
{
    bool all = rcpt.len > 0;
    size_t start = 0;

    for (size_t i = 0; i <= rcpt.len; i++) {
        if (i < rcpt.len && rcpt.at[i] != ',')
            continue;
        const struct text domain = {rcpt.len > 0 ? rcpt.at + start : NULL, i - start};
        /* A comma at the very end begins no further domain. */
        if (i < rcpt.len || domain.len > 0)
            all = all && receiving_recipients(receiving, domain) > 0;
        start = i + 1;
    }
    require(receiving_covers(receiving, rcpt) == all);
}

/* Whatever is added, the text is valid, and no recipient is lost or gained. */
static void check_adding(struct text entries)
{
    struct receiving *sum = receiving_init();
    struct reader r = reader_of(entries);
    char buffer[RECEIVING_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);
    uint64_t total = 0;

    while (r.rest.len > 0) {
        struct reader entry = reader_of(reader_field(&r, ','));
        const struct text domain = reader_field(&entry, ':');
        uint64_t recipients = 1;
        if (!text_decimal(reader_rest(&entry), UINT32_MAX, &recipients))
            recipients = 1;
        /* Others do not come out of domain_to_ascii(). */
        if (!domain_is_ldh(domain) && !text_equal(domain, text_of("*")))
            continue;
        if (!receiving_add(sum, domain, (uint32_t)recipients))
            continue;
        total += recipients;
    }
    require(receiving_format(sum, &w) == (total > 0));
    receiving_free(&sum);
    if (total == 0)
        return;
    struct text domain;
    uint32_t recipients;
    require(receiving_is_valid(writer_text(&w)));
    r = reader_of(writer_text(&w));
    while (receiving_next(&r, &domain, &recipients))
        total -= recipients;
    require(total == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_of((struct text){(const char *)data, size});
    const struct text receiving = reader_field(&r, '\n');
    const struct text rcpt = reader_rest(&r);

    if (receiving_is_valid(receiving))
        check_valid(receiving);
    check_covers(receiving, rcpt);
    check_adding(receiving);
    return 0;
}
