# fish completion for fob(1)

function __fob_names
    fob list 2>/dev/null | awk 'NR > 1 && $1 != "-" { print $1 }'
end

function __fob_tokens
    echo fido
    fob tokens 2>/dev/null | awk 'NR > 1 { print $1 }'
end

set -l commands new list public tokens pin import export remove resident reset

complete -c fob -f
complete -c fob -l json -d 'print JSON'
complete -c fob -l help -d 'show help'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -l version -d 'print the version'

complete -c fob -n "not __fish_seen_subcommand_from $commands" -a new -d 'make a key on a token'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a list -d 'list the keys of the agent'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a public -d 'print a public key'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a tokens -d 'show which tokens are plugged in'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a pin -d 'set or change a PIN, or show its state'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a import -d 'keep FIDO2 keys that ssh-keygen made'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a export -d 'write the key file that ssh uses'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a remove -d 'forget a key'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a resident -d 'the SSH keys stored on a token itself'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a reset -d 'erase a token'

complete -c fob -n '__fish_seen_subcommand_from new pin resident reset' -l on -x -a '(__fob_tokens)' -d 'the token'
complete -c fob -n '__fish_seen_subcommand_from new' -s t -l type -x -a 'ecdsa-sk ed25519-sk' -d 'type'
complete -c fob -n '__fish_seen_subcommand_from new' -l resident -d 'store it on the token'
complete -c fob -n '__fish_seen_subcommand_from new' -l verify-required -d 'each use wants the PIN'
complete -c fob -n '__fish_seen_subcommand_from new' -l no-touch -d 'uses want no touch'
complete -c fob -n '__fish_seen_subcommand_from new' -l application -x -a 'ssh:' -d 'what it is for'
complete -c fob -n '__fish_seen_subcommand_from new' -l user -x -d 'user name of a resident key'
complete -c fob -n '__fish_seen_subcommand_from new' -l comment -x -d 'comment'
complete -c fob -n '__fish_seen_subcommand_from new' -l challenge -r -F -d 'what the attestation signs'
complete -c fob -n '__fish_seen_subcommand_from new' -l write-attestation -r -F -d 'where to write the attestation'
complete -c fob -n '__fish_seen_subcommand_from new' -l replace -d 'overwrite a resident key'
complete -c fob -n '__fish_seen_subcommand_from new export' -s o -l output -r -F -d 'key file to write'
complete -c fob -n '__fish_seen_subcommand_from public remove export' -a '(__fob_names)'
complete -c fob -n '__fish_seen_subcommand_from remove' -l from-token -d 'delete it from its token, too'
complete -c fob -n '__fish_seen_subcommand_from remove resident' -s y -l yes -d 'do not ask'
complete -c fob -n '__fish_seen_subcommand_from tokens' -s v -l verbose -d 'show more'
complete -c fob -n '__fish_seen_subcommand_from import' -F
complete -c fob -n '__fish_seen_subcommand_from import' -l name -x -d 'what to call the key'
complete -c fob -n '__fish_seen_subcommand_from export' -s p -l passphrase -d 'encrypt it'
complete -c fob -n '__fish_seen_subcommand_from pin; and not __fish_seen_subcommand_from set change status' \
    -a 'set change status'
complete -c fob -n '__fish_seen_subcommand_from resident; and not __fish_seen_subcommand_from list remove rename' \
    -a 'list remove rename'
