// SPDX-License-Identifier: ISC
#include "library/output.h"
#include "protocol/from.h"

_Static_assert(VERIMAIL_USER_SIZE == ADDRESS_MAX + 1, "room for any user");

static const enum verimail_result results[] = {
        [FROM_OK] = VERIMAIL_OK,
        [FROM_EMPTY] = VERIMAIL_ADDRESS_EMPTY,
        [FROM_SEVERAL] = VERIMAIL_ADDRESS_SEVERAL,
        [FROM_GROUP] = VERIMAIL_ADDRESS_GROUP,
        [FROM_ROUTE] = VERIMAIL_ADDRESS_ROUTE,
        [FROM_COMMENT] = VERIMAIL_ADDRESS_COMMENT,
        [FROM_MISLEADING] = VERIMAIL_ADDRESS_MISLEADING,
        [FROM_PHRASE] = VERIMAIL_ADDRESS_PHRASE,
        [FROM_TRAILING] = VERIMAIL_ADDRESS_TRAILING,
        [FROM_ENCODED] = VERIMAIL_ADDRESS_ENCODED,
        [FROM_LITERAL] = VERIMAIL_ADDRESS_LITERAL,
        [FROM_LOCAL] = VERIMAIL_ADDRESS_LOCAL,
        [FROM_DOMAIN] = VERIMAIL_ADDRESS_DOMAIN,
        [FROM_OCTET] = VERIMAIL_ADDRESS_OCTET,
        [FROM_SYNTAX] = VERIMAIL_ADDRESS_SYNTAX,
};

static bool user_is_plain(struct text t)
{
    for (size_t i = 0; i < t.len; i++)
        if (strchr(" \t\r\n()<>", t.at[i]) != NULL)
            return false;
    return true;
}

/* Whether nothing that a From field may hold around its address is there: what stands before the
 * last `@` is quoted from end to end, or plain, and what stands behind it is plain. */
static bool user_is_alone(struct text typed)
{
    const char *at = typed.len > 0 ? memrchr(typed.at, '@', typed.len) : NULL;

    if (at == NULL)
        return user_is_plain(typed);
    const struct text local = {typed.at, (size_t)(at - typed.at)};
    const struct text domain = {at + 1, typed.len - local.len - 1};
    const bool is_quoted = local.len >= 2 && local.at[0] == '"' && local.at[local.len - 1] == '"';
    return (is_quoted || user_is_plain(local)) && user_is_plain(domain);
}

enum verimail_result verimail_author(
        const char *value, size_t value_len, char *user_r, size_t user_size)
{
    struct address author;

    output_clear(user_r, user_size);
    const enum from_result result = from_parse((struct text){value, value_len}, &author);
    if (result != FROM_OK)
        return results[result];
    return output_put(address_text(&author), user_r, user_size);
}

enum verimail_result verimail_user(const char *address, char *user_r, size_t user_size)
{
    const struct text typed = text_of(address);

    output_clear(user_r, user_size);
    if (!user_is_alone(typed))
        return VERIMAIL_ADDRESS_ALONE;
    return verimail_author(typed.at, typed.len, user_r, user_size);
}

bool verimail_user_equal(const char *a, const char *b)
{
    struct address first;
    struct address second;

    return address_parse(text_of(a), text_of(""), &first) &&
           address_parse(text_of(b), text_of(""), &second) && address_equal(&first, &second);
}
