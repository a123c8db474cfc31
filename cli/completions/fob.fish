# fish completion for fob(1)

function __fob_names
    fob list 2>/dev/null | awk 'NR > 1 && $1 != "-" { print $1 }'
end

function __fob_tokens
    echo fido
    fob tokens 2>/dev/null | awk 'NR > 1 { print $1 }'
end

set -l commands new list public tokens pin import export remove resident attest reset

complete -c fob -f
complete -c fob -l json -d 'print JSON'
complete -c fob -l help -d 'show help'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -l version -d 'print the version'

complete -c fob -n "not __fish_seen_subcommand_from $commands" -a new -d 'make a key on a token'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a list -d 'list the keys of the agent'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a public -d 'print a public key'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a tokens -d 'show which tokens are plugged in'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a pin -d 'set, change or unblock a PIN'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a import -d 'keep a key of another tool'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a export -d 'write the key file that ssh uses'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a remove -d 'forget a key'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a resident -d 'the SSH keys stored on a token itself'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a attest -d 'what a token attests of a key'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a reset -d 'erase a FIDO2 token'

complete -c fob -n '__fish_seen_subcommand_from new pin import resident reset' -l on -x -a '(__fob_tokens)' -d 'the token'
complete -c fob -n '__fish_seen_subcommand_from new' -s t -l type -x \
    -a 'ecdsa-sk ed25519-sk ecdsa ecdsa-p384 ecdsa-p521 ed25519 rsa' -d 'type'
complete -c fob -n '__fish_seen_subcommand_from new' -s b -l bits -x -a '256 384 521 2048 3072 4096' -d 'size'
complete -c fob -n '__fish_seen_subcommand_from new import' -l slot -x \
    -a '9a 9c 9d 9e 82 83 84 85 86 87 88 89 8a 8b 8c 8d 8e 8f 90 91 92 93 94 95' -d 'slot of a PIV card'
complete -c fob -n '__fish_seen_subcommand_from new import' -l pin-policy -x -a 'never once always' \
    -d 'when a PIV key wants the PIN'
complete -c fob -n '__fish_seen_subcommand_from new import' -l touch-policy -x -a 'never always cached' \
    -d 'when a PIV key wants a touch'
complete -c fob -n '__fish_seen_subcommand_from new' -l resident -d 'store it on the token'
complete -c fob -n '__fish_seen_subcommand_from new' -l verify-required -d 'each use wants the PIN'
complete -c fob -n '__fish_seen_subcommand_from new' -l no-touch -d 'uses want no touch'
complete -c fob -n '__fish_seen_subcommand_from new' -l application -x -a 'ssh:' -d 'what it is for'
complete -c fob -n '__fish_seen_subcommand_from new' -l user -x -d 'user name of a resident key'
complete -c fob -n '__fish_seen_subcommand_from new' -l comment -x -d 'comment'
complete -c fob -n '__fish_seen_subcommand_from new' -l challenge -r -F -d 'what the attestation signs'
complete -c fob -n '__fish_seen_subcommand_from new' -l write-attestation -r -F -d 'where to write the attestation'
complete -c fob -n '__fish_seen_subcommand_from new import' -l replace -d 'overwrite what is in its place'
complete -c fob -n '__fish_seen_subcommand_from new export attest' -s o -l output -r -F -d 'file to write'
complete -c fob -n '__fish_seen_subcommand_from public remove export attest' -a '(__fob_names)'
complete -c fob -n '__fish_seen_subcommand_from remove' -l from-token -d 'delete it from its token, too'
complete -c fob -n '__fish_seen_subcommand_from remove resident' -s y -l yes -d 'do not ask'
complete -c fob -n '__fish_seen_subcommand_from tokens' -s v -l verbose -d 'show more'
complete -c fob -n '__fish_seen_subcommand_from import' -F
complete -c fob -n '__fish_seen_subcommand_from import' -l name -x -d 'what to call the key'
complete -c fob -n '__fish_seen_subcommand_from export' -s p -l passphrase -d 'encrypt it'
complete -c fob -n '__fish_seen_subcommand_from pin; and not __fish_seen_subcommand_from set change unblock status' \
    -a 'set change unblock status'
complete -c fob -n '__fish_seen_subcommand_from resident; and not __fish_seen_subcommand_from list remove rename' \
    -a 'list remove rename'
