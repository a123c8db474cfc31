# fish completion for fob(1)

function __fob_names
    fob list 2>/dev/null | awk 'NR > 1 && $1 != "-" { print $1 }'
end

function __fob_tokens
    echo fido
    fob tokens 2>/dev/null | awk 'NR > 1 { print $1 }'
end

function __fob_slots
    fob slot 2>/dev/null | awk '$1 ~ /^[0-9]+$/ { print $1 }'
end

set -l commands new list keys public import export passphrase comment rename rotate remove authorize sign verify git doctor watch tokens pin resident attest reset unlock lock slot backup restore

complete -c fob -f
complete -c fob -l json -d 'print JSON'
complete -c fob -l help -d 'show help'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -l version -d 'print the version'

complete -c fob -n "not __fish_seen_subcommand_from $commands" -a new -d 'make a key'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a list -d 'list the keys of the agent'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a public -d 'print a public key'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a keys -d 'the keys that there are'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a passphrase -d 'change a passphrase'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a comment -d "change a key's comment"
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a rename -d 'give a key another name'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a rotate -d 'a new key in the place of one'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a authorize -d 'let a key in at a host'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a sign -d 'sign a file'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a verify -d 'verify a signature'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a git -d 'have git sign with a key'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a doctor -d 'why something does not work'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a watch -d 'what is waited for, and last uses'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a tokens -d 'show which tokens are plugged in'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a pin -d 'set, change or unblock a PIN'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a import -d 'keep a key of another tool'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a export -d 'write the key file that ssh uses'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a remove -d 'forget a key'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a unlock -d 'open the vault'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a lock -d 'lock the vault'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a slot -d 'what opens the vault'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a backup -d 'write the vault to a file'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a restore -d 'put a backup in its place'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a resident -d 'the SSH keys stored on a token itself'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a attest -d 'what a token attests of a key'
complete -c fob -n "not __fish_seen_subcommand_from $commands" -a reset -d 'erase a FIDO2 token'

complete -c fob -n '__fish_seen_subcommand_from pin import resident reset slot' -l on -x -a '(__fob_tokens)' -d 'the token'
complete -c fob -n '__fish_seen_subcommand_from new rotate' -l on -x -a '(__fob_tokens) vault' -d 'where'
complete -c fob -n '__fish_seen_subcommand_from new import' -l confirm -d 'each use is to be confirmed'
complete -c fob -n '__fish_seen_subcommand_from new import' -l service -x -d 'where the public key is given'
complete -c fob -n '__fish_seen_subcommand_from unlock' -l with -x -a 'passphrase recovery fido pkcs11' -d 'with this only'
complete -c fob -n '__fish_seen_subcommand_from slot; and not __fish_seen_subcommand_from add remove' -a 'add remove'
complete -c fob -n '__fish_seen_subcommand_from slot; and __fish_seen_subcommand_from add' -a 'passphrase recovery'
complete -c fob -n '__fish_seen_subcommand_from slot; and __fish_seen_subcommand_from add' -l pin -d 'PIN beside the touch'
complete -c fob -n '__fish_seen_subcommand_from slot; and __fish_seen_subcommand_from add' -l no-pin -d 'the touch only'
complete -c fob -n '__fish_seen_subcommand_from slot; and __fish_seen_subcommand_from remove' -a '(__fob_slots)'
complete -c fob -n '__fish_seen_subcommand_from backup restore' -F
complete -c fob -n '__fish_seen_subcommand_from watch' -l once -d 'show how it is now, and end'
complete -c fob -n '__fish_seen_subcommand_from authorize' -a '(__fob_names)'
complete -c fob -n '__fish_seen_subcommand_from authorize doctor' -a '(__fish_print_hostnames)'
complete -c fob -n '__fish_seen_subcommand_from authorize doctor' -l port -x -d 'port of the host'
complete -c fob -n '__fish_seen_subcommand_from sign verify' -F
complete -c fob -n '__fish_seen_subcommand_from sign verify' -s n -l namespace -x -a 'file git' -d 'what it is for'
complete -c fob -n '__fish_seen_subcommand_from sign git' -s k -l key -x -a '(__fob_names)' -d 'the key'
complete -c fob -n '__fish_seen_subcommand_from sign' -s o -l output -r -F -d 'where the signature goes'
complete -c fob -n '__fish_seen_subcommand_from sign git' -l force -d 'what is there may go'
complete -c fob -n '__fish_seen_subcommand_from verify' -s s -l signature -r -F -d 'the signature'
complete -c fob -n '__fish_seen_subcommand_from verify' -s f -l allowed-signers -r -F -d 'whose keys are whose'
complete -c fob -n '__fish_seen_subcommand_from verify' -s I -l identity -x -d 'who is to have signed'
complete -c fob -n '__fish_seen_subcommand_from git; and not __fish_seen_subcommand_from setup' -a setup -d 'set git up'
complete -c fob -n '__fish_seen_subcommand_from git' -l global -d 'for all repositories'
complete -c fob -n '__fish_seen_subcommand_from git' -l local -d 'for the repository here'
complete -c fob -n '__fish_seen_subcommand_from backup restore' -l replace -d 'what is there may go'
complete -c fob -n '__fish_seen_subcommand_from new rotate' -s t -l type -x \
    -a 'ecdsa-sk ed25519-sk ecdsa ecdsa-p384 ecdsa-p521 ed25519 rsa' -d 'type'
complete -c fob -n '__fish_seen_subcommand_from new' -s b -l bits -x -a '256 384 521 2048 3072 4096' -d 'size'
complete -c fob -n '__fish_seen_subcommand_from new import rotate' -l slot -x \
    -a '9a 9c 9d 9e 82 83 84 85 86 87 88 89 8a 8b 8c 8d 8e 8f 90 91 92 93 94 95' -d 'slot of a PIV card'
complete -c fob -n '__fish_seen_subcommand_from new import rotate' -l pin-policy -x -a 'never once always' \
    -d 'when a PIV key wants the PIN'
complete -c fob -n '__fish_seen_subcommand_from new import rotate' -l touch-policy -x -a 'never always cached' \
    -d 'when a PIV key wants a touch'
complete -c fob -n '__fish_seen_subcommand_from new' -l resident -d 'store it on the token'
complete -c fob -n '__fish_seen_subcommand_from new' -l verify-required -d 'each use wants the PIN'
complete -c fob -n '__fish_seen_subcommand_from new' -l no-touch -d 'uses want no touch'
complete -c fob -n '__fish_seen_subcommand_from new' -l application -x -a 'ssh:' -d 'what it is for'
complete -c fob -n '__fish_seen_subcommand_from new' -l user -x -d 'user name of a resident key'
complete -c fob -n '__fish_seen_subcommand_from new public' -l for -x \
    -a 'github gitlab bitbucket bitbucket-pipelines seqera clever-cloud enscale jasmin authorized-keys' -d 'the service that gets it'
complete -c fob -n '__fish_seen_subcommand_from new public' -l account -x -d 'the account there'
complete -c fob -n '__fish_seen_subcommand_from new public' -l copy -d 'put it on the clipboard'
complete -c fob -n '__fish_seen_subcommand_from new public' -s y -l yes -d 'ask nothing'
complete -c fob -n '__fish_seen_subcommand_from new export passphrase' -l no-passphrase -d 'do not encrypt the file'
complete -c fob -n '__fish_seen_subcommand_from public' -l format -x -a 'openssh rfc4716 pem' -d 'how to write it'
complete -c fob -n '__fish_seen_subcommand_from list' -l files -d 'and the keys in ~/.ssh'
complete -c fob -n '__fish_seen_subcommand_from new import' -l comment -x -d 'comment'
complete -c fob -n '__fish_seen_subcommand_from new' -l challenge -r -F -d 'what the attestation signs'
complete -c fob -n '__fish_seen_subcommand_from new' -l write-attestation -r -F -d 'where to write the attestation'
complete -c fob -n '__fish_seen_subcommand_from new import' -l replace -d 'overwrite what is in its place'
complete -c fob -n '__fish_seen_subcommand_from new export attest' -s o -l output -r -F -d 'file to write'
complete -c fob -n '__fish_seen_subcommand_from public remove export attest comment rename rotate; and not __fish_seen_subcommand_from slot' \
    -a '(__fob_names)'
complete -c fob -n '__fish_seen_subcommand_from remove; and not __fish_seen_subcommand_from slot resident' -l force \
    -d 'do not ask for a key in the vault, either'
complete -c fob -n '__fish_seen_subcommand_from remove' -l from-token -d 'delete it from its token, too'
complete -c fob -n '__fish_seen_subcommand_from remove resident' -s y -l yes -d 'do not ask'
complete -c fob -n '__fish_seen_subcommand_from tokens' -s v -l verbose -d 'show more'
complete -c fob -n '__fish_seen_subcommand_from import' -F
complete -c fob -n '__fish_seen_subcommand_from import' -l name -x -d 'what to call the key'
complete -c fob -n '__fish_seen_subcommand_from passphrase comment' -F
complete -c fob -n '__fish_seen_subcommand_from passphrase' -l all -d 'in the place of all that the vault has'
complete -c fob -n '__fish_seen_subcommand_from import' -l paste -d 'paste it at the terminal'
complete -c fob -n '__fish_seen_subcommand_from export' -l format -x -a 'openssh pem pkcs8 ppk' -d 'how to write it'
complete -c fob -n '__fish_seen_subcommand_from export' -s p -l passphrase -d 'encrypt it'
complete -c fob -n '__fish_seen_subcommand_from pin; and not __fish_seen_subcommand_from set change unblock status' \
    -a 'set change unblock status'
complete -c fob -n '__fish_seen_subcommand_from resident; and not __fish_seen_subcommand_from list remove rename' \
    -a 'list remove rename'
