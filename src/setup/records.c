// SPDX-License-Identifier: ISC
#include "setup/records.h"

#include <ifaddrs.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "client/target_acl.h"

struct record records_srv(const char *domain, const char *target)
{
    struct record record = {.type = "SRV"};

    snprintf(record.name, sizeof record.name, RECORDS_SRV "%s", domain);
    snprintf(record.value, sizeof record.value, "0 0 26 %s.", target);
    return record;
}

struct record records_policy(const char *domain, const char *policy)
{
    struct record record = {.type = "TXT"};

    snprintf(record.name, sizeof record.name, RECORDS_SRV "%s", domain);
    snprintf(record.value, sizeof record.value, "\"%s\"", policy);
    return record;
}

struct record records_address(const char *target, const char *address)
{
    struct record record = {.type = strchr(address, ':') != NULL ? "AAAA" : "A"};

    snprintf(record.name, sizeof record.name, "%s", target);
    snprintf(record.value, sizeof record.value, "%s", address);
    return record;
}

static void records_print_line(const struct record *record, FILE *out)
{
    fprintf(out, "%s. %d IN %s %s\n", record->name, RECORDS_TTL, record->type, record->value);
}

static void records_print_row(const struct record *record, FILE *out)
{
    fprintf(out, ";   %-32s %-5s %s\n", record->name, record->type, record->value);
}

static void records_print_each(const struct records *records,
        void (*print)(const struct record *record, FILE *out), FILE *out)
{
    struct record record;

    for (size_t i = 0; i < records->domains->count; i++) {
        record = records_srv(records->domains->at[i].at, records->target);
        print(&record, out);
        if (records->policy == NULL)
            continue;
        record = records_policy(records->domains->at[i].at, records->policy);
        print(&record, out);
    }
    for (size_t i = 0; i < records->addresses->count; i++) {
        record = records_address(records->target, records->addresses->at[i].at);
        print(&record, out);
    }
}

void records_print(const struct records *records, FILE *out)
{
    fputs("; Lines of a zone file.\n", out);
    records_print_each(records, records_print_line, out);
    if (records->addresses->count == 0)
        fprintf(out, "; and the addresses of %s, which this machine does not know.\n",
                records->target);
    fprintf(out,
            ";\n; The same for a panel. The value of an SRV record is its priority 0, weight "
            "0, port 26, and target %s.\n;\n",
            records->target);
    fprintf(out, ";   %-32s %-5s %s\n", "name", "type", "value");
    records_print_each(records, records_print_row, out);
    if (records->policy != NULL)
        fputs(";\n; With outage=defer at its end the TXT record lets your mail wait where the "
              "service "
              "gives no answer: verimail(7).\n",
                out);
}

static bool records_add(struct config_list *addresses, const struct sockaddr *address)
{
    struct endpoint endpoint = {0};
    const struct target_acl acl = {0};
    char text[ENDPOINT_TEXT_MAX];

    endpoint.len =
            address->sa_family == AF_INET ? sizeof endpoint.address.v4 : sizeof endpoint.address.v6;
    memcpy(&endpoint.address, address, endpoint.len);
    endpoint_format_address(&endpoint, text);
    if (address->sa_family == AF_INET)
        endpoint.address.v4.sin_port = htons(26);
    else
        endpoint.address.v6.sin6_port = htons(26);
    const enum target_acl_result result = target_acl_check(&acl, &endpoint);
    if (result != TARGET_ACL_OK && result != TARGET_ACL_OWN)
        return true;
    for (size_t i = 0; i < addresses->count; i++)
        if (strcmp(addresses->at[i].at, text) == 0)
            return true;
    struct config_text added = {.at = strdup(text)};
    if (added.at != NULL && config_list_add(addresses, added))
        return true;
    free(added.at);
    return false;
}

static bool records_is_internet(const struct sockaddr *address)
{
    return address != NULL && (address->sa_family == AF_INET || address->sa_family == AF_INET6);
}

static bool records_find_of_name(const char *name, struct config_list *addresses)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    bool ok = true;

    if (getaddrinfo(name, NULL, &hints, &found) != 0)
        return true;
    for (const struct addrinfo *a = found; ok && a != NULL; a = a->ai_next)
        ok = !records_is_internet(a->ai_addr) || records_add(addresses, a->ai_addr);
    freeaddrinfo(found);
    return ok;
}

bool records_find_addresses(const char *target, struct config_list *addresses_r)
{
    struct ifaddrs *interfaces = NULL;
    bool ok = records_find_of_name(target, addresses_r);

    if (!ok || addresses_r->count > 0 || getifaddrs(&interfaces) != 0)
        return ok;
    for (const struct ifaddrs *i = interfaces; ok && i != NULL; i = i->ifa_next)
        ok = !records_is_internet(i->ifa_addr) || records_add(addresses_r, i->ifa_addr);
    freeifaddrs(interfaces);
    return ok;
}
