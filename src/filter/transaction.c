// SPDX-License-Identifier: ISC
#include "filter/transaction.h"

enum mail_class mail_trust(const struct mail *mail)
{
    if (mail->authenticated)
        return MAIL_CLASS_AUTHENTICATED;
    if (!mail->trusted)
        return MAIL_CLASS_INBOUND;
    if (mail->received == 0 || (mail->received == 1 && mail->loopback && mail->submission))
        return MAIL_CLASS_SUBMISSION;
    return MAIL_CLASS_RELAYED;
}

struct decision_removal mail_forged_results(struct mail *mail)
{
    return (struct decision_removal){
            .name = RESULTS_NAME,
            .at = mail->results.chosen,
            .count = mail->results.count,
            .rest = mail->results.rest,
            .last = mail->results.seen,
    };
}
