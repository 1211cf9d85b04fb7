// SPDX-License-Identifier: ISC
/* A filter that is told everything and adds one field: what the milter protocol itself costs. With
 * `nothing`: it is told what verimail-milter is told of a message that it does not care for, waited
 * for at the same steps, and adds none.
 * usage: trivialmilter SOCKET [nothing] */
#include <libmilter/mfapi.h>
#include <stdlib.h>
#include <string.h>

/* What is said where the mail server need not wait, and of a piece of a body. */
static sfsistat in_passing = SMFIS_CONTINUE;
static sfsistat of_body = SMFIS_CONTINUE;

static sfsistat go_on(SMFICTX *context)
{
    (void)context;
    return SMFIS_CONTINUE;
}

static sfsistat on_connect(SMFICTX *context, char *name, _SOCK_ADDR *address)
{
    (void)context, (void)name, (void)address;
    return in_passing;
}

static sfsistat on_mail(SMFICTX *context, char **words)
{
    (void)words;
    return go_on(context);
}

static sfsistat on_recipient(SMFICTX *context, char **words)
{
    (void)context, (void)words;
    return in_passing;
}

static sfsistat on_field(SMFICTX *context, char *name, char *value)
{
    (void)context, (void)name, (void)value;
    return in_passing;
}

static sfsistat on_header_end(SMFICTX *context)
{
    (void)context;
    return in_passing;
}

static sfsistat on_body(SMFICTX *context, unsigned char *at, size_t len)
{
    (void)context, (void)at, (void)len;
    return of_body;
}

static sfsistat on_negotiate(SMFICTX *context, unsigned long actions, unsigned long steps,
        unsigned long unused_2, unsigned long unused_3, unsigned long *actions_r,
        unsigned long *steps_r, unsigned long *unused_2_r, unsigned long *unused_3_r)
{
    (void)context, (void)actions, (void)steps, (void)unused_2, (void)unused_3;
    *actions_r = *unused_2_r = *unused_3_r = 0;
    *steps_r = SMFIP_SKIP | SMFIP_NOHELO | SMFIP_NODATA | SMFIP_NOUNKNOWN | SMFIP_NR_CONN |
               SMFIP_NR_RCPT | SMFIP_NR_HDR | SMFIP_NR_EOH;
    return SMFIS_CONTINUE;
}

static sfsistat on_end(SMFICTX *context)
{
    static char name[] = "X-Trivial";
    static char value[] = "yes";

    return smfi_insheader(context, 0, name, value) == MI_SUCCESS ? SMFIS_CONTINUE : SMFIS_TEMPFAIL;
}

int main(int argc, char **argv)
{
    static char name[] = "trivial";
    struct smfiDesc description = {
            .xxfi_name = name,
            .xxfi_version = SMFI_VERSION,
            .xxfi_flags = SMFIF_ADDHDRS,
            .xxfi_connect = on_connect,
            .xxfi_envfrom = on_mail,
            .xxfi_envrcpt = on_recipient,
            .xxfi_header = on_field,
            .xxfi_eoh = on_header_end,
            .xxfi_body = on_body,
            .xxfi_eom = on_end,
            .xxfi_abort = go_on,
            .xxfi_close = go_on,
    };

    if (argc == 3 && strcmp(argv[2], "nothing") == 0) {
        argc--;
        description.xxfi_flags = 0;
        description.xxfi_negotiate = on_negotiate;
        description.xxfi_eom = go_on;
        in_passing = SMFIS_NOREPLY;
        of_body = SMFIS_SKIP;
    }
    if (argc != 2 || smfi_register(description) != MI_SUCCESS ||
            smfi_setconn(argv[1]) != MI_SUCCESS)
        return EXIT_FAILURE;
    return smfi_main() == MI_SUCCESS ? EXIT_SUCCESS : EXIT_FAILURE;
}
