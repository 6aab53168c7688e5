#!/usr/bin/perl
# SPDX-License-Identifier: MIT OR Apache-2.0
# Every way perl has of making a process. What it prints depends neither on
# process ids nor on timing.
use strict;
use warnings;
use IPC::Open2;
use IPC::Open3;
use POSIX qw(:sys_wait_h _exit setsid);

$| = 1;

# Runs code in a child; returns its exit status.
sub in_child {
    my ($code) = @_;
    my $pid = fork() // die "fork: $!";
    _exit($code->()) if $pid == 0;
    waitpid($pid, 0) == $pid or die "waitpid: $!";
    return WIFEXITED($?) ? WEXITSTATUS($?) : "signal " . WTERMSIG($?);
}

sub forks {
    print "statuses @{[ map { my $n = $_; in_child(sub { $n }) } 1 .. 20 ]}\n";
    print "signal: ", in_child(sub { kill KILL => $$; sleep 30 }), "\n";
    my $parent = $$;
    print "pids: ", in_child(sub { $$ != $parent && getppid() == $parent ? 3 : 4 }), "\n";
    print "as in /proc: ", in_child(sub { (readlink('/proc/self') == $$) ? 3 : 4 }), "\n";
}

# Each generation forks the next; the status adds up on the way back.
sub nested {
    my ($depth) = @_;
    return 0 if $depth == 0;
    return 1 + in_child(sub { nested($depth - 1) });
}

# Fork by open: the child talks through its standard output or input.
sub opens {
    my $pid = open(my $from, '-|') // die "open: $!";
    if ($pid == 0) { print "child line $_\n" for 1 .. 3; _exit(5) }
    print "from the child: $_" while <$from>;
    close $from;
    print "status ", $? >> 8, "\n";

    $pid = open(my $to, '|-') // die "open: $!";
    if ($pid == 0) { while (<STDIN>) { print "to the child: $_" } _exit(6) }
    print $to "parent line $_\n" for 1 .. 3;
    close $to;
    print "status ", $? >> 8, "\n";

    open my $list, '-|', 'sort', '-rn', 'numbers' or die "sort: $!";
    chomp(my @sorted = <$list>);
    close $list;
    print "sorted @sorted\n";
    open my $shell, '|-', 'tr a-z A-Z | cat' or die "tr: $!";
    print $shell "through a shell\n";
    close $shell;
    print "missing: ", (do { no warnings 'exec'; open(my $none, '-|', './missing') ? 'opened' : $! + 0 }), "\n";
}

sub systems {
    print "system ", system('exit 3;') >> 8, ' ', system('true') >> 8, "\n";
    print "list ", system('sh', '-c', 'exit $1', 'sh', 9) >> 8, "\n";
    { no warnings "exec"; print "missing ", system('./missing'), ' ', $! + 0, "\n"; }
    my $text = `echo backticks; echo more`;
    print $text;
    print "status ", `exit 7;` // '', $? >> 8, "\n";
    my @lines = `seq 1 500`;
    print "lines ", scalar @lines, "\n";
    my $sum = 0;
    $sum += `echo $_` for 1 .. 30;
    print "sum $sum\n";
}

sub waiting {
    my %status_of;
    for my $status (1 .. 10) {
        my $pid = fork() // die;
        _exit($status) if $pid == 0;
        $status_of{$pid} = $status;
    }
    my $right = 0;
    while ((my $pid = wait()) > 0) { $right++ if $status_of{$pid} == $? >> 8 }
    print "ten, right: $right; then ", wait(), "\n";

    my $reaped = 0;
    local $SIG{CHLD} = sub { $reaped++ while waitpid(-1, WNOHANG) > 0 };
    for (1 .. 5) { my $pid = fork() // die; _exit(0) if $pid == 0 }
    for (1 .. 500) { last if $reaped == 5; select undef, undef, undef, 0.01 }
    print "reaped by the handler: $reaped\n";
}

sub pipes {
    my $pid = open2(my $out, my $in, 'cat', '-n');
    print $in "a\nb\n";
    close $in;
    print "open2 $_" while <$out>;
    waitpid $pid, 0;
    $pid = open3(my $to, my $both, undef, 'sh', '-c', 'echo out; echo err >&2');
    close $to;
    print "open3 $_" for sort <$both>;
    waitpid $pid, 0;

    pipe my $reader, my $writer or die;
    in_child(sub { print $writer 'x' x 50_000; close $writer; 0 });
    close $writer;
    print "pipe ", length(join '', <$reader>), "\n";
    print "session: ", in_child(sub { setsid() == $$ ? 3 : 4 }), "\n";
    print "exec: ", in_child(sub { exec 'sh', '-c', 'exit 11' or 12 }), "\n";
}

# Buffered output and END blocks belong to each process once.
sub ends {
    open my $log, '>', 'log' or die;
    my $pid = fork() // die;
    print $log $pid ? "parent\n" : "child\n";
    close $log if $pid == 0;
    _exit(0) if $pid == 0;
    waitpid $pid, 0;
    close $log;
    open $log, '<', 'log' or die;
    print "log: $_" while <$log>;
    print `perl -e 'END { print "END\n" } my \$p = fork(); waitpid \$p, 0 if \$p'`;
}

open my $numbers, '>', 'numbers' or die;
print $numbers "$_\n" for 3, 11, 7;
close $numbers;
for my $part ([forks => \&forks], [nested => sub { print nested(12), "\n" }],
    [opens => \&opens], [systems => \&systems], [waiting => \&waiting],
    [pipes => \&pipes], [ends => \&ends])
{
    print "== $part->[0]\n";
    $part->[1]->();
}
