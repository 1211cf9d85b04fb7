// SPDX-License-Identifier: ISC
'use strict';
// What parsers of npm make of values. See ../README.md. usage: reader.js NODE_MODULES
const path = require('path');
const readline = require('readline');

const modules = path.resolve(process.argv[2]);
const load = (name) => require(path.join(modules, name));
const addressparser = load('nodemailer/lib/addressparser');
const { simpleParser } = load('mailparser');
const postal = load('postal-mime');
const emailjsMime = load('emailjs-mime-parser').default;
const emailjsAddress = load('emailjs-addressparser').default;

const LINK = /(?:https?|mailto):[^\s<>"']+/g;

// Members of groups are shown like others.
const addresses = (list) => [].concat(list || []).flatMap(
    (one) => (one.group ? addresses(one.group) : [one.address || '']));
const links = (text) => (text || '').match(LINK) || [];

// What a parser cannot read is nothing to show.
async function tried(read) {
    try {
        return await read();
    } catch (error) {
        return null;
    }
}

const parsePostal = (octets) => new postal.default().parse(octets);
const parseMailparser = (octets) => simpleParser(octets, {
    skipHtmlToText: true, skipTextToHtml: true, skipTextLinks: true, skipImageLinks: true });
// As its users feed it: an octet is a character. No address beyond ASCII comes out whole.
const parseEmailjs = (octets) => emailjsMime(octets.toString('latin1'));
const emailjsAddresses = (node, name) => (node.headers[name] || []).flatMap((one) => addresses(one.value));
const hasAsciiAddresses = (octets) => 
    !/[^\0-\x7f][^<]*@|@[^>"]*[^\0-\x7f]/.test(octets.toString('latin1'));

async function authors(value) {
    const octets = Buffer.concat([Buffer.from('From:'), value, Buffer.from('\r\n\r\n')]);
    const folded = value.toString();
    const flat = folded.replace(/\r?\n(?=[ \t])/g, '');
    return {
        'nodemailer': await tried(() => addresses(addressparser(flat))),
        'nodemailer of the folded': await tried(() => addresses(addressparser(folded))),
        'mailparser': await tried(async () => addresses((await parseMailparser(octets)).from.value)),
        'postal-mime': await tried(async () => addresses((await parsePostal(octets)).from)),
        'postal-mime addressParser': await tried(() => addresses(postal.addressParser(folded))),
        'emailjs-mime-parser': hasAsciiAddresses(value)
            ? await tried(() => emailjsAddresses(parseEmailjs(octets), 'from')) : null,
        'emailjs-addressparser': await tried(() => addresses(emailjsAddress(flat))),
    };
}

function attachments(list) {
    return list.map((one) => ({
        name: one.filename || null, type: one.contentType || one.mimeType,
        disposition: one.contentDisposition || one.disposition || null }));
}

async function showMailparser(octets) {
    const mail = await parseMailparser(octets);
    const list = (name) => [].concat(mail[name] || []).flatMap((one) => addresses(one.value));
    return {
        author: list('from'), subject: mail.subject, date: mail.date ? +mail.date : null,
        to: list('to'), cc: list('cc'), replyTo: list('replyTo'),
        attachments: attachments(mail.attachments),
        links: links(mail.text).concat(links(mail.html || '')) };
}

async function showPostal(octets) {
    const mail = await parsePostal(octets);
    return {
        author: addresses(mail.from), sender: addresses(mail.sender), subject: mail.subject, date: mail.date,
        to: addresses(mail.to), cc: addresses(mail.cc), replyTo: addresses(mail.replyTo),
        attachments: attachments(mail.attachments),
        links: links(mail.text).concat(links(mail.html)) };
}

function showEmailjs(octets) {
    const root = parseEmailjs(octets);
    const structure = [];
    const found = [];
    const first = (node, name) => ((node.headers[name] || [])[0] || {});
    const walk = (node, depth) => {
        const disposition = first(node, 'content-disposition');
        structure.push({
            depth, type: node.contentType && node.contentType.value,
            name: (disposition.params || {}).filename || ((node.contentType || {}).params || {}).name || null,
            disposition: disposition.value || null });
        if (node.content && node.contentType && node.contentType.type === 'text') {
            found.push(...links(Buffer.from(node.content).toString()));
        }
        node.childNodes.forEach((child) => walk(child, depth + 1));
    };
    walk(root, 0);
    return {
        author: emailjsAddresses(root, 'from'), subject: first(root, 'subject').value,
        date: first(root, 'date').value, to: emailjsAddresses(root, 'to'), cc: emailjsAddresses(root, 'cc'),
        replyTo: emailjsAddresses(root, 'reply-to'), structure, links: found };
}

async function whole(octets) {
    return {
        'mailparser': await tried(() => showMailparser(octets)),
        'postal-mime': await tried(() => showPostal(octets)),
        'emailjs-mime-parser': await tried(() => showEmailjs(octets)),
    };
}

async function main() {
    for await (const line of readline.createInterface({ input: process.stdin, crlfDelay: Infinity })) {
        const value = Buffer.from(line.slice(2), 'base64');
        const shown = await (line[0] === 'F' ? authors : whole)(value);
        process.stdout.write(JSON.stringify(shown) + '\n');
    }
}

main();
