#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# What Mail::Address and Email::Address::XS make of a From value. See ../README.md.
use strict;
use warnings;

use Email::Address::XS;
use JSON::PP ();
use Mail::Address;
use MIME::Base64 qw(decode_base64);

# What a module warns of is not our affair.
local $SIG{__WARN__} = sub { };
$| = 1;
my $json = JSON::PP->new->ascii;

# Both take octets. UTF-8 becomes characters, what is none stays Latin-1.
sub shown   { [map { my $text = $_->address // ''; utf8::decode($text); $text } @_] }
sub classic { shown(Mail::Address->parse($_[0])) }
sub xs      { shown(Email::Address::XS->parse($_[0])) }

while (my $line = <STDIN>) {
    my ($kind, $text) = split / /, $line, 2;
    my $value = decode_base64($text);
    (my $flat = $value) =~ s/\r?\n(?=[ \t])//g;
    my %shown = (
        'Mail::Address' => classic($flat),
        'Mail::Address of the folded' => classic($value),
        'Email::Address::XS' => xs($flat),
        'Email::Address::XS of the folded' => xs($value),
    );
    print $json->encode(\%shown), "\n";
}
