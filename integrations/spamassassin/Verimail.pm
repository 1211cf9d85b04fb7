# SPDX-License-Identifier: ISC
# Tells the rules of verimail.cf which result verimail-milter wrote. The milter deletes what came with a
# message in its name and puts its own field above all others: of our id, the topmost counts.
package Mail::SpamAssassin::Plugin::Verimail;

use strict;
use warnings;
use re 'taint';

use Mail::SpamAssassin::Conf;
use Mail::SpamAssassin::Plugin;

our @ISA = qw(Mail::SpamAssassin::Plugin);

sub new {
    my ($class, $main) = @_;
    my $self = $class->SUPER::new($main);

    bless $self, $class;
    $self->register_eval_rule('check_verimail', $Mail::SpamAssassin::Conf::TYPE_HEAD_EVALS);
    $main->{conf}{parser}->register_commands([{
        setting => 'verimail_authserv_id',
        is_admin => 1,
        code => \&set_id,
    }]);
    return $self;
}

sub set_id {
    my ($conf, $key, $value) = @_;

    return $Mail::SpamAssassin::Conf::MISSING_REQUIRED_VALUE if $value eq '';
    return $Mail::SpamAssassin::Conf::INVALID_VALUE if $value !~ /\A[A-Za-z0-9.-]+\z/;
    $conf->{verimail_authserv_id} = $value;
    return;
}

# Without an id no rule can ever fire: `spamassassin --lint` says so.
sub finish_parsing_end {
    my ($self, $opts) = @_;
    my $conf = $opts->{conf};

    $conf->{parser}->lint_warn('config: verimail_authserv_id is not set: no result is looked at')
        if !defined $conf->{verimail_authserv_id};
    return;
}

# What stands behind `ID; verimail=` in the topmost field that begins so; undef if there is none. The
# headers are read as they came: SpamAssassin's own rules see them with encoded words decoded, which
# may hide a whole field from the milter.
sub find_ours {
    my ($headers, $id) = @_;

    $headers =~ s/\r\n/\n/g;
    $headers =~ s/\n[ \t]/ /g;
    return $1
        if $headers =~ /^Authentication-Results:[ \t]*\Q$id\E;[ \t]*(?-i:verimail=)([^\n]*)/mi;
    return;
}

# The result, and its reason if it has one: ('neutral', 'redirected').
sub read_result {
    my ($pms) = @_;
    my $id = $pms->{conf}{verimail_authserv_id};
    my $ours = defined $id ? find_ours($pms->{msg}->get_pristine_header(), $id) : undef;

    return if !defined $ours || $ours !~ /\A([a-z]+)(?:[ \t]+reason="([a-z-]+)")?(?:[ \t]|\z)/;
    return ($1, $2);
}

# Whether this is the result, and the reason if the rule names one.
sub check_verimail {
    my ($self, $pms, $result, $reason) = @_;
    my ($our_result, $our_reason) = @{ $pms->{verimail_result} //= [read_result($pms)] };

    return 0 if !defined $our_result || $our_result ne $result;
    return 1 if !defined $reason;
    return defined $our_reason && $our_reason eq $reason ? 1 : 0;
}

1;
