// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_H
#define VERIMAIL_H

/* libverimail: stamps for outgoing mail, questions about incoming mail.
 *
 * Rules for the whole library:
 * - Names, keys, users and digests are NUL-terminated. What came in a message or over the network
 *   is given with its length and may hold any octet; such a pointer may be NULL only if the length
 *   is 0. No other pointer may be NULL unless its description says so.
 * - Inputs are borrowed for the time of the call. Outputs come last, their names end in `_r`, and
 *   the caller owns them. A text is written with a NUL behind it, into a buffer whose size you
 *   give; a buffer of the size *_SIZE holds any such text.
 * - A function that can fail returns an enum verimail_result, and its description lists the
 *   results. VERIMAIL_ROOM is possible wherever you give a buffer, and VERIMAIL_MEMORY wherever an
 *   object is made. On anything but VERIMAIL_OK each text is empty, each length 0 and each object
 *   NULL.
 * - A *_free() takes the address of the pointer, sets it to NULL, and does nothing if it is NULL.
 * - Threads may use the library at the same time. Only a stamper and a checker may be shared by
 *   threads.
 *
 * verimail(7) explains the terms; its sections are named here. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VERIMAIL_VERSION "0.1.0"
#define VERIMAIL_VERSION_MAJOR 0
#define VERIMAIL_VERSION_MINOR 1
#define VERIMAIL_VERSION_PATCH 0

/* Octets with the NUL. */
#define VERIMAIL_USER_SIZE 447
#define VERIMAIL_DIGEST_SIZE 44
#define VERIMAIL_PAYLOAD_SIZE 901
#define VERIMAIL_STAMP_SIZE 901
#define VERIMAIL_QUESTION_SIZE 4097

/* Octets of an answer, line end included, without a NUL. A client reads until the service closes,
 * or until it has one octet more than this. */
#define VERIMAIL_ANSWER_MAX 512

#ifdef __GNUC__
#define VERIMAIL_CHECKED __attribute__((warn_unused_result))
#else
#define VERIMAIL_CHECKED
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Later versions may add to its end. */
enum verimail_result {
    VERIMAIL_OK = 0,
    VERIMAIL_INIT,   /* libsodium cannot be used */
    VERIMAIL_MEMORY, /* out of memory */
    VERIMAIL_ROOM,   /* the text does not fit into the buffer */
    VERIMAIL_ORDER,  /* called too early or too late */

    VERIMAIL_HOST,             /* not a host name */
    VERIMAIL_HOST_KEY,         /* not a key, or not a key file */
    VERIMAIL_HOST_KEY_KIND,    /* a key of another kind */
    VERIMAIL_HOST_KEY_CHECK,   /* mistyped */
    VERIMAIL_HOST_KEY_SEVERAL, /* a key file with more than one key */
    VERIMAIL_SERVICE_KEY,
    VERIMAIL_SERVICE_KEY_KIND,
    VERIMAIL_SERVICE_KEY_CHECK,
    VERIMAIL_SERVICE_KEY_SEVERAL,
    VERIMAIL_SERVICE_KEY_WEAK, /* no secret can be shared with it */

    VERIMAIL_USER,         /* not the canonical text of an address */
    VERIMAIL_RECEIVING,    /* no domain, no recipients, or too many */
    VERIMAIL_ISSUED,       /* not a time in Unix seconds */
    VERIMAIL_LINE_END,     /* neither of the two */
    VERIMAIL_STAMP_LENGTH, /* the field would pass 900 octets */
    VERIMAIL_STAMP,        /* not a stamp */
    VERIMAIL_PAYLOAD,      /* no stamp can have this payload */
    VERIMAIL_RCPT,         /* not a domain */
    VERIMAIL_OWN,          /* the same */
    VERIMAIL_DIGEST,       /* not the text of a digest */
    VERIMAIL_IP,           /* not an IPv4 or IPv6 address */
    VERIMAIL_ANSWER,       /* not an answer */

    VERIMAIL_MESSAGE_HEADER, /* the header section is over 1 MiB or 2000 fields */
    VERIMAIL_MESSAGE_FIELD,  /* a line of the header section is no field */
    VERIMAIL_MESSAGE_LINE,   /* a header line that mail servers cut */
    VERIMAIL_MESSAGE_CR,     /* a CR in the header section that ends no line */
    VERIMAIL_MESSAGE_SPACE,  /* white space before the colon of a field */

    VERIMAIL_ADDRESS_EMPTY,      /* no mailbox at all */
    VERIMAIL_ADDRESS_SEVERAL,    /* more than one, or an empty list element */
    VERIMAIL_ADDRESS_GROUP,      /* `name: ...;` */
    VERIMAIL_ADDRESS_ROUTE,      /* `<@a,@b:c@d>` */
    VERIMAIL_ADDRESS_COMMENT,    /* a comment inside it, or one that never ends */
    VERIMAIL_ADDRESS_MISLEADING, /* a comment, folded name or encoded word that shows a reader
                                    another author */
    VERIMAIL_ADDRESS_PHRASE,     /* unquoted specials in the display name */
    VERIMAIL_ADDRESS_TRAILING,   /* something behind it that is no comment */
    VERIMAIL_ADDRESS_ENCODED,    /* an encoded word where it stands */
    VERIMAIL_ADDRESS_LITERAL,    /* a domain literal */
    VERIMAIL_ADDRESS_LOCAL,      /* no valid local part, or never a user: `*`, `+detail` */
    VERIMAIL_ADDRESS_DOMAIN,     /* no valid domain, or one without a dot */
    VERIMAIL_ADDRESS_OCTET,      /* a control octet, or no UTF-8 */
    VERIMAIL_ADDRESS_ALONE,      /* a name, a comment or a space around it, where it stands alone */
    VERIMAIL_ADDRESS_SYNTAX,     /* anything else */

    VERIMAIL_RESOLVER, /* not ADDRESS or ADDRESS@PORT, or a trust anchor is no DNS record */
    VERIMAIL_NETWORK,  /* not an address, nor a range of them */
    VERIMAIL_PEER,     /* its domain is none, its address not ADDRESS:PORT, or its key no key */
};

/* A sentence without a full stop: "the host's secret key is mistyped: its check does not fit".
 * Never NULL; static. */
const char *verimail_result_text(enum verimail_result result);

/* VERIMAIL_VERSION of the library that runs, which may be newer than the header. Static. */
const char *verimail_version(void);

/* Makes libsodium ready. Every function that makes an object calls it. Call it yourself before you
 * enter a sandbox (chroot, seccomp): afterwards no file is opened any more. You may call it more
 * than once, in any thread. VERIMAIL_INIT: there is no source of random numbers. */
enum verimail_result verimail_init(void) VERIMAIL_CHECKED;

/* Users: verimail(7), CANONICAL TEXT. A user is the canonical text of an address: `local@domain` in
 * printable ASCII, the domain as A-label in lower case. You get one from the two functions below,
 * or from a stamp. A buffer of VERIMAIL_USER_SIZE octets is large enough. */

/* The user for an address as a person types it, in UTF-8: `Ännchen@bücher.example`,
 * `"john doe"@x.org`. It is the mailbox alone, without a name, comments or space around it. Fails
 * with one of VERIMAIL_ADDRESS_*. */
enum verimail_result verimail_user(
        const char *address, char *user_r, size_t user_size) VERIMAIL_CHECKED;

/* The author of a message: the one mailbox of its From field, read strictly; verimail(7), THE
 * AUTHOR. `value` is what stands behind the field's colon, folded or unfolded. A message with two
 * From fields, or none, or one with white space before its colon, has no author: you must check
 * that. Fails with one of VERIMAIL_ADDRESS_*: the author is not certain, and
 * verimail_check_uncertain() says what becomes of the message. */
enum verimail_result verimail_author(
        const char *value, size_t value_len, char *user_r, size_t user_size) VERIMAIL_CHECKED;

/* Whether both are canonical text and name the same user; the case of ASCII letters is ignored. Use
 * this, not strcmp(), to find out whether a stamp is the author's. */
bool verimail_user_equal(const char *a, const char *b) VERIMAIL_CHECKED;

/* Digests: verimail(7), DIGEST. One object for each message. Feed the message with
 * verimail_digest_message(), or with the two functions behind it, never with both. The first
 * failure stays: every later call returns it, so it is enough to act on the last result. */
struct verimail_digest;

/* VERIMAIL_INIT. verimail_digest_free() when done. */
enum verimail_result verimail_digest_new(struct verimail_digest **digest_r) VERIMAIL_CHECKED;
void verimail_digest_free(struct verimail_digest **digest);

/* The whole message, header and body, in any chunks; lines end in CRLF or LF. Fails with
 * VERIMAIL_MESSAGE_*, VERIMAIL_MEMORY or VERIMAIL_ORDER. */
enum verimail_result verimail_digest_message(
        struct verimail_digest *digest, const char *chunk, size_t chunk_len) VERIMAIL_CHECKED;

/* For a program that has the message in parts, as a milter does. Give each of its fields from top
 * to bottom, whatever its name, and then its body. `value` is all that stands behind the colon; its
 * folds may be CRLF or LF, and a space at its start does not matter. Fails with
 * VERIMAIL_MESSAGE_HEADER (over 1 MiB), VERIMAIL_MESSAGE_LINE, VERIMAIL_MESSAGE_CR,
 * VERIMAIL_MESSAGE_SPACE, VERIMAIL_MEMORY or VERIMAIL_ORDER. */
enum verimail_result verimail_digest_field(struct verimail_digest *digest, const char *name,
        size_t name_len, const char *value, size_t value_len) VERIMAIL_CHECKED;
/* The body, in any chunks. Fails with VERIMAIL_ORDER. */
enum verimail_result verimail_digest_body(
        struct verimail_digest *digest, const char *chunk, size_t chunk_len) VERIMAIL_CHECKED;

/* The text of the digest, once, at the end of the message: VERIMAIL_ORDER the second time.
 * VERIMAIL_ROOM when `text_size` is below VERIMAIL_DIGEST_SIZE; you may then try again. */
enum verimail_result verimail_digest_final(
        struct verimail_digest *digest, char *text_r, size_t text_size) VERIMAIL_CHECKED;

/* Stamps: verimail(7), STAMP and SEALED PAYLOAD. A stamper is a sending host with the secret that
 * it shares with its service. The secret is in guarded memory: not swapped, not dumped, read-only,
 * wiped when freed. Make the stamper after a fork(): one that a process inherits works, but is not
 * locked in memory. */
struct verimail_stamper;

/* `host`: the name under which the service knows this host, in any form. `host_secret_key`,
 * `service_public_key`: a key as text (`host-secret:...`, `service-public:...`), or all that is in
 * a key file. The caller wipes what it read the secret into (sodium_memzero()). Fails with
 * VERIMAIL_INIT, VERIMAIL_HOST, VERIMAIL_HOST_KEY* or VERIMAIL_SERVICE_KEY*. */
enum verimail_result verimail_stamper_new(const char *host, const char *host_secret_key,
        const char *service_public_key, struct verimail_stamper **stamper_r) VERIMAIL_CHECKED;
void verimail_stamper_free(struct verimail_stamper **stamper);

/* How many recipients at one domain. */
struct verimail_recipients {
    const char *domain; /* in any form; `*`: wherever they are */
    uint32_t count;     /* 1 to 1000000, which is the limit for all domains together as well */
};

enum verimail_line_end {
    VERIMAIL_CRLF, /* a message on its way over SMTP */
    VERIMAIL_LF,   /* a message in a Unix file, or given to a milter */
};

/* Writes the whole header field, `Verimail: ...`, folded, without its last line end. Each stamp has
 * a random nonce of its own, and is for one message.
 *
 * `user`: the message's author. You must check that the sender may use this address.
 * `receiving`: each domain that the message goes to; the counts of one named twice are added up.
 * Blind recipients count too, and are not disclosed.
 * `issued`: Unix seconds, now.
 * `digest`: of the message as it leaves; NULL: the stamp binds none (and earns no more than ALLOW).
 * `line_end`: the line end of its folds.
 *
 * Fails with VERIMAIL_USER, VERIMAIL_RECEIVING (also if there is none), VERIMAIL_ISSUED,
 * VERIMAIL_DIGEST, VERIMAIL_LINE_END or VERIMAIL_STAMP_LENGTH. */
enum verimail_result verimail_stamp(const struct verimail_stamper *stamper, const char *user,
        const struct verimail_recipients *receiving, size_t receiving_count, uint64_t issued,
        const char *digest, enum verimail_line_end line_end, char *field_r, size_t field_size,
        size_t *field_len_r) VERIMAIL_CHECKED;

/* Reads the value of a field named Verimail (in any case): all that stands behind the colon, as it
 * came. A question is about the author: use the stamp whose user equals the author
 * (verimail_user_equal()), and none if there are several such. Fails with VERIMAIL_STAMP: ignore
 * the field. */
enum verimail_result verimail_stamp_parse(const char *value, size_t value_len, char *user_r,
        size_t user_size, char *payload_r, size_t payload_size) VERIMAIL_CHECKED;

/* The conversation: verimail(7), CONVERSATION. */

/* Writes the question with its line end, ready to be sent.
 *
 * `user`: the message's author.
 * `payload`: that of the author's stamp; NULL: the message carries none, or several.
 * `rcpt`: the receiving domains, in any form and number. A domain may be there twice, and `*`
 * stands for any. It may be NULL if `rcpt_count` is 0: then the question does not name them.
 * `digest`: of the message as it came; NULL: it is not in the question.
 * `ip`: the IPv4 or IPv6 address that it came from; NULL: it is not in the question.
 *
 * Without `digest` and `rcpt` a YES means no more than that the stamp exists and is in time; with
 * none of the three the answer is a bare verdict.
 * Fails with VERIMAIL_USER, VERIMAIL_PAYLOAD, VERIMAIL_RCPT, VERIMAIL_DIGEST or VERIMAIL_IP. */
enum verimail_result verimail_question(const char *user, const char *payload,
        const char *const *rcpt, size_t rcpt_count, const char *digest, const char *ip,
        char *line_r, size_t line_size, size_t *line_len_r) VERIMAIL_CHECKED;

/* Zero neither confirms nor denies anything. Later versions may add to its end. */
enum verimail_verdict {
    VERIMAIL_VERDICT_TEMPERROR = 0, /* there was no answer: never YES, never NO */
    VERIMAIL_VERDICT_YES,           /* we sent exactly this, to you */
    VERIMAIL_VERDICT_ALLOW,         /* judge it as if there were no Verimail */
    VERIMAIL_VERDICT_NO,            /* we did not send it */
    VERIMAIL_VERDICT_NONE,          /* the domain does not use Verimail; no answer says this */
    VERIMAIL_VERDICT_PERMERROR,     /* the author is not certain; nor does an answer say this */
};

/* verimail(7), JUDGEMENT. Later versions may add to its end. */
enum verimail_reason {
    VERIMAIL_REASON_NONE = 0, /* the answer does not say */
    VERIMAIL_REASON_STAMPED,
    VERIMAIL_REASON_REDIRECTED,
    VERIMAIL_REASON_CHANGED,
    VERIMAIL_REASON_REPLAYED,
    VERIMAIL_REASON_EXPIRED,
    VERIMAIL_REASON_UNCOUNTED,
    VERIMAIL_REASON_CLASSIC,
    VERIMAIL_REASON_UNSTAMPED,
    VERIMAIL_REASON_HOST,
    VERIMAIL_REASON_UNSERVED,
    VERIMAIL_REASON_TESTING,
    VERIMAIL_REASON_FORGED,
    VERIMAIL_REASON_REFUSED,
};

/* "YES", "temperror"; "stamped", "" for VERIMAIL_REASON_NONE. Never NULL, "" for a value that is
 * none; static. */
const char *verimail_verdict_name(enum verimail_verdict verdict);
const char *verimail_reason_name(enum verimail_reason reason);

/* Reads an answer: all octets that came until the service closed, which may be none.
 *
 * `payload`: that of the question; NULL: it had none, and then YES is no answer.
 * `reason_r`: a reason that this version does not know is VERIMAIL_REASON_NONE.
 * `ttl_r`: seconds for which the answer holds for the same user's mail without a stamp; 0: for this
 * message only.
 * `scope_domain_r`: within these seconds it holds for every user of exactly the author's domain;
 * keep such an answer for 300 seconds at most.
 *
 * Fails with VERIMAIL_ANSWER for anything that is not wholly an answer; the verdict is then
 * VERIMAIL_VERDICT_TEMPERROR, and the others are 0. */
enum verimail_result verimail_answer(const char *payload, const char *line, size_t line_len,
        enum verimail_verdict *verdict_r, enum verimail_reason *reason_r, uint32_t *ttl_r,
        bool *scope_domain_r) VERIMAIL_CHECKED;

/* Checks: verimail(7), VERIFIER. A checker finds a service by the DNS and asks it, as
 * verimail-milter does. It remembers answers for a while, and which services did not answer. Make
 * one checker for a process, after any fork; it has threads of its own. */
struct verimail_checker;

#define VERIMAIL_SERVER_SIZE 56  /* an address and a port */
#define VERIMAIL_TARGET_SIZE 254 /* a domain name */
#define VERIMAIL_CAUSE_SIZE 160

/* The service of a domain at a known address. */
struct verimail_peer {
    const char *domain; /* in any form */
    const char
            *address; /* `192.0.2.1:26`, `[2001:db8::1]:26`; it may be any, of this machine too */
    const char *key;  /* the public half of its answer key, `answer-public:...`: it is asked in
                       * sealed conversations; NULL: in plain ones */
};

/* All zero is valid: the machine's own resolver, 5 seconds, and services in the public Internet
 * only. A version that adds to its end has another soname. */
struct verimail_checker_options {
    const char *resolver;             /* `ADDRESS` or `ADDRESS@PORT`; NULL: the machine's */
    const char *const *trust_anchors; /* DS or DNSKEY records; NULL: the root's; not NULL, but none
                                       * of them: DNSSEC is not used */
    size_t trust_anchors_count;
    const char *const *allow_networks; /* where a service may be apart from the public Internet:
                                        * `ADDRESS` or `ADDRESS/BITS` */
    size_t allow_networks_count;
    const uint16_t *allow_ports; /* where it may be apart from 26, and 1024 and above */
    size_t allow_ports_count;
    unsigned timeout; /* milliseconds for a whole check; 0: 5000 */
    /* Questions with another answer than YES, each minute: about one author domain, and to one
     * machine. 0: 600, and 6000. */
    unsigned budget_per_domain;
    unsigned budget_per_address;
    /* Asked instead of what the DNS names: about authors at these domains, and about those below
     * that have no service of their own. */
    const struct verimail_peer *peers;
    size_t peers_count;
};

/* `options` may be NULL. Fails with VERIMAIL_INIT, VERIMAIL_RESOLVER, VERIMAIL_NETWORK or
 * VERIMAIL_PEER. */
enum verimail_result verimail_checker_new(const struct verimail_checker_options *options,
        struct verimail_checker **checker_r) VERIMAIL_CHECKED;
/* No thread may be in verimail_check(). */
void verimail_checker_free(struct verimail_checker **checker);

/* A version that adds to its end has another soname. */
struct verimail_outcome {
    enum verimail_verdict verdict;
    enum verimail_reason reason;
    bool shortage;   /* VERIMAIL_VERDICT_TEMPERROR because a budget, a place, a socket or memory ran
                      * out here. Refuse the message for now (451), even if you accept mail that
                      * could not be checked: otherwise a flood switches the check off */
    bool peer;       /* it is about a peer's domain. If there is no answer, refuse the message for
                      * now (451), even if you accept mail that could not be checked */
    bool defer;      /* the domain's policy record says outage=defer. If there is no answer, refuse
                      * the message for now (451), even if you accept mail that could not be
                      * checked */
    bool dns_secure; /* DNSSEC vouches for the way to the service; false for a peer */
    bool sealed;     /* the conversation was (verimail(7)) */
    bool authenticated; /* and DNSSEC or the options vouch for the answer key: nobody on the way can
                         * have forged the answer */
    char server[VERIMAIL_SERVER_SIZE]; /* that was asked; empty: none, or an earlier answer */
    char target[VERIMAIL_TARGET_SIZE]; /* its name in the DNS; empty: none, or a peer */
    char cause[VERIMAIL_CAUSE_SIZE];   /* why there was no answer: a sentence; nothing of it is from
                                        * the network */
    uint64_t milliseconds;             /* that it took */
};

/* Asks the author's domain, and waits. The arguments and the failures are those of
 * verimail_question(). An error of the network is VERIMAIL_VERDICT_TEMPERROR, not a failure. */
enum verimail_result verimail_check(struct verimail_checker *checker, const char *user,
        const char *payload, const char *const *rcpt, size_t rcpt_count, const char *digest,
        const char *ip, struct verimail_outcome *outcome_r) VERIMAIL_CHECKED;

/* What stands behind the colon of a field From, folded or unfolded. */
struct verimail_from {
    const char *value;
    size_t len;
};

/* For a message whose author is not certain: verimail_author() fails for its From field, or it has
 * none or several of them. Finds out whether a domain that uses Verimail could be meant
 * (verimail(7), THE AUTHOR). VERIMAIL_VERDICT_PERMERROR: one could; refuse it.
 * VERIMAIL_VERDICT_TEMPERROR: that is not known; refuse it for now (451), for `shortage` is set.
 * VERIMAIL_VERDICT_NONE: the message passes as if there were no Verimail. `cause` says more, unless
 * it passes; the domain in it is from the message or the envelope.
 *
 * `fields`: all that it has.
 * `sender`: the envelope's; NULL or empty: there is none.
 * `own`: the domains that are served here, in any form.
 * `ip`: as for verimail_check().
 *
 * Fails with VERIMAIL_OWN, VERIMAIL_IP or VERIMAIL_MEMORY. */
enum verimail_result verimail_check_uncertain(struct verimail_checker *checker,
        const struct verimail_from *fields, size_t fields_count, const char *sender,
        const char *const *own, size_t own_count, const char *ip,
        struct verimail_outcome *outcome_r) VERIMAIL_CHECKED;

#ifdef __cplusplus
}
#endif

#endif
