#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# What Mail::Address and Email::Address::XS make of a From value, and Mail::AuthenticationResults and
# integrations/spamassassin of one of Authentication-Results. See ../README.md.
# usage: reader.pl VERIMAIL.PM ID
use strict;
use warnings;

use Email::Address::XS;
use JSON::PP ();
use Mail::Address;
use Mail::AuthenticationResults::Parser;
use MIME::Base64 qw(decode_base64);

# The plugin reads headers without SpamAssassin.
BEGIN {
    $INC{"Mail/SpamAssassin/$_.pm"} = 1 for qw(Conf Plugin);
    require(shift @ARGV);
}
my $id = shift @ARGV;

# What a module warns of is not our affair.
local $SIG{__WARN__} = sub { };
$| = 1;
my $json = JSON::PP->new->ascii;

# Both take octets. UTF-8 becomes characters, what is none stays Latin-1.
sub shown   { [map { my $text = $_->address // ''; utf8::decode($text); $text } @_] }
sub classic { shown(Mail::Address->parse($_[0])) }
sub xs      { shown(Email::Address::XS->parse($_[0])) }

sub authors {
    my ($value) = @_;
    (my $flat = $value) =~ s/\r?\n(?=[ \t])//g;
    return {
        'Mail::Address' => classic($flat),
        'Mail::Address of the folded' => classic($value),
        'Email::Address::XS' => xs($flat),
        'Email::Address::XS of the folded' => xs($value),
    };
}

sub parsed_pass {
    my $parsed = Mail::AuthenticationResults::Parser->new->parse($_[0]);

    return 0 if lc($parsed->value->value) ne $id;
    return scalar grep { lc($_->key // '') eq 'verimail' && lc($_->value // '') eq 'pass' }
        @{ $parsed->children };
}

sub results {
    my ($value) = @_;
    (my $flat = $value) =~ s/\r?\n(?=[ \t])//g;
    my $ours = Mail::SpamAssassin::Plugin::Verimail::find_ours("Authentication-Results:$value\n", $id);
    my $parsed = eval { parsed_pass($flat) };
    return {
        'Mail::AuthenticationResults' => $parsed ? JSON::PP::true : JSON::PP::false,
        'integrations/spamassassin' =>
            ($ours // '') =~ /\Apass(?:[ \t]|\z)/ ? JSON::PP::true : JSON::PP::false,
    };
}

while (my $line = <STDIN>) {
    my ($kind, $text) = split / /, $line, 2;
    my $value = decode_base64($text);
    print $json->encode($kind eq 'F' ? authors($value) : results($value)), "\n";
}
