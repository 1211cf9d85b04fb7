// SPDX-License-Identifier: ISC
#include "filter/backscatter.h"

#include <string.h>

bool backscatter_is_looked_for(const struct verifier *verifier)
{
    return strcmp(verifier_config(verifier)->on_backscatter.at, "accept") != 0;
}

bool backscatter_concerns(const struct verifier *verifier, struct text rcpt)
{
    struct reader r = reader_of(rcpt);

    while (r.rest.len > 0) {
        const struct text domain = reader_field(&r, ',');
        if (text_equal(domain, text_of("*")) || verifier_is_ours(verifier, domain))
            return true;
    }
    return false;
}

static void backscatter_ask(const struct verifier *verifier, struct client *client,
        const struct stamp *stamp, uint64_t timeout, struct text ip,
        struct backscatter *backscatter)
{
    struct client_policy policy = *verifier_policy(verifier);
    const struct question question = {
            .user = *backscatter->author,
            .payload = text_of(stamp != NULL ? stamp->payload : QUESTION_UNSTAMPED),
    };

    if (policy.timeout > timeout)
        policy.timeout = timeout;
    client_ask(client, &policy, &question, ip, &backscatter->outcome);
    backscatter->verdict = backscatter->outcome.verdict;
}

static void backscatter_write_field(
        const struct verifier *verifier, const char *eol, struct backscatter *backscatter)
{
    const struct config_text *id = &verifier_config(verifier)->authserv_id;
    const struct results results = {.verdict = VERDICT_NO, .reason = text_of(BACKSCATTER_REASON)};
    struct writer w = writer_of(backscatter->field, sizeof backscatter->field - 1);

    const bool good = results_format(text_of(id->at), &results, eol, &w);
    *(good ? w.at : backscatter->field) = '\0';
}

/* The domain stands between the halves of the sentence. */
static void backscatter_refuse(
        struct backscatter *backscatter, enum action action, const char *before, const char *behind)
{
    struct reply *reply = &backscatter->reply;
    struct writer w = writer_of(reply->text, sizeof reply->text - 1);

    reply->action = action;
    reply->code = action == ACTION_REJECT ? "550" : "451";
    reply->status = action == ACTION_REJECT ? "5.7.1" : "4.7.1";
    writer_string(&w, before);
    writer_put(&w, address_domain(backscatter->author));
    writer_string(&w, behind);
    *w.at = '\0';
}

static void backscatter_choose(const struct verifier *verifier, struct backscatter *backscatter)
{
    if (strcmp(verifier_config(verifier)->on_backscatter.at, "reject") != 0)
        return;
    if (backscatter->verdict == VERDICT_NO)
        backscatter_refuse(backscatter, ACTION_REJECT, "",
                " did not send the message that is returned here (Verimail); do not return mail "
                "to a sender that you have not verified");
    else if (backscatter->verdict == VERDICT_TEMPERROR)
        backscatter_refuse(backscatter, ACTION_TEMPFAIL, "Whether ",
                " sent the message that is returned here is not known now (Verimail); try again "
                "later");
}

bool backscatter_judge(const struct verifier *verifier, struct client *client,
        struct returned *returned, uint64_t timeout, struct text ip, const char *eol,
        struct backscatter *backscatter_r)
{
    *backscatter_r = (struct backscatter){.reply = {.code = "", .status = ""}};
    if (!returned_end(returned))
        return false;
    backscatter_r->author = returned_author(returned);
    if (backscatter_r->author == NULL ||
            !verifier_is_ours(verifier, address_domain(backscatter_r->author)))
        return false;
    backscatter_ask(verifier, client, returned_stamp(returned), timeout, ip, backscatter_r);
    if (backscatter_r->verdict == VERDICT_NO)
        backscatter_write_field(verifier, eol, backscatter_r);
    backscatter_choose(verifier, backscatter_r);
    return true;
}
