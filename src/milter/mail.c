// SPDX-License-Identifier: ISC
#include "milter/mail.h"

enum trust mail_trust(const struct mail *mail)
{
    if (mail->authenticated)
        return TRUST_AUTHENTICATED;
    if (!mail->trusted)
        return TRUST_STRANGER;
    if (mail->received == 0 || (mail->received == 1 && mail->loopback && mail->submission))
        return TRUST_SUBMITTED;
    return TRUST_RELAYED;
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
