// SPDX-License-Identifier: ISC
#include "replay/count_request.h"

#include <sodium.h>
#include <string.h>

static void hash_domain(struct text domain, unsigned char hash_r[REPLAY_DOMAIN])
{
    unsigned char hash[crypto_generichash_BYTES_MIN];
    crypto_generichash_state state;

    crypto_generichash_init(&state, NULL, 0, sizeof hash);
    for (size_t i = 0; i < domain.len; i++) {
        const unsigned char lower = (unsigned char)text_lower(domain.at[i]);
        crypto_generichash_update(&state, &lower, 1);
    }
    crypto_generichash_final(&state, hash, sizeof hash);
    memcpy(hash_r, hash, REPLAY_DOMAIN);
}

static bool count_request_has(
        const struct count_request *request, const unsigned char domain[REPLAY_DOMAIN])
{
    for (size_t i = 0; i < request->entries_count; i++)
        if (memcmp(request->entries[i].domain, domain, REPLAY_DOMAIN) == 0)
            return true;
    return false;
}

static void count_request_add(struct count_request *request, struct text domain,
        uint32_t recipients, uint32_t per_recipient)
{
    struct replay_entry *entry = &request->entries[request->entries_count];
    const uint64_t allowance = (uint64_t)recipients * per_recipient;

    /* A request that passed the earlier checks cannot name more domains than this. */
    if (request->entries_count == REPLAY_ENTRIES_MAX)
        return;
    hash_domain(domain, entry->domain);
    if (count_request_has(request, entry->domain))
        return;
    entry->allowance = allowance < UINT32_MAX ? (uint32_t)allowance : UINT32_MAX;
    request->entries_count++;
}

static uint32_t total_of(struct text receiving)
{
    struct reader r = reader_of(receiving);
    struct text domain;
    uint32_t recipients = 0;
    uint32_t total = 0;

    while (receiving_next(&r, &domain, &recipients))
        total += recipients;
    return total;
}

void count_request_make(const struct payload_opened *payload, struct text rcpt,
        uint32_t per_recipient, uint64_t lifetime, struct count_request *request_r)
{
    const struct payload *is = &payload->is;
    struct reader domains = reader_of(rcpt);

    request_r->issued = is->issued;
    memcpy(request_r->nonce, payload->nonce, sizeof request_r->nonce);
    request_r->expires = is->issued + lifetime + JUDGE_FUTURE;
    request_r->entries_count = 0;
    request_r->result = REPLAY_PENDING;
    const bool is_for_any = is->receiving.len > 1 && is->receiving.at[0] == '*';
    if (rcpt.len == 0 || is_for_any) {
        count_request_add(request_r, text_of("*"), total_of(is->receiving), per_recipient);
        return;
    }
    while (domains.rest.len > 0) {
        const struct text domain = reader_field(&domains, ',');
        count_request_add(
                request_r, domain, receiving_recipients(is->receiving, domain), per_recipient);
    }
}
